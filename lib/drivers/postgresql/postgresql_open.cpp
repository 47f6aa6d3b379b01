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
// What is remembered of a server.
constexpr uint32_t is_postgresql = 1;
constexpr uint32_t is_proxy = 2;
constexpr uint32_t refuses_options = 4;
constexpr uint32_t knows_formats = 8;
constexpr uint32_t formats_from = 4;  // the bits of other_formats()
// No process of a Linux has a higher number. Of those that a proxy makes up few are as low.
constexpr int highest_process = 1 << 22;

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

Result<Conn> connect(const config::Address& address, driver::Dial& dial, const std::string& options) {
  Keywords words;
  if (Result<void> placed = add_place(words, address); !placed) return placed.take_error();
  add_identity(words, address, dial);
  add_tls(words, address);
  words.add("application_name", address.application_name);
  words.add("client_encoding", "UTF8");
  words.add("target_session_attrs", "any");
  if (!options.empty()) words.add("options", options);
  Conn conn = words.start();
  if (conn.get() == nullptr) return fail(Status::no_memory, "out of memory", Phase::connect);
  PQsetErrorVerbosity(conn.get(), PQERRORS_VERBOSE);  // with the SQLSTATE, which libpq does not tell otherwise
  PQsetNoticeReceiver(
      conn.get(), [](void*, const PGresult*) {}, nullptr);
  if (Result<void> open = shake_hands(conn.get(), dial); !open) return open.take_error();
  PQsetErrorVerbosity(conn.get(), PQERRORS_DEFAULT);
  if (PQsetnonblocking(conn.get(), 1) != 0) return opening_failure(conn.get());
  return conn;
}

// A proxy refuses what it does not know how to keep for a client (PgBouncer with "startup parameter", Amazon's RDS
// Proxy with "command-line options"), and an older server settings that it does not have.
bool is_about_options(const Error& error) {
  const auto says = [&](std::string_view words) { return error.message.find(words) != std::string::npos; };
  return error.sqlstate == "42704" || error.sqlstate.starts_with("0A") || says("startup parameter") ||
         says("command-line options");
}

Result<Conn> connect_as_found(const config::Address& address, driver::Dial& dial) {
  const bool takes_options = (dial.found() & refuses_options) == 0 && address.driver != config::DriverKind::redshift;
  if (!takes_options) return connect(address, dial, "");
  Result<Conn> conn = connect(address, dial, startup_options(address));
  if (conn || !is_about_options(conn.error())) return conn;
  Result<Conn> without = connect(address, dial, "");
  if (without) dial.remember(refuses_options);
  return without;
}

// A question of one row.
Result<ResultHandle> ask(PGconn* conn, const std::string& question, driver::Dial& dial) {
  if (PQsendQuery(conn, question.c_str()) != 1) return opening_failure(conn);
  ResultHandle answer;
  for (;;) {
    const bool unsent = PQflush(conn) == 1;
    while (PQisBusy(conn) == 0) {
      ResultHandle next(PQgetResult(conn));
      if (next == nullptr) {
        if (answer == nullptr || PQstatus(conn) != CONNECTION_OK) return opening_failure(conn);
        return answer;
      }
      answer = std::move(next);
      // libpq would tell so for ever: the server waits for data, or libpq for it to be read.
      if (is_copy(PQresultStatus(answer.get()))) {
        return fail(Status::unavailable, "the server asks for data in place of an answer", Phase::connect);
      }
    }
    dial.watch(PQsocket(conn));
    const bool ready =
        dial.wait(PQsocket(conn), unsent ? driver::Ready::readable | driver::Ready::writable : driver::Ready::readable);
    dial.watch(-1);
    if (!ready) return dial.stopped();
    if (PQconsumeInput(conn) == 0) return opening_failure(conn);
  }
}

// Behind a proxy the number that came with the greeting is not that of the server's process. It is asked for once: what
// is remembered holds as long as the number may be a process's.
Result<Peer> peer_of(PGconn* conn, driver::Dial& dial) {
  if (PQparameterStatus(conn, "padb_version") != nullptr) return Peer::redshift;
  const int told = PQbackendPID(conn);
  const uint32_t found = dial.found();
  if ((found & (is_proxy | refuses_options)) != 0) return Peer::proxy;
  if ((found & is_postgresql) != 0 && told > 0 && told <= highest_process) return Peer::postgresql;
  Result<ResultHandle> answer = ask(conn, "SELECT pg_catalog.pg_backend_pid()", dial);
  if (!answer) return answer.take_error();
  if (!has_one_row(**answer) && !is_not_understood(answer->get())) {
    return failure_of(answer->get(), Phase::connect, nullptr);
  }
  const bool same = has_one_row(**answer) && std::to_string(told) == PQgetvalue(answer->get(), 0, 0);
  dial.remember(same ? is_postgresql : is_proxy);
  return same ? Peer::postgresql : Peer::proxy;
}

// The servers behind it are asked once how they write values.
Result<Footing> footing_at_proxy(PGconn* conn, const config::Address& address, driver::Dial& dial) {
  if ((dial.found() & knows_formats) == 0) {
    Result<ResultHandle> answer = ask(conn, formats_question(), dial);
    if (!answer) return answer.take_error();
    const bool told = has_one_row(**answer);
    if (!told && !is_not_understood(answer->get())) return failure_of(answer->get(), Phase::connect, nullptr);
    const uint32_t others = other_formats(told ? answer->get() : nullptr);
    dial.remember(knows_formats | others << formats_from);
    return behind_proxy(others, address);
  }
  return behind_proxy(dial.found() >> formats_from, address);
}

Result<Footing> footing_on_redshift(PGconn* conn, const config::Address& address, driver::Dial& dial) {
  if (address.read_only) {
    return fail(Status::configuration, "Redshift has no sessions that refuse writes: read_only cannot be kept there",
                Phase::connect);
  }
  Result<ResultHandle> answer = ask(conn, redshift_settings(address), dial);
  if (!answer) return answer.take_error();
  if (has_one_row(**answer)) return Footing{Peer::redshift};
  Failure failure = failure_of(answer->get(), Phase::connect, nullptr);
  failure->message = "the session's settings could not be made: " + failure->message;
  return failure;
}

Result<Footing> footing_of(PGconn* conn, const config::Address& address, driver::Dial& dial) {
  Result<Peer> peer = address.driver == config::DriverKind::redshift ? Peer::redshift : peer_of(conn, dial);
  if (!peer) return peer.take_error();
  switch (*peer) {
    case Peer::postgresql: return Footing{};
    case Peer::proxy: return footing_at_proxy(conn, address, dial);
    case Peer::redshift: return footing_on_redshift(conn, address, dial);
  }
  return Footing{};
}

// Without its exit handler: one that runs while a handshake is going on crashes the process at exit.
void initialise() {
  const ForkDelay delay;
  static constinit PerProcess<const int> once;
  (void)once.get([] { return new int(OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr)); });
}

}  // namespace

driver::Driver& driver() noexcept {
  static constinit PostgresqlDriver instance;
  return instance;
}

Result<std::unique_ptr<driver::Session>> PostgresqlSession::open(const config::Address& address, driver::Dial& dial) {
  initialise();
  if (Result<void> free = refuse_variables(); !free) return free.take_error();
  Result<Conn> conn = connect_as_found(address, dial);
  if (!conn) return conn.take_error();
  Result<Footing> footing = footing_of(conn->get(), address, dial);
  if (!footing) return footing.take_error();
  if (PQenterPipelineMode(conn->get()) != 1) return opening_failure(conn->get());
  auto canceller = std::make_shared<ServerCanceller>(conn->get());
  return std::unique_ptr<driver::Session>(
      new PostgresqlSession(conn.take(), std::move(canceller), address, footing.take()));
}

}  // namespace tl::postgresql
