// One `sslmode` for both servers, against every certificate that a server can show, and against none.
#include <doctest/doctest.h>

#include <array>
#include <cstdlib>
#include <string>
#include <trunkline/trunkline.hpp>

namespace {

using namespace std::chrono_literals;

std::string variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  REQUIRE_MESSAGE(value != nullptr, name);
  return value;
}

struct Server {
  std::string driver;
  std::string prefix;          // of its variables
  std::string user, password;  // names of variables
  std::string encrypted;       // a query: the session's cipher, "" : none
  std::string sleeps, naps;
  std::string long_rows;  // a query: 2000 texts of 10000 characters

  [[nodiscard]] std::string value(const std::string& name) const { return variable(prefix + name); }
  void show(const std::string& certificate) const {
    REQUIRE(std::system((value("CTL") + " certificate " + certificate).c_str()) == 0);
  }
};

const std::array servers = {
    Server{"postgresql", "TL_PG_", "SCRAM_USER", "SCRAM_PASSWORD",
           "SELECT coalesce(cipher, '') FROM pg_stat_ssl WHERE pid = pg_backend_pid()", "SELECT pg_sleep(30)",
           "SELECT pg_sleep(0.1)", "SELECT repeat('x', 10000) FROM generate_series(1, 2000)"},
    Server{"mariadb", "TL_MARIADB_", "PASSWORD_USER", "PASSWORD",
           "SELECT variable_value FROM information_schema.session_status WHERE variable_name = 'SSL_CIPHER'",
           "SELECT sleep(30)", "SELECT sleep(0.1)", "SELECT repeat('x', 10000) FROM seq_1_to_2000"},
};

enum class Ends { in_clear, encrypted, refused };

struct Case {
  std::string sslmode;
  std::string ca;            // variable, "" : none given
  std::string extra;         // further keys
  std::array<Ends, 5> ends;  // by what the server shows
};

const std::array shown = {"server", "wrong-name", "expired", "foreign", "none"};

constexpr Ends clear = Ends::in_clear, tls = Ends::encrypted, no = Ends::refused;

const std::array cases = {
    //                               server wrong-name expired foreign none
    Case{"disable", "CA", "", {clear, clear, clear, clear, clear}},
    Case{"prefer", "", "", {tls, tls, tls, tls, clear}},
    Case{"require", "", "", {tls, tls, tls, tls, no}},
    Case{"require", "CA", "", {tls, tls, no, no, no}},
    Case{"verify-ca", "CA", "", {tls, tls, no, no, no}},
    Case{"verify-ca", "OTHER_CA", "", {no, no, no, tls, no}},
    Case{"verify-ca", "", "", {no, no, no, no, no}},  // the system's authorities know none of them
    Case{"verify-full", "CA", "", {tls, no, no, no, no}},
    Case{"verify-full", "OTHER_CA", "", {no, no, no, tls, no}},
};

std::string toml(const Server& server, const std::string& host, const std::string& lines) {
  return "[connections.db]\ndriver = \"" + server.driver + "\"\nhost = \"" + host +
         "\"\nport = " + server.value("PORT") + "\ndatabase = \"" + server.value("DATABASE") + "\"\n" + lines;
}

std::string login(const Server& server) {
  return "user = \"" + server.value(server.user) + "\"\npassword = \"" + server.value(server.password) + "\"\n";
}

trunkline::registry through_tls(const Server& server) {
  return trunkline::registry::parse(toml(server, "localhost", login(server) + "sslmode = \"require\"\n"));
}

std::string tls_lines(const Server& server, const Case& how) {
  std::string lines = "sslmode = \"" + how.sslmode + "\"\n" + how.extra;
  if (!how.ca.empty()) lines += "ca = \"" + server.value(how.ca) + "\"\n";
  return lines;
}

void check(const Server& server, const std::string& lines, Ends expected) {
  const auto registry = trunkline::registry::parse(lines);
  const auto db = registry.on("db");
  try {
    const auto cipher = db.query({.timeout = 20s}, server.encrypted).value<std::string>();
    CHECK((cipher.empty() ? Ends::in_clear : Ends::encrypted) == expected);
  } catch (const trunkline::error& error) {
    CHECK_MESSAGE(expected == Ends::refused, error.what());
    CHECK_MESSAGE(error.status_name() == std::string("tls"), error.what());
    CHECK(error.outcome() == trunkline::outcome::not_sent);
    CHECK(std::string(error.what()).find(server.value(server.password)) == std::string::npos);
  }
}

}  // namespace

TEST_CASE("sslmode asks of both servers the same") {
  for (const Server& server : servers) {
    for (size_t i = 0; i < shown.size(); ++i) {
      server.show(shown[i]);
      for (const Case& how : cases) {
        CAPTURE(server.driver);
        CAPTURE(std::string(shown[i]));
        CAPTURE(how.sslmode);
        CAPTURE(how.ca);
        check(server, toml(server, "localhost", login(server) + tls_lines(server, how)), how.ends[i]);
      }
    }
  }
}

TEST_CASE("a certificate for an address is for that, too; another name for it is not") {
  for (const Server& server : servers) {
    CAPTURE(server.driver);
    server.show("server");
    const std::string full = "sslmode = \"verify-full\"\nca = \"" + server.value("CA") + "\"\n";
    check(server, toml(server, "127.0.0.1", login(server) + full), Ends::encrypted);
    check(server, toml(server, "localhost", login(server) + full), Ends::encrypted);
  }
}

TEST_CASE("the `ssl` table of other systems means the same") {
  for (const Server& server : servers) {
    CAPTURE(server.driver);
    server.show("server");
    const auto table = [&](const std::string& inside) {
      return toml(server, "localhost", login(server) + "ssl = { " + inside + " }\n");
    };
    check(server, table("ca = \"" + server.value("CA") + "\""), Ends::encrypted);
    check(server, table("ca = \"" + server.value("OTHER_CA") + "\""), Ends::refused);
    check(server, table("rejectUnauthorized = false"), Ends::encrypted);
  }
}

TEST_CASE("a client's certificate is shown to the server that asks for it") {
  for (const Server& server : servers) {
    CAPTURE(server.driver);
    server.show("server");
    const std::string named = "user = \"" + server.value("CERTIFICATE_USER") +
                              "\"\nsslmode = \"verify-full\"\nca = \"" + server.value("CA") + "\"\n";
    const std::string shows =
        "cert = \"" + server.value("CLIENT_CERTIFICATE") + "\"\nkey = \"" + server.value("CLIENT_KEY") + "\"\n";
    check(server, toml(server, "localhost", named + shows), Ends::encrypted);
    const auto without = trunkline::registry::parse(toml(server, "localhost", named));
    try {
      without.on("db").query({.timeout = 20s}, "SELECT 1");
      FAIL("it was let in without a certificate");
    } catch (const trunkline::error& error) {
      CHECK_MESSAGE(error.status_name() == std::string("authentication"), error.what());
    }
  }
}

TEST_CASE("through TLS a deadline ends a call as well, and answers of many packets arrive whole") {
  for (const Server& server : servers) {
    CAPTURE(server.driver);
    server.show("server");
    const auto registry = through_tls(server);
    const auto db = registry.on("db");
    db.query({.timeout = 20s}, "SELECT 1");
    const auto began = std::chrono::steady_clock::now();
    try {
      db.query({.timeout = 300ms}, server.sleeps);
      FAIL("it was not stopped");
    } catch (const trunkline::error& error) {
      CHECK(error.status_name() == std::string("statement_timeout"));
    }
    CHECK(std::chrono::steady_clock::now() - began < 5s);
    int64_t bytes = 0;
    for (const auto& [text] : db.query({.timeout = 60s, .stream = true}, server.long_rows).as<std::string_view>()) {
      bytes += static_cast<int64_t>(text.size());
    }
    CHECK(bytes == 2000 * 10'000);
  }
}

TEST_CASE("a server that dies raises no SIGPIPE in the program, through TLS either") {
  for (const Server& server : servers) {
    CAPTURE(server.driver);
    server.show("server");
    for (const std::string mode : {"require", "disable"}) {
      CAPTURE(mode);
      const auto registry = trunkline::registry::parse(
          toml(server, "localhost", login(server) + "sslmode = \"" + mode + "\"\npool = { pre_ping = false }\n"));
      auto pinned = registry.on("db").pin();
      pinned.query({.timeout = 20s}, "SELECT 1");
      REQUIRE(std::system((server.value("CTL") + " restart").c_str()) == 0);
      for (int i = 0; i < 3; ++i) CHECK_THROWS_AS(pinned.query({.timeout = 20s}, "SELECT 1"), trunkline::error);
    }
  }
}

// OpenSSL keeps what went wrong for the thread, and not for the connection.
TEST_CASE("a connection that was cut off takes no other of its thread with it") {
  for (const Server& server : servers) {
    CAPTURE(server.driver);
    server.show("server");
    const auto registry = through_tls(server);
    const auto db = registry.on("db");
    auto pinned = db.pin();
    pinned.query({.timeout = 20s}, "SELECT 1");
    REQUIRE(std::system((server.value("CTL") + " kill").c_str()) == 0);
    REQUIRE(std::system((server.value("CTL") + " start").c_str()) == 0);
    CHECK_THROWS_AS(pinned.query({.timeout = 20s}, server.naps), trunkline::error);
    for (int i = 0; i < 3; ++i) CHECK_NOTHROW(db.query({.timeout = 20s}, server.naps));
  }
}

TEST_CASE("a server that is reached by its socket is asked for no TLS") {
  const Server& mariadb = servers[1];
  mariadb.show("none");
  check(mariadb,
        "[connections.db]\ndriver = \"mariadb\"\nsocket = \"" + mariadb.value("SOCKET") + "\"\ndatabase = \"" +
            mariadb.value("DATABASE") + "\"\nuser = \"" + mariadb.value("USER") + "\"\nsslmode = \"require\"\n",
        Ends::in_clear);
}
