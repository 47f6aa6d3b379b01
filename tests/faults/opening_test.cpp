// Sessions that open, and the classes of what keeps others from opening.
#include "faults.hpp"

namespace faults {

namespace {

std::string class_of(const Failed& failed) { return failed.error.status_name(); }

bool encrypted(const std::string& toml) {
  const Secrecy secrecy;
  const auto registry = trunkline::registry::parse(toml);
  const bool ssl = registry.on("db").query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").value<bool>();
  secrecy.check(registry);
  return ssl;
}

std::string other_authority() {
  const std::string file = folder() + "/other.crt";
  const std::string made =
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "
      "'/CN=another authority' -keyout /dev/null -out " +
      file + " 2>/dev/null";
  REQUIRE(std::system(made.c_str()) == 0);
  return file;
}

}  // namespace

TEST_CASE("TLS that verifies the server's name and authority") {
  CHECK(encrypted(connection(by_tcp() + line("sslmode", "verify-full") + line("ca", variable("TL_PG_CA")))));
  CHECK(encrypted(connection(by_tcp("127.0.0.1") + line("sslmode", "verify-full") + line("ca", variable("TL_PG_CA")))));
  CHECK(encrypted(connection(by_tcp() + line("sslmode", "verify-ca") + line("ca", variable("TL_PG_CA")))));
}

TEST_CASE("TLS where the server has it, and none where none is wanted: SCRAM works in both") {
  CHECK(encrypted(connection(by_tcp())));
  CHECK(encrypted(connection(by_tcp() + line("sslmode", "require"))));
  CHECK_FALSE(encrypted(connection(by_tcp() + line("sslmode", "disable"))));
}

TEST_CASE("an authority that did not sign the server's certificate") {
  const std::string ca = other_authority();
  for (const char* mode : {"verify-full", "verify-ca"}) {
    const Failed failed = failure_of(connection(by_tcp() + line("sslmode", mode) + line("ca", ca)));
    CHECK(class_of(failed) == "tls");
    CHECK(failed.error.phase() == "connect");
    CHECK(failed.error.outcome() == trunkline::outcome::not_sent);
  }
}

TEST_CASE("an authority's file that is not there, or is no certificate") {
  CHECK(class_of(failure_of(connection(by_tcp() + line("sslmode", "verify-full") + line("ca", "/nowhere/ca.crt")))) ==
        "tls");
  CHECK(class_of(failure_of(connection(by_tcp() + line("sslmode", "verify-full") + line("ca", "/etc/passwd")))) ==
        "tls");
}

TEST_CASE("without an authority of its own a verified connection trusts the system's, who did not sign this server's") {
  CHECK(class_of(failure_of(connection(by_tcp() + line("sslmode", "verify-full")))) == "tls");
}

TEST_CASE("a server without TLS where TLS is required") {
  const Port port(Port::Does::answer, "N");
  for (const char* mode : {"require", "verify-ca", "verify-full"}) {
    CHECK(class_of(failure_of(
              connection(at_port(port.number()) + line("sslmode", mode) + line("ca", variable("TL_PG_CA"))))) == "tls");
  }
}

TEST_CASE("a wrong password, none, and a role that is not there") {
  const std::string place = line("host", "localhost") + "port = " + variable("TL_PG_PORT") + "\n" +
                            line("database", variable("TL_PG_DATABASE"));
  const std::string user = line("user", variable("TL_PG_SCRAM_USER"));
  for (const char* mode : {"disable", "prefer", "require"}) {
    const Failed wrong = failure_of(connection(place + user + line("password", canary) + line("sslmode", mode)));
    CHECK(class_of(wrong) == "authentication");
    CHECK(wrong.error.sqlstate() == "28P01");
    CHECK(wrong.took < 10s);
  }
  CHECK(class_of(failure_of(connection(place + user))) == "authentication");
  CHECK(class_of(failure_of(connection(place + line("user", "nobody_knows") + line("password", canary)))) ==
        "authentication");
  CHECK(class_of(failure_of(connection("url = \"postgresql://app:" + std::string(canary) + "@localhost:" +
                                       variable("TL_PG_PORT") + "/" + variable("TL_PG_DATABASE") + "\"\n"))) ==
        "authentication");
}

TEST_CASE("a database that is not there") {
  const Failed failed = failure_of(
      connection(line("socket", variable("TL_PG_SOCKET")) + "port = " + variable("TL_PG_PORT") + "\n" +
                 line("user", variable("TL_PG_USER")) + line("database", "not_there") + line("password", canary)));
  CHECK(class_of(failed) == "configuration");
  CHECK(failed.error.sqlstate() == "3D000");
  CHECK(std::string(failed.error.what()).find("not_there") != std::string::npos);
  CHECK(failed.error.outcome() == trunkline::outcome::not_sent);
}

TEST_CASE("session settings that the server does not take") {
  const std::string zone = line("timezone", "Nowhere/Atlantis") + line("password", canary);
  const Failed failed = failure_of(connection(by_socket() + zone));
  CHECK(std::string(failed.error.what()).find("TimeZone") != std::string::npos);
}

TEST_CASE("nothing listens") {
  const Port port(Port::Does::refuse);
  const Failed tcp = failure_of(connection(at_port(port.number()), "acquire_timeout = \"1s\"\n"));
  CHECK(class_of(tcp) == "unavailable");
  CHECK(tcp.took < 5s);
  CHECK(tcp.error.endpoint().find(std::to_string(port.number())) != std::string::npos);
  const Failed socket = failure_of(connection(
      line("socket", folder()) + line("database", "some") + line("password", canary), "acquire_timeout = \"1s\"\n"));
  CHECK(class_of(socket) == "unavailable");
}

TEST_CASE("a server that takes the call and never answers: create_timeout ends it in time") {
  const Port port(Port::Does::keep_silent);
  for (const char* mode : {"disable", "prefer", "require"}) {
    const Failed failed =
        failure_of(connection(at_port(port.number()) + line("sslmode", mode), "create_timeout = \"300ms\"\n"));
    CHECK(class_of(failed) == "connect_timeout");
    CHECK(failed.took >= 290ms);
    CHECK(failed.took < 3s);
  }
}

TEST_CASE("the caller's own deadline ends a wait for a server that never answers") {
  const Port port(Port::Does::keep_silent);
  const Failed failed = failure_of(connection(at_port(port.number())), 300ms);
  CHECK(failed.took >= 290ms);
  CHECK(failed.took < 3s);
  CHECK(failed.error.outcome() == trunkline::outcome::not_sent);
}

TEST_CASE("a server that hangs up, and one that is no PostgreSQL") {
  for (const std::string answer : {"", "HTTP/1.1 400 Bad Request\r\n\r\n", "\xff\xff\xff\xff\xff\xff\xff\xff"}) {
    const Port port(Port::Does::answer, answer);
    const Failed failed = failure_of(connection(at_port(port.number()) + line("sslmode", "disable"),
                                                "acquire_timeout = \"1s\"\ncreate_timeout = \"1s\"\n"));
    CHECK(class_of(failed) == "unavailable");
    CHECK(failed.took < 5s);
  }
}

TEST_CASE("a mistake in the file beside a password does not show the password") {
  const Secrecy secrecy;
  const std::string secret = line("password", canary);
  for (const std::string& toml : std::vector<std::string>{
           "[connections.db]\ndriver = \"postgresql\"\n" + secret + "prot = 1\n",
           "[connections.db]\ndriver = \"x\"\n" + secret,
           "[connections.db]\ndriver = \"postgresql\"\npassword = \"" + std::string(canary) + "\n",
           "[connections.db]\nurl = \"postgresql://u:" + std::string(canary) + "@h:notaport/db\"\n",
           "[connections.db]\nurl = \"postgresql://u:" + std::string(canary) + "@h/db?sslmode=sometimes\"\n"}) {
    try {
      (void)trunkline::registry::parse(toml);
      FAIL("it was taken");
    } catch (const trunkline::error& error) {
      CHECK(error.status() == TL_E_CONFIGURATION);
      secrecy.check(error);
    }
  }
}

}  // namespace faults
