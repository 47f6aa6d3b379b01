// A PostgreSQL server that asks for more than it should be given. What it gets is recorded.
#include <array>
#include <vector>

#include "rogue.hpp"

namespace rogue {
namespace {

const std::string asks_for_tls = bytes({0, 0, 0, 8, 4, 210, 22, 47});

std::string number(size_t value) {
  std::string text;
  for (const int shift : {24, 16, 8, 0}) text += static_cast<char>(value >> shift & 255);
  return text;
}

// One message of the protocol.
std::string message(char type, const std::string& body) { return type + number(4 + body.size()) + body; }

std::string authentication(size_t kind, const std::string& more = "") { return message('R', number(kind) + more); }

std::string zeros_for_bars(std::string text) {
  for (char& c : text) c = c == '|' ? '\0' : c;
  return text;
}

constexpr size_t trusted = 0, kerberos = 2, in_clear = 3, md5 = 5, scm = 6, gss = 7, sspi = 9, sasl = 10,
                 sasl_more = 11;

const std::string refusal = message('E', zeros_for_bars("SFATAL|VFATAL|C28P01|Mno||"));
const std::string ready = message('Z', "I");
const std::string lets_in = authentication(trusted) + message('S', zeros_for_bars("server_version|15.0|")) +
                            message('S', zeros_for_bars("client_encoding|UTF8|")) +
                            message('S', zeros_for_bars("standard_conforming_strings|on|")) +
                            message('K', number(1) + number(2)) + ready;
const std::string parsed = message('1', "") + message('t', bytes({0, 0})) +
                           message('T', bytes({0, 1}) + zeros_for_bars("a|") + number(0) + bytes({0, 0}) + number(20) +
                                            bytes({0, 8}) + number(0xffffffff) + bytes({0, 0})) +
                           ready;

// To the question who it is: the process that it has greeted as.
const std::string is_itself = message('T', bytes({0, 1}) + zeros_for_bars("a|") + number(0) + bytes({0, 0}) +
                                               number(23) + bytes({0, 4}) + number(0xffffffff) + bytes({0, 0})) +
                              message('D', bytes({0, 1}) + number(1) + "1") +
                              message('C', zeros_for_bars("SELECT 1|")) + ready;

// Who asks for TLS is answered with `to_tls`, each other thing that is said with the next of `answers`.
std::function<Rogue::Script()> answering(const std::string& to_tls, const std::vector<std::string>& answers) {
  return [to_tls, answers] {
    return [to_tls, answers, next = size_t{0}](const std::string& said) mutable {
      if (said == asks_for_tls) return to_tls;
      return next < answers.size() ? answers[next++] : "";
    };
  };
}

class Server : public Rogue {
 public:
  explicit Server(const std::vector<std::string>& answers, const std::string& to_tls = "N")
      : Rogue("", answering(to_tls, answers)) {}
  [[nodiscard]] std::string refuses(const std::string& sslmode, const std::string& sql = "SELECT 1",
                                    const std::string& host = "127.0.0.1") const {
    return refused(connection(*this, "postgresql", line("sslmode", sslmode), host), sql);
  }
  // The types of all messages behind that which begins a session, where no TLS was asked for: in order.
  [[nodiscard]] std::string types_heard() const {
    const std::string all = heard();
    const auto size_at = [&](size_t at) {
      size_t size = 0;
      for (size_t i = at; i < at + 4; ++i) size = size << 8 | static_cast<unsigned char>(all[i]);
      return size;
    };
    std::string types;
    for (size_t at = 0; at + 4 < all.size();) {
      if (all[at] == '\0') {  // the beginning of a session, or a cancel
        at += size_at(at);
      } else {
        types += all[at];
        at += 1 + size_at(at + 1);
      }
    }
    return types;
  }
};

// What is said behind the questions for TLS, without the handshake that follows where one is answered.
std::string said_in_clear(std::string heard) {
  const auto drop = [&](size_t size) { heard.erase(0, size); };
  for (;;) {
    if (heard.rfind(asks_for_tls, 0) == 0) {
      drop(asks_for_tls.size());
    } else if (heard.size() >= 5 && (heard[0] == 21 || heard[0] == 22)) {  // an alert, a handshake: its length last
      drop(5 + (static_cast<unsigned char>(heard[3]) << 8 | static_cast<unsigned char>(heard[4])));
    } else {
      return heard;
    }
  }
}

bool warned_of(const std::string& toml) {
  const auto registry = trunkline::registry::parse(toml);
  registry.close();  // what the file shows is told without asking
  for (const auto& [name, endpoint, weakness] : registry.inspect("check").as<std::string, std::string, std::string>()) {
    if (weakness.find("its password is given in clear") != std::string::npos) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("a server without TLS, or with something else in its place, hears nothing but the question for it") {
  const std::string asks = authentication(in_clear);
  for (const std::string& to_tls : {std::string("N"), "N" + asks, asks, "S" + asks, refusal, ready, "E" + asks}) {
    CAPTURE(to_tls);
    for (const std::string mode : {"require", "verify-ca", "verify-full"}) {
      CAPTURE(mode);
      const Server rogue({asks, asks, lets_in}, to_tls);
      CHECK(rogue.refuses(mode) != "");
      CHECK_FALSE(rogue.heard().empty());
      CHECK(said_in_clear(rogue.heard()).empty());
    }
  }
}

TEST_CASE("where a server could be given the password in clear, the check of the configuration warns of it") {
  for (const std::string mode : {"disable", "prefer", "require", "verify-ca", "verify-full"}) {
    CAPTURE(mode);
    const Server rogue({authentication(in_clear), refusal});
    const std::string elsewhere = "0.0.0.0";  // leads here, but is no name of this machine
    CHECK(rogue.refuses(mode, "SELECT 1", elsewhere) != "");
    const bool given = rogue.heard(canary);
    CHECK(given == (mode == "disable" || mode == "prefer"));
    const bool warned = warned_of(connection(rogue, "postgresql", line("sslmode", mode), elsewhere));
    CHECK(warned == (mode != "verify-full"));  // with TLS that checks no name, whoever stands in between may ask
    CHECK((warned || !given));
  }
}

TEST_CASE("who asks for the password in any other way does not get it in clear") {
  const std::string mechanism = authentication(sasl, zeros_for_bars("SCRAM-SHA-256||"));
  const std::vector<std::vector<std::string>> ways = {
      {authentication(md5, "salt"), refusal},
      {mechanism, authentication(sasl_more, "r=another,s=c2FsdA==,i=1"), refusal},
      {authentication(sasl, zeros_for_bars("PLAIN||")), refusal},
      {authentication(trusted) + refusal},
      {lets_in, authentication(in_clear), authentication(in_clear)},
      {authentication(kerberos), refusal},
      {authentication(scm), refusal},
      {authentication(gss), refusal},
      {authentication(sspi), refusal},
      {authentication(99), refusal}};
  for (size_t i = 0; i < ways.size(); ++i) {
    CAPTURE(i);
    const Server rogue(ways[i]);
    CHECK(rogue.refuses("prefer") != "");
    CHECK(rogue.heard("app"));
    CHECK_FALSE(rogue.heard(canary));
  }
}

TEST_CASE("a server that asks for data gets none, whatever the statement and however far it has come") {
  const SecretFile file;
  const auto gets_nothing = [&](const std::string& sql, const std::vector<std::string>& answers, bool opens = true) {
    CAPTURE(sql);
    const Server rogue(answers);
    CHECK(rogue.refuses("disable", sql) != "");
    CHECK(rogue.heard(sql) == opens);
    CHECK_FALSE(rogue.heard(file.secret));
    CHECK_FALSE(rogue.heard(canary));
    const std::string types = rogue.types_heard();
    CHECK_MESSAGE(types.find_first_of("dc") == std::string::npos, types);  // data, and its end
  };
  for (const char asks : {'G', 'H', 'W'}) {  // copy in, out, and both
    CAPTURE(asks);
    const std::string copy = message(asks, bytes({0, 0, 1, 0, 0}));
    for (const std::string& sql : {std::string("SELECT 1"), std::string("SELECT 1; SELECT 2"),
                                   std::string("COPY t FROM STDIN"), "COPY t FROM '" + file.path + "'"}) {
      gets_nothing(sql, {lets_in, is_itself, copy, copy, copy});
    }
    gets_nothing("SELECT 1", {lets_in, is_itself, message('1', "") + copy, copy, copy});
    gets_nothing("SELECT 1", {lets_in, is_itself, parsed, message('2', "") + copy, copy, copy});
    gets_nothing("SELECT 1", {lets_in, copy, copy, copy}, false);
  }
}

}  // namespace rogue
