// The driver, and what opening a session does.
#include <netdb.h>
#include <openssl/crypto.h>
#include <pwd.h>
#include <unistd.h>

#include <cstdlib>

#include "postgresql_driver.hpp"
#include "postgresql_session.hpp"

namespace tl::postgresql {
namespace {

// No such file: stands where libpq would otherwise look for one in the user's home.
constexpr const char* no_file = "/dev/null/none";
constexpr const char* system_authorities = "/etc/ssl/certs/ca-certificates.crt";
// How values are written, and how the lexer and the server both read literals, whatever a role or database says. A
// number of float digits says that PostgreSQL may write any double exactly.
constexpr const char* fixed_settings =
    "-c DateStyle=ISO -c IntervalStyle=postgres -c bytea_output=hex -c extra_float_digits=1 "
    "-c standard_conforming_strings=on";

class ServerCanceller final : public driver::Canceller {
 public:
  explicit ServerCanceller(PGconn* conn) : cancel_(PQgetCancel(conn)) {}
  ~ServerCanceller() override { PQfreeCancel(cancel_); }
  [[nodiscard]] bool blocks() const noexcept override { return true; }
  void cancel(driver::Dial& dial) noexcept override {
    (void)dial;  // libpq can neither be told a deadline nor be interrupted
    char why[256];
    (void)PQcancel(cancel_, why, sizeof why);  // what it did shows in the answer
  }

 private:
  PGcancel* const cancel_;
};

class PostgresqlDriver final : public driver::Driver {
 public:
  [[nodiscard]] sql::Dialect dialect() const noexcept override { return sql::Dialect::postgresql; }
  [[nodiscard]] Result<std::unique_ptr<driver::Session>> open(const config::Address& address,
                                                              driver::Dial& dial) override {
    return PostgresqlSession::open(address, dial);
  }
  // One sync behind all rows makes them one transaction; inside another, the failure of a row fails that.
  [[nodiscard]] bool runs_many_as_one(const sql::Statement& statement) const noexcept override {
    return !may_commit(statement);
  }
  [[nodiscard]] std::string begin_text(const driver::TransactionOptions& options) const override {
    std::string text = "BEGIN";
    switch (options.isolation) {
      case driver::Isolation::server_default: break;
      case driver::Isolation::read_committed: text += " ISOLATION LEVEL READ COMMITTED"; break;
      case driver::Isolation::repeatable_read: text += " ISOLATION LEVEL REPEATABLE READ"; break;
      case driver::Isolation::serializable: text += " ISOLATION LEVEL SERIALIZABLE"; break;
    }
    if (options.read_only) text += " READ ONLY";
    return text;
  }
};

std::string process_user() {
  passwd entry{};
  passwd* found = nullptr;
  char buffer[4096];
  if (getpwuid_r(geteuid(), &entry, buffer, sizeof buffer, &found) != 0 || found == nullptr) return "postgres";
  return found->pw_name;
}

std::string sslmode_name(config::SslMode mode) {
  switch (mode) {
    case config::SslMode::disable: return "disable";
    case config::SslMode::prefer: return "prefer";
    case config::SslMode::require: return "require";
    case config::SslMode::verify_ca: return "verify-ca";
    case config::SslMode::verify_full: return "verify-full";
  }
  return "prefer";
}

// A value in the `options` of the start-up message: a space or backslash in it is escaped.
std::string setting(const char* name, const std::string& value) {
  std::string text = std::string(" -c ") + name + "=";
  for (const char c : value) {
    if (c == ' ' || c == '\\') text += '\\';
    text += c;
  }
  return text;
}

// Given with the start-up message, the settings are the session's defaults: RESET ALL comes back to them.
std::string session_settings(const config::Address& address) {
  std::string text = fixed_settings;
  if (!address.timezone.empty()) text += setting("TimeZone", address.timezone);
  if (!address.schema.empty()) text += setting("search_path", address.schema);
  if (address.read_only) text += setting("default_transaction_read_only", "on");
  if (address.statement_timeout) {
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(*address.statement_timeout);
    text += setting("statement_timeout", std::to_string(ms.count()));
  }
  return text;
}

// Every key that libpq would otherwise fill from PG* variables, service files or the user's home.
class Keywords {
 public:
  void add(const char* key, std::string value) {
    keys_.push_back(key);
    values_.push_back(std::move(value));
  }
  [[nodiscard]] Conn start() const {
    std::vector<const char*> keys = keys_;
    std::vector<const char*> values;
    for (const std::string& value : values_) values.push_back(value.c_str());
    keys.push_back(nullptr);
    values.push_back(nullptr);
    return Conn([&] { return PQconnectStartParams(keys.data(), values.data(), 0); });
  }

 private:
  std::vector<const char*> keys_;
  std::vector<std::string> values_;
};

std::string or_else(const std::string& value, const std::string& otherwise) {
  return value.empty() ? otherwise : value;
}

bool verifies(config::SslMode mode) {
  return mode == config::SslMode::verify_ca || mode == config::SslMode::verify_full;
}

void add_tls(Keywords& words, const config::Address& address) {
  words.add("sslmode", sslmode_name(address.sslmode));
  words.add("sslrootcert", or_else(address.ca, verifies(address.sslmode) ? system_authorities : no_file));
  words.add("sslcert", or_else(address.cert, no_file));
  words.add("sslkey", or_else(address.key, no_file));
  words.add("sslcrl", no_file);
  words.add("sslcompression", "0");
  words.add("sslsni", "1");
  words.add("ssl_min_protocol_version", "TLSv1.2");
  words.add("ssl_max_protocol_version", "TLSv1.3");
  words.add("channel_binding", "prefer");
  words.add("gssencmode", "disable");
}

void add_identity(Keywords& words, const config::Address& address, const driver::Dial& dial) {
  const std::string user = or_else(dial.user(address), process_user());
  const config::Secret& password = dial.password(address);
  words.add("user", user);
  words.add("dbname", or_else(address.database, user));
  // Without a password of its own a connection must not be given the one in PGPASSWORD.
  if (!password.empty()) {
    words.add("password", password.reveal());
  } else if (std::getenv("PGPASSWORD") != nullptr) {
    words.add("password", "(none is configured)");
  }
  words.add("passfile", no_file);
}

// The host's addresses, so that libpq neither looks them up nor takes them from a variable. TLS still wants the name.
Result<std::string> addresses_of(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* raw = nullptr;
  int failed = 0;
  {
    const ForkDelay delay;  // the C library has locks of its own here, which a child would find taken for ever
    failed = getaddrinfo(host.c_str(), nullptr, &hints, &raw);
  }
  if (failed != 0) {
    return fail(Status::unavailable, "the name \"" + host + "\" was not found: " + gai_strerror(failed),
                Phase::connect);
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> found(raw, freeaddrinfo);
  std::string list;
  for (const addrinfo* entry = found.get(); entry != nullptr; entry = entry->ai_next) {
    char number[NI_MAXHOST];
    if (getnameinfo(entry->ai_addr, entry->ai_addrlen, number, sizeof number, nullptr, 0, NI_NUMERICHOST) != 0)
      continue;
    list += (list.empty() ? "" : ",") + std::string(number);
  }
  return list;
}

std::string repeated(const std::string& text, const std::string& list) {
  std::string all = text;
  for (const char c : list) {
    if (c == ',') all += "," + text;
  }
  return all;
}

Failure refused_variable(const char* name) {
  return fail(
      Status::configuration,
      std::string("the variable ") + name + " would change the session, and the client library obeys it; unset it",
      Phase::connect);
}

// What libpq takes from the environment and no key can override.
Result<void> refuse_variables() {
  for (const char* const name : {"PGSERVICE", "PGTZ", "PGDATESTYLE", "PGGEQO"}) {
    if (std::getenv(name) != nullptr) return refused_variable(name);
  }
  return {};
}

Result<void> add_place(Keywords& words, const config::Address& address) {
  words.add("port", std::to_string(address.port));
  // A host that is a folder means the socket in it, as everywhere in PostgreSQL.
  const std::string& folder = address.host.starts_with('/') ? address.host : address.socket;
  if (!folder.empty()) {
    if (std::getenv("PGREQUIREPEER") != nullptr) return refused_variable("PGREQUIREPEER");
    // An empty address would be filled from PGHOSTADDR; a list of two empty ones is not.
    const bool guarded = std::getenv("PGHOSTADDR") != nullptr;
    words.add("host", guarded ? repeated(folder, ",") : folder);
    if (guarded) words.add("hostaddr", ",");
    return {};
  }
  Result<std::string> list = addresses_of(address.host);
  if (!list) return list.take_error();
  words.add("host", repeated(address.host, *list));
  words.add("hostaddr", *list);
  words.add("keepalives", "1");
  words.add("keepalives_idle", "60");
  words.add("keepalives_interval", "10");
  words.add("keepalives_count", "3");
  return {};
}

// libpq's own timeout is not applied to PQconnectPoll.
Result<void> shake_hands(PGconn* conn, driver::Dial& dial) {
  PostgresPollingStatusType polled = PGRES_POLLING_WRITING;
  if (PQstatus(conn) == CONNECTION_BAD) return opening_failure(conn);
  while (polled != PGRES_POLLING_OK) {
    const int fd = PQsocket(conn);  // another one for each address
    dial.watch(fd);
    const bool ready =
        dial.wait(fd, polled == PGRES_POLLING_READING ? driver::Ready::readable : driver::Ready::writable);
    dial.watch(-1);  // libpq may close it, and its number may become somebody else's
    if (!ready) return dial.stopped();
    {
      const ForkDelay delay;
      polled = PQconnectPoll(conn);
    }
    if (polled == PGRES_POLLING_FAILED) return opening_failure(conn);
  }
  return {};
}

// Without its exit handler: one that runs while a handshake is going on crashes the process at exit.
void initialise() {
  const ForkDelay delay;
  static const int once = OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr);
  (void)once;
}

}  // namespace

driver::Driver& driver() noexcept {
  static PostgresqlDriver& instance = *new PostgresqlDriver();
  return instance;
}

Result<std::unique_ptr<driver::Session>> PostgresqlSession::open(const config::Address& address, driver::Dial& dial) {
  initialise();
  if (Result<void> free = refuse_variables(); !free) return free.take_error();
  Keywords words;
  if (Result<void> placed = add_place(words, address); !placed) return placed.take_error();
  add_identity(words, address, dial);
  add_tls(words, address);
  words.add("application_name", address.application_name);
  words.add("client_encoding", "UTF8");
  words.add("target_session_attrs", "any");
  words.add("options", session_settings(address));

  Conn conn = words.start();
  if (conn.get() == nullptr) return fail(Status::no_memory, "out of memory", Phase::connect);
  PQsetErrorVerbosity(conn.get(), PQERRORS_VERBOSE);  // with the SQLSTATE, which libpq does not tell otherwise
  PQsetNoticeReceiver(
      conn.get(), [](void*, const PGresult*) {}, nullptr);
  if (Result<void> open = shake_hands(conn.get(), dial); !open) return open.take_error();
  PQsetErrorVerbosity(conn.get(), PQERRORS_DEFAULT);
  if (PQsetnonblocking(conn.get(), 1) != 0 || PQenterPipelineMode(conn.get()) != 1) return opening_failure(conn.get());
  auto canceller = std::make_shared<ServerCanceller>(conn.get());
  return std::unique_ptr<driver::Session>(new PostgresqlSession(std::move(conn), std::move(canceller), address));
}

}  // namespace tl::postgresql
