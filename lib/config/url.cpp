// Connection strings: scheme://user:password@host:port/database?key=value, SQLite's paths, and Go's data source names.
#include <algorithm>
#include <charconv>

#include "normalise.hpp"
#include "utf8.hpp"

namespace tl::config {
namespace {

int hex(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  const char l = static_cast<char>(c | 0x20);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

std::optional<std::string> decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size() || hex(text[i + 1]) < 0 || hex(text[i + 2]) < 0) return std::nullopt;
    out += static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
    i += 2;
  }
  return out;
}

struct Parameter {
  std::string_view name;
  std::string_view key;
  Unit unit = Unit::none;
};

constexpr Parameter postgresql_parameters[] = {
    {"host", "host"},
    {"port", "port"},
    {"user", "user"},
    {"password", "password"},
    {"dbname", "database"},
    {"sslmode", "sslmode"},
    {"sslrootcert", "ca"},
    {"sslcert", "cert"},
    {"sslkey", "key"},
    {"application_name", "application_name"},
    {"connect_timeout", "pool.create_timeout", Unit::seconds},
};
constexpr Parameter mysql_parameters[] = {
    {"socket", "socket"},
    {"charset", "charset"},
    {"connect_timeout", "pool.create_timeout", Unit::seconds},
    {"ssl-mode", "sslmode"},
    {"sslmode", "sslmode"},
    {"ssl-ca", "ca"},
    {"timeout", "pool.create_timeout"},
    {"parseTime", "ignored.parseTime"},
    {"loc", "ignored.loc"},
};

class UrlReader {
 public:
  UrlReader(const Node& url, const Blame& blame, const std::string& path) : url_(url), blame_(blame), path_(path) {}

  Result<Node> parts() {
    const std::string_view text = url_.text;
    const size_t colon = text.find("://");
    const size_t sqlite_colon = text.rfind("sqlite:", 0) == 0 ? 6 : std::string_view::npos;
    if (colon == std::string_view::npos && sqlite_colon == std::string_view::npos) return go_name(text);
    std::string_view scheme = text.substr(0, std::min(colon, sqlite_colon));
    scheme = scheme.substr(0, scheme.find('+'));  // SQLAlchemy's "postgresql+psycopg2"
    const auto driver = driver_by_name(scheme);
    if (!driver) return bad("the url's scheme is no driver's name", nearest(scheme, driver_names()));
    kind_ = *driver;
    put("driver", std::string(driver_name(kind_)));
    if (kind_ == DriverKind::sqlite)
      return sqlite(colon == std::string_view::npos ? text.substr(7) : text.substr(colon + 3));
    return server(text.substr(colon + 3));
  }

 private:
  Failure bad(std::string_view what, std::string_view suggestion = {}) const {
    return blame_.at(url_.origin, path_, what, suggestion);
  }

  void put(std::string_view key, std::string value, Unit unit = Unit::none) {
    Node node = Node::string(std::move(value), url_.origin);
    node.from_variable = true;  // everything in a url is text: it may become a number
    node.from_outside = url_.from_outside;
    node.unit = unit;
    node.alias = "url";
    if (key == "socket") out_.erase("host");  // as of two parameters the last one counts
    if (key == "host") out_.erase("socket");
    Node* table = &out_;
    if (const size_t dot = key.find('.'); dot != std::string_view::npos) {
      const std::string_view parent = key.substr(0, dot);
      if (out_.find(parent) == nullptr) out_.set(parent, Node::table(url_.origin));
      table = out_.find(parent);
      key.remove_prefix(dot + 1);
    }
    table->set(key, std::move(node));
  }

  // "sqlite:///relative.db", "sqlite:////absolute.db", "sqlite://:memory:", "sqlite:file.db".
  Result<Node> sqlite(std::string_view rest) {
    if (rest.size() > 1 && rest[0] == '/') rest.remove_prefix(1);
    const auto file = decoded(rest.substr(0, rest.find('?')));
    if (!file) return bad("a % in the url is not followed by two hexadecimal digits");
    if (rest.find('?') != std::string_view::npos) return bad("a SQLite url takes no parameters");
    put("database", file->empty() || *file == "/" ? ":memory:" : *file);
    return std::move(out_);
  }

  Result<Node> server(std::string_view rest) {
    // A piece of a password behind it would be taken for a database or a parameter, and told as one.
    const size_t address_end = std::min(rest.find_first_of("/?"), rest.size());
    if (rest.find('@', address_end) != std::string_view::npos)
      return bad("an @ comes after a / or ?; write those of user and password as %2F and %3F, an @ elsewhere as %40");
    std::string_view query;
    if (const size_t mark = rest.find('?'); mark != std::string_view::npos) {
      query = rest.substr(mark + 1);
      rest = rest.substr(0, mark);
    }
    std::string_view database;
    if (const size_t slash = rest.find('/'); slash != std::string_view::npos) {
      database = rest.substr(slash + 1);
      rest = rest.substr(0, slash);
    }
    if (const size_t at = rest.rfind('@'); at != std::string_view::npos) {
      if (Result<void> done = user(rest.substr(0, at)); !done) return done.take_error();
      rest = rest.substr(at + 1);
    }
    if (Result<void> done = host(rest); !done) return done.take_error();
    if (!database.empty()) {
      if (Result<void> done = put_decoded("database", database); !done) return done.take_error();
    }
    if (Result<void> done = parameters(query); !done) return done.take_error();
    return std::move(out_);
  }

  Result<void> put_decoded(std::string_view key, std::string_view text, Unit unit = Unit::none) {
    auto value = decoded(text);
    if (!value) return bad("a % in the url is not followed by two hexadecimal digits");
    if (value->find('\0') != std::string::npos) return bad("the url holds a NUL");
    if (!is_utf8(value->data(), value->size())) return bad("the url's %XX are not valid UTF-8");
    put(key, std::move(*value), unit);
    return {};
  }

  Result<void> user(std::string_view text) {
    const size_t colon = text.find(':');
    if (colon != std::string_view::npos) {
      if (Result<void> done = put_decoded("password", text.substr(colon + 1)); !done) return done;
    }
    return text.substr(0, colon).empty() ? Result<void>() : put_decoded("user", text.substr(0, colon));
  }

  Result<void> host(std::string_view text) {
    if (text.empty()) return {};
    if (text.find(',') != std::string_view::npos) return bad("a url names one host; use replicas for more");
    std::string_view port;
    if (text[0] == '[') {  // an IPv6 address
      const size_t close = text.find(']');
      if (close == std::string_view::npos) return bad("the url's [ is not closed");
      const std::string_view after = text.substr(close + 1);
      if (!after.empty() && after[0] != ':') return bad("only :port may follow the url's ]");
      if (!after.empty()) port = after.substr(1);
      text = text.substr(1, close - 1);
    } else if (std::count(text.begin(), text.end(), ':') > 1) {
      return bad("the url's host holds several colons; an IPv6 address stands in [ ]");
    } else if (const size_t colon = text.find(':'); colon != std::string_view::npos) {
      port = text.substr(colon + 1);
      text = text.substr(0, colon);
    }
    if (!port.empty()) {
      if (port.find_first_not_of("0123456789") != std::string_view::npos) {
        return bad("the url's port is not a number; is a character of the password not written as %XX?");
      }
      put("port", std::string(port));
    }
    return text.empty() ? Result<void>() : put_decoded("host", text);
  }

  Result<void> parameters(std::string_view query) {
    if (kind_ == DriverKind::mongodb) return {};  // only its driver could judge them
    while (!query.empty()) {
      const std::string_view pair = query.substr(0, query.find('&'));
      query.remove_prefix(std::min(query.size(), pair.size() + 1));
      const size_t equals = pair.find('=');
      if (equals == std::string_view::npos) return bad("a parameter of the url has no value");
      if (Result<void> done = parameter(pair.substr(0, equals), pair.substr(equals + 1)); !done) return done;
    }
    return {};
  }

  Result<void> parameter(std::string_view name, std::string_view value) {
    const bool mysql = kind_ == DriverKind::mysql || kind_ == DriverKind::mariadb;
    const std::span<const Parameter> known =
        mysql ? std::span<const Parameter>(mysql_parameters) : postgresql_parameters;
    std::vector<std::string_view> names;
    for (const Parameter& parameter : known) {
      names.push_back(parameter.name);
      if (parameter.name != name) continue;
      // libpq's host is a folder of unix sockets when it begins with a slash.
      const bool socket = parameter.key == "host" && value.substr(0, 1) == "/";
      const bool encoded_socket =
          parameter.key == "host" && (value.substr(0, 3) == "%2F" || value.substr(0, 3) == "%2f");
      return put_decoded(socket || encoded_socket ? "socket" : parameter.key, value, parameter.unit);
    }
    return bad("the url has an unknown parameter " + std::string(name), nearest(name, names));
  }

  // user:password@tcp(host:port)/database, user@unix(/path)/database, as Go's MySQL driver writes it.
  Result<Node> go_name(std::string_view text) {
    const size_t open = text.find('(');
    const size_t close = text.find(')', open == std::string_view::npos ? 0 : open);
    const size_t at = open == std::string_view::npos ? std::string_view::npos : text.rfind('@', open);
    if (open == std::string_view::npos || close == std::string_view::npos || close + 1 >= text.size() ||
        text[close + 1] != '/') {
      return bad("is no url: it begins with no scheme://");
    }
    if (text.find('@', open) != std::string_view::npos)  // of a password that holds a bracket
      return bad("an @ comes after the (; write this address as keys, or as a url with %XX");
    kind_ = DriverKind::mysql;
    put("driver", "mysql");
    if (at != std::string_view::npos) {
      const std::string_view who = text.substr(0, at);
      const size_t colon = who.find(':');
      put("user", std::string(who.substr(0, colon)));
      if (colon != std::string_view::npos) put("password", std::string(who.substr(colon + 1)));
    }
    const size_t network = at == std::string_view::npos ? 0 : at + 1;
    const std::string_view protocol = text.substr(network, open - network);
    const std::string_view address = text.substr(open + 1, close - open - 1);
    if (protocol == "unix") {
      put("socket", std::string(address));
    } else if (protocol != "tcp") {
      return bad("the data source name's network is neither tcp nor unix");
    } else if (Result<void> done = host(address); !done) {
      return done.take_error();
    }
    std::string_view database = text.substr(close + 2);
    std::string_view query;
    if (const size_t mark = database.find('?'); mark != std::string_view::npos) {
      query = database.substr(mark + 1);
      database = database.substr(0, mark);
    }
    if (!database.empty()) put("database", std::string(database));
    if (Result<void> done = parameters(query); !done) return done.take_error();
    return std::move(out_);
  }

  const Node& url_;
  const Blame& blame_;
  const std::string& path_;
  DriverKind kind_ = DriverKind::sqlite;
  Node out_;
};

}  // namespace

Result<Node> url_parts(const Node& url, const Blame& blame, const std::string& path) {
  return UrlReader(url, blame, path).parts();
}

}  // namespace tl::config
