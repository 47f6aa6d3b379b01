// One file in several environments: overlays, variables, and overrides.
#include <doctest/doctest.h>

#include "config_fixture.hpp"

using namespace std::chrono_literals;

namespace tl::config::tests {
namespace {

std::string whole() { return text_of(TRUNKLINE_CONFIG_SEEDS "/trunkline.toml"); }

constexpr std::string_view two_environments = R"(
default = "main"
[defaults.pool]
max = 7
[connections.main]
driver = "postgresql"
host = "db"
schema = "app"
timezone = "UTC"
password = "${DB_PASSWORD}"
statement_timeout = "5s"
[connections.main.pool]
min = 1
[environments.testing.connections.main]
host = "test-db"
password = "test"
[environments.testing.connections.scratch]
driver = "sqlite"
database = ":memory:"
[environments.testing]
default = "scratch"
[environments.testing.defaults.pool]
max = 3
[environments.development.connections.main]
host = "localhost"
password = "dev"
)";

}  // namespace

TEST_CASE("the whole example loads for the tests without production's secrets") {
  const Config config = loaded(whole(), {{"TRUNKLINE_ENV", "testing"}});
  CHECK(config.environment == "testing");
  CHECK(config.default_name == "primary");
  REQUIRE(config.connections.size() == 2);
  for (const char* name : {"primary", "standby"}) {
    CAPTURE(name);
    const Connection* connection = config.find(name);
    REQUIRE(connection != nullptr);
    CHECK(connection->driver == DriverKind::sqlite);
    CHECK(connection->primary.address.database == ":memory:");
    CHECK(connection->primary.address.password.empty());
    CHECK(connection->replicas.empty());
  }
  const Connection& primary = *config.find("primary");
  CHECK(primary.primary.pool.min == 2);
  CHECK(primary.primary.pool.max_lifetime == 30min);
  CHECK(primary.primary.address.statement_timeout == 5s);
  CHECK(value(config, "connections.primary.migrations.table") == "\"migrations\"");
}

TEST_CASE("the whole example in production") {
  const Config config = loaded(whole(), {{"DB_PASSWORD", "hush"}}, "production");
  const Connection& primary = *config.find("primary");
  CHECK(primary.driver == DriverKind::postgresql);
  CHECK(primary.primary.address.host == "10.0.0.13");
  CHECK(primary.primary.address.port == 5432);
  CHECK(primary.primary.address.user == "app");
  CHECK(primary.primary.address.password == Secret("hush"));
  CHECK(primary.primary.address.sslmode == SslMode::verify_full);
  CHECK(primary.primary.address.timezone == "UTC");
  REQUIRE(primary.replicas.size() == 2);
  CHECK(primary.replicas[0].address.host == "10.0.0.11");
  CHECK(primary.replicas[1].address.host == "10.0.0.12");
  CHECK(primary.replicas[1].address.database == "app");
  CHECK(primary.replicas[1].address.password == Secret("hush"));
  CHECK(primary.replicas[1].pool.min == 2);
  CHECK(config.find("standby")->primary.address.password == Secret("hush"));
}

TEST_CASE("production without its secret says which variable is missing") {
  const Error error = refused(whole(), {}, "production");
  CHECK(error.message.find("DB_PASSWORD") != std::string::npos);
  CHECK(detail(error, "key") == "connections.primary.password");
  CHECK(detail(error, "line") == "10");
}

TEST_CASE("the caller's environment goes before the variable, and that before development") {
  CHECK(loaded(two_environments, {{"TRUNKLINE_ENV", "development"}}, "testing").environment == "testing");
  CHECK(loaded(two_environments, {{"TRUNKLINE_ENV", "testing"}}).environment == "testing");
  CHECK(loaded(two_environments).environment == "development");
  CHECK(loaded(two_environments, {{"TRUNKLINE_ENV", ""}}).environment == "development");
  CHECK(loaded("[connections.a]\ndriver = \"pg\"\n").environment.empty());
}

TEST_CASE("another variable may name the environment") {
  const std::string text = "environment_from = \"NODE_ENV\"\n" + std::string(two_environments);
  CHECK(loaded(text, {{"NODE_ENV", "testing"}, {"TRUNKLINE_ENV", "development"}}).environment == "testing");
}

TEST_CASE("an environment that the file does not speak of is the base configuration") {
  const Config config = loaded(two_environments, {{"DB_PASSWORD", "x"}}, "staging");
  CHECK(config.environment == "staging");
  CHECK(config.find("main")->primary.address.host == "db");
}

TEST_CASE("an environment is laid over key by key") {
  const Config config = loaded(two_environments, {}, "testing");
  const Address& address = config.find("main")->primary.address;
  CHECK(address.host == "test-db");
  CHECK(address.password == Secret("test"));
  CHECK(address.schema == "app");
  CHECK(address.statement_timeout == 5s);
  CHECK(config.find("main")->primary.pool.min == 1);
  CHECK(config.find("main")->primary.pool.max == 3);
  CHECK(config.find("scratch")->driver == DriverKind::sqlite);
  CHECK(config.default_name == "scratch");
}

TEST_CASE("another driver drops the address beneath, and keeps pool, migrations and timeouts") {
  const Config config = loaded(R"(
[connections.main]
driver = "postgresql"
host = "db"
port = 6432
user = "app"
password = "${DB_PASSWORD}"
sslmode = "verify-full"
ca = "ca.pem"
schema = "app"
timezone = "UTC"
application_name = "shop"
arrays = "text"
statement_timeout = "5s"
read_only = true
pool = { max = 4 }
migrations = { tableName = "m", schema = "public" }
[environments.testing.connections.main]
driver = "mysql"
database = "test"
)",
                               {}, "testing");
  const Connection& main = *config.find("main");
  CHECK(main.driver == DriverKind::mysql);
  CHECK(main.primary.address.host == "localhost");
  CHECK(main.primary.address.port == 3306);
  CHECK(main.primary.address.user.empty());
  CHECK(main.primary.address.password.empty());
  CHECK(main.primary.address.sslmode == SslMode::prefer);
  CHECK(main.primary.address.ca.empty());
  CHECK(main.primary.address.timezone == "UTC");
  CHECK(main.primary.address.application_name == "shop");
  CHECK(main.primary.address.statement_timeout == 5s);
  CHECK(main.primary.address.read_only);
  CHECK(main.primary.pool.max == 4);
  CHECK(value(config, "connections.main.migrations.table") == "\"m\"");
}

TEST_CASE("another url drops what the url beneath said") {
  const Config config = loaded(R"(
[connections.main]
url = "postgresql://app@db:6432/app"
password = "one"
[environments.testing.connections.main]
url = "postgresql://tester@test-db/test"
)",
                               {}, "testing");
  const Address& address = config.find("main")->primary.address;
  CHECK(address.label() == "test-db:5432/test");
  CHECK(address.user == "tester");
  CHECK(address.password.empty());
}

TEST_CASE("another driver than that of the defaults drops the address beneath as well") {
  const Config config = loaded(R"(
[defaults]
driver = "postgresql"
[connections.main]
host = "db.internal"
pool.max = 7
[environments.test.connections.main]
driver = "sqlite"
database = ":memory:"
)",
                               {}, "test");
  CHECK(config.connections.front().driver == DriverKind::sqlite);
  CHECK(config.connections.front().primary.pool.max == 7);
}

TEST_CASE("another driver drops an address that only a variable would tell") {
  const std::string_view text = R"(
[connections.main]
url = "${DATABASE_URL}"
schema = "app"
[connections.main.pool]
max = 4
[environments.testing.connections.main]
driver = "sqlite"
database = ":memory:"
)";
  const Config config = loaded(text, {}, "testing");
  CHECK(config.find("main")->primary.address.database == ":memory:");
  CHECK(config.find("main")->primary.pool.max == 4);
  const Config base = loaded(text, {{"DATABASE_URL", "postgresql://db/app"}});
  CHECK(base.find("main")->primary.address.label() == "db:5432/app");
}

TEST_CASE("a url that only a variable tells may be another driver's") {
  const std::string_view text = R"(
[connections.main]
driver = "sqlite"
database = "dev.db"
synchronous = "full"
[environments.production.connections.main]
url = "${DATABASE_URL}"
)";
  const Config config = loaded(text, {{"DATABASE_URL", "postgresql://app:s3cr3t@db/app"}}, "production");
  CHECK(config.find("main")->driver == DriverKind::postgresql);
  CHECK(config.find("main")->primary.address.label() == "db:5432/app");
  const Config same = loaded(text, {{"DATABASE_URL", "sqlite:////data/app.db"}}, "production");
  CHECK(same.find("main")->primary.address.label() == "/data/app.db");
  CHECK(same.find("main")->primary.address.synchronous == Synchronous::full);
  CHECK(refused(text, {}, "production").message.find("DATABASE_URL") != std::string::npos);
  const Config overridden = loaded(text, {{"TRUNKLINE__CONNECTIONS__MAIN__URL", "mysql://db/app"}}, "production");
  CHECK(overridden.find("main")->driver == DriverKind::mysql);
}

TEST_CASE("a driver that only a variable tells drops the defaults that it has not") {
  const std::string defaults = "[defaults]\ntimezone = \"UTC\"\nhost = \"db\"\n[connections.a]\n";
  const std::string url = defaults + "url = \"${URL}\"\n";
  CHECK(loaded(url, {{"URL", "sqlite:///a.db"}}).find("a")->driver == DriverKind::sqlite);
  CHECK(loaded(url, {{"URL", "postgresql://other/app"}}).find("a")->primary.address.timezone == "UTC");
  const std::string driver = defaults + "driver = \"${DRIVER:-sqlite}\"\ndatabase = \"a.db\"\n";
  CHECK(loaded(driver).find("a")->driver == DriverKind::sqlite);
  CHECK(loaded(driver, {{"DRIVER", "pg"}}).find("a")->primary.address.label() == "db:5432/a.db");
}

TEST_CASE("what a variable gives for the driver or the url is not read a second time") {
  const Names names = {{"URL", "postgresql://app:${OTHER}@db/app"}, {"OTHER", "x"}};
  const Config config = loaded(R"(
[connections.main]
driver = "sqlite"
database = "dev.db"
[environments.production.connections.main]
url = "${URL}"
)",
                               names, "production");
  CHECK(config.find("main")->primary.address.password == Secret("${OTHER}"));
}

TEST_CASE("a host laid over a socket replaces it, and the reverse") {
  const auto label = [](const std::string& beneath, const std::string& over, Names variables = {}) {
    const Config config = loaded("[connections.a]\ndriver = \"pg\"\ndatabase = \"d\"\n" + beneath +
                                     "\n[environments.p.connections.a]\n" + over + '\n',
                                 std::move(variables), "p");
    return config.find("a")->primary.address.label();
  };
  CHECK(label("socket = '/run/pg'", "host = 'h'") == "h:5432/d");
  CHECK(label("host = 'h'", "socket = '/run/pg'") == "/run/pg/d");
  CHECK(label("socket = '/run/pg'", "port = 6000") == "/run/pg/d");  // a port belongs to either
  CHECK(label("socket = '/run/pg'", "host = 'h'\nsocket = ''") == "h:5432/d");
  CHECK(label("host = 'h'", "socket = '${S:-}'") == "h:5432/d");
  CHECK(label("host = 'h'", "socket = '${S:-}'", {{"S", "/run/pg"}}) == "/run/pg/d");
  CHECK(label("url = 'postgresql:///?host=/run/pg'", "host = 'h'") == "h:5432/d");
  CHECK(label("host = 'h'", "", {{"TRUNKLINE__CONNECTIONS__A__SOCKET", "/run/pg"}}) == "/run/pg/d");
  const auto defaults = [](const std::string& own) {
    return loaded("[defaults]\nhost = 'h'\n[connections.a]\ndriver = 'pg'\n" + own + "[environments.p.defaults]\n" +
                      "socket = '/run/pg'\n",
                  {}, "p")
        .find("a")
        ->primary.address.label();
  };
  CHECK(defaults("") == "/run/pg");
  CHECK(defaults("host = 'own'\n") == "own:5432");
}

TEST_CASE("variables stand in values, with defaults and escapes") {
  const auto password = [](const std::string& text, Names variables = {}) {
    return loaded("[connections.a]\ndriver = \"pg\"\npassword = '" + text + "'\n", std::move(variables))
        .connections[0]
        .primary.address.password.reveal();
  };
  CHECK(password("${A}", {{"A", "x"}}) == "x");
  CHECK(password("<${A}-${B}>", {{"A", "x"}, {"B", "y"}}) == "<x-y>");
  CHECK(password("${A:-standard}") == "standard");
  CHECK(password("${A:-standard}", {{"A", "x"}}) == "x");
  CHECK(password("${A:-standard}", {{"A", ""}}) == "");
  CHECK(password("${A:-}") == "");
  CHECK(password("${A:-a:-b}") == "a:-b");
  CHECK(password("$${A}") == "${A}");
  CHECK(password("$A $ {A} $") == "$A $ {A} $");
  CHECK(password("${A}", {{"A", "${B}"}, {"B", "y"}}) == "${B}");
}

TEST_CASE("what a variable gives becomes what its key wants") {
  const Config config = loaded(R"(
[connections.a]
driver = "${KIND}"
port = "${PORT}"
read_only = "${RO}"
echo = "${ECHO}"
statement_timeout = "${TIMEOUT}"
result_bytes = "${BYTES}"
statement_cache = "${CACHE}"
pool = { max = "${MAX}", pre_ping = "${PING}", idleTimeoutMillis = "${IDLE}" }
)",
                               {{"KIND", "postgres"},
                                {"PORT", "6432"},
                                {"RO", "true"},
                                {"ECHO", "0"},
                                {"TIMEOUT", "250ms"},
                                {"BYTES", "2048"},
                                {"CACHE", "off"},
                                {"MAX", "12"},
                                {"PING", "true"},
                                {"IDLE", "1500"}});
  const Connection& a = config.connections[0];
  CHECK(a.primary.address.port == 6432);
  CHECK(a.primary.address.read_only);
  CHECK_FALSE(a.echo);
  CHECK(a.primary.address.statement_timeout == 250ms);
  CHECK(a.result_bytes == 2048);
  CHECK(a.primary.address.statement_cache == 0);
  CHECK(a.primary.pool.max == 12);
  CHECK(a.primary.pool.pre_ping.mode == PrePing::Mode::always);
  CHECK(a.primary.pool.idle_timeout == 1500ms);
}

TEST_CASE("a variable's boolean is one in any case") {
  const auto read_only = [](const char* text) {
    return loaded("[connections.a]\ndriver = \"pg\"\nread_only = \"${RO}\"\n", {{"RO", text}})
        .connections[0]
        .primary.address.read_only;
  };
  for (const char* yes : {"true", "TRUE", "True", "1"}) CHECK(read_only(yes));
  for (const char* no : {"false", "FALSE", "False", "0"}) CHECK_FALSE(read_only(no));
}

TEST_CASE("ssl and what it holds may come from a variable") {
  const auto mode = [](const std::string& ssl, Names variables) {
    const Config config = loaded("[connections.a]\ndriver = \"pg\"\n" + ssl + '\n', std::move(variables));
    CHECK(config.setting("connections.a.sslmode")->note.rfind("written as ssl", 0) == 0);
    return config.connections[0].primary.address.sslmode;
  };
  CHECK(mode("ssl = \"${X:-true}\"", {}) == SslMode::verify_full);
  CHECK(mode("ssl = \"${X}\"", {{"X", "FALSE"}}) == SslMode::disable);
  CHECK(mode("ssl = \"${X}\"", {{"X", "require"}}) == SslMode::require);
  CHECK(mode("ssl = { rejectUnauthorized = \"${X}\" }", {{"X", "true"}}) == SslMode::verify_full);
  CHECK(mode("ssl = { rejectUnauthorized = \"${X}\" }", {{"X", "0"}}) == SslMode::require);
  CHECK(mode("", {{"TRUNKLINE__CONNECTIONS__A__SSL", "true"}}) == SslMode::verify_full);
  CHECK(mode("", {{"TRUNKLINE__CONNECTIONS__A__SSL__REJECTUNAUTHORIZED", "false"}}) == SslMode::require);
}

TEST_CASE("a password may look like anything") {
  for (const char* odd : {"12345", "true", "30s", "file", "auto", "a:b@c/d?e#f%", "päss 😀", "none"}) {
    CAPTURE(odd);
    const Config config = loaded("[connections.a]\ndriver = \"pg\"\npassword = \"${P}\"\n", {{"P", odd}});
    CHECK(config.connections[0].primary.address.password.reveal() == odd);
  }
}

TEST_CASE("TRUNKLINE__ variables override single values, in any case") {
  const std::string_view text = R"(
[connections.main]
driver = "postgresql"
pool_size = 20
pool = { idleTimeoutMillis = 1000 }
[connections.Other_One]
driver = "sqlite"
database = "a.db"
)";
  const Config config = loaded(text, {{"TRUNKLINE__CONNECTIONS__MAIN__POOL__MAX", "5"},
                                      {"trunkline__connections__main__host", "db"},
                                      {"TRUNKLINE__CONNECTIONS__MAIN__STATEMENT_TIMEOUT", "1m"},
                                      {"TRUNKLINE__CONNECTIONS__MAIN__PASSWORD", "hush"},
                                      {"TRUNKLINE__CONNECTIONS__MAIN__POOL__IDLETIMEOUTMILLIS", "2000"},
                                      {"TRUNKLINE__CONNECTIONS__OTHER_ONE__DATABASE", ":memory:"},
                                      {"TRUNKLINE__DEFAULT", "Other_One"}});
  const Connection& main = *config.find("main");
  CHECK(main.primary.pool.max == 5);
  CHECK(main.primary.address.host == "db");
  CHECK(main.primary.address.statement_timeout == 1min);
  CHECK(main.primary.address.password == Secret("hush"));
  CHECK(main.primary.pool.idle_timeout == 2s);
  CHECK(config.find("Other_One")->primary.address.database == ":memory:");
  CHECK(config.default_name == "Other_One");
  CHECK(config.setting("connections.main.pool.max")->source == "TRUNKLINE__CONNECTIONS__MAIN__POOL__MAX");
}

TEST_CASE("overrides count together, as one table does") {
  const Config config = loaded("[connections.a]\ndriver = \"sqlite\"\ndatabase = \"a.db\"\n",
                               {{"TRUNKLINE__CONNECTIONS__A__URL", "postgresql://db/app"},
                                {"TRUNKLINE__CONNECTIONS__A__HOST", "other"},
                                {"TRUNKLINE__CONNECTIONS__A__POOL__MAX", "3"}});
  CHECK(config.find("a")->primary.address.label() == "other:5432/app");
  CHECK(config.find("a")->primary.pool.max == 3);
}

TEST_CASE("an override goes over an environment") {
  const Config config = loaded(two_environments, {{"TRUNKLINE__CONNECTIONS__MAIN__HOST", "mine"}}, "testing");
  CHECK(config.find("main")->primary.address.host == "mine");
}

TEST_CASE("an override's text is taken as it is") {
  const Config config = loaded("[connections.a]\ndriver = \"pg\"\n", {{"TRUNKLINE__CONNECTIONS__A__PASSWORD", "a${b"}});
  CHECK(config.connections[0].primary.address.password == Secret("a${b"));
}

}  // namespace tl::config::tests
