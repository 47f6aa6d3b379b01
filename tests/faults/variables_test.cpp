// The client library's own variables: they change nothing, or are refused by name where the library gives no way past
// them.
#include <stdlib.h>

#include "faults.hpp"

namespace faults {

namespace {

class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) { setenv(name, value.c_str(), 1); }
  ~Variable() { unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* const name_;
};

// Who it is that the server sees, and how its session is set.
std::string session(const std::string& toml) {
  const Secrecy secrecy;
  const auto registry = trunkline::registry::parse(toml);
  return registry.on("db")
      .query(
          "SELECT concat_ws(' ', current_user, current_database(), host(inet_server_addr()), inet_server_port(),"
          " (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), (SELECT version FROM pg_stat_ssl WHERE pid = "
          "pg_backend_pid()),"
          " current_setting('application_name'),"
          " current_setting('client_encoding'), current_setting('DateStyle'), current_setting('TimeZone'),"
          " current_setting('IntervalStyle'), current_setting('statement_timeout'), current_setting('geqo'),"
          " current_setting('search_path'), current_setting('default_transaction_read_only'))")
      .value<std::string>();
}

std::vector<std::string> connections() {
  return {connection(by_socket()), connection(by_tcp() + line("sslmode", "disable")),
          connection(by_tcp() + line("sslmode", "verify-full") + line("ca", variable("TL_PG_CA")))};
}

}  // namespace

TEST_CASE("the variables of libpq change nothing") {
  const std::vector<std::pair<const char*, std::string>> variables = {
      {"PGHOST", "203.0.113.1"},
      {"PGHOSTADDR", "203.0.113.1"},
      {"PGPORT", "1"},
      {"PGDATABASE", "template1"},
      {"PGUSER", "nobody_knows"},
      {"PGPASSWORD", canary},
      {"PGPASSFILE", "/nowhere"},
      {"PGSERVICEFILE", "/nowhere"},
      {"PGSYSCONFDIR", "/nowhere"},
      {"PGOPTIONS", "-c statement_timeout=1 -c search_path=nowhere"},
      {"PGAPPNAME", "another"},
      {"PGSSLMODE", "verify-full"},
      {"PGREQUIRESSL", "1"},
      {"PGSSLCOMPRESSION", "1"},
      {"PGSSLCERT", "/nowhere"},
      {"PGSSLKEY", "/nowhere"},
      {"PGSSLROOTCERT", "/nowhere"},
      {"PGSSLCRL", "/nowhere"},
      {"PGSSLCRLDIR", "/etc"},
      {"PGSSLSNI", "0"},
      {"PGSSLMINPROTOCOLVERSION", "TLSv1.3"},
      {"PGSSLMAXPROTOCOLVERSION", "TLSv1"},
      {"PGGSSENCMODE", "require"},
      {"PGKRBSRVNAME", "nobody"},
      {"PGGSSLIB", "nothing"},
      {"PGCONNECT_TIMEOUT", "1"},
      {"PGCLIENTENCODING", "LATIN1"},
      {"PGTARGETSESSIONATTRS", "standby"},
      {"PGCHANNELBINDING", "require"},
      {"HOME", "/nowhere"}};
  for (const std::string& toml : connections()) {
    const std::string before = session(toml);
    for (const auto& [name, value] : variables) {
      CAPTURE(name);
      const Variable set(name, value);
      CHECK(session(toml) == before);
    }
  }
}

TEST_CASE("PGPASSWORD is not given to a server that a connection without a password leads to") {
  const Variable set("PGPASSWORD", variable("TL_PG_SCRAM_PASSWORD"));
  const Failed failed =
      failure_of(connection(line("host", "localhost") + "port = " + variable("TL_PG_PORT") + "\n" +
                            line("database", variable("TL_PG_DATABASE")) + line("user", variable("TL_PG_SCRAM_USER"))));
  CHECK(failed.error.status_name() == std::string("authentication"));
}

TEST_CASE("variables that libpq obeys whatever it is told are refused by name") {
  const std::vector<std::pair<const char*, std::string>> variables = {
      {"PGSERVICE", "not_there"}, {"PGTZ", "Asia/Tokyo"}, {"PGDATESTYLE", "German"}, {"PGGEQO", "off"}};
  for (const std::string& toml : connections()) {
    for (const auto& [name, value] : variables) {
      CAPTURE(name);
      const Variable set(name, value);
      const Failed failed = failure_of(toml);
      CHECK(failed.error.status() == TL_E_CONFIGURATION);
      CHECK(std::string(failed.error.what()).find(name) != std::string::npos);
    }
  }
  const Variable set("PGREQUIREPEER", "nobody");
  CHECK(failure_of(connection(by_socket())).error.status() == TL_E_CONFIGURATION);
  CHECK_FALSE(session(connection(by_tcp())).empty());
}

}  // namespace faults
