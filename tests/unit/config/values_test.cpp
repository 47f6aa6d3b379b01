// What keys come to: defaults, units, other systems' names, urls, and what may be shown of it all.
#include <doctest/doctest.h>

#include <algorithm>

#include "config_fixture.hpp"
#include "keys.hpp"
#include "values.hpp"

using namespace std::chrono_literals;

namespace tl::config::tests {
namespace {

Connection only(const std::string& keys) { return loaded("[connections.a]\n" + keys + '\n').connections.at(0); }
Address address(const std::string& keys) { return only(keys).primary.address; }
Pool pool(const std::string& keys) { return only("driver = \"pg\"\n" + keys).primary.pool; }
Address url(const std::string& text) { return address("url = '" + text + "'"); }

}  // namespace

TEST_CASE("the default is the one that is named, else the one called default, else the first") {
  const std::string a = "[connections.a]\ndriver = \"pg\"\n";
  const std::string b = "[connections.b]\ndriver = \"pg\"\n";
  const std::string standard = "[connections.default]\ndriver = \"pg\"\n";
  CHECK(loaded(b + a).default_name == "b");
  CHECK(loaded(b + standard + a).default_name == "default");
  CHECK(loaded("default = \"a\"\n" + b + standard + a).default_name == "a");
  CHECK(loaded("default = \"${N}\"\n" + b + a, {{"N", "a"}}).default_name == "a");
  CHECK(loaded("").default_name.empty());
}

TEST_CASE("strings, quoted names and comments hold any character") {
  const Config config = loaded(
      "\xEF\xBB\xBF# ⚠️ größer\n[connections.\"größe ⚠️\"]\ndriver = 'pg' # ﻼ\ndescription = \"\"\"\\\n  "
      "ﻼ⚠️\"\"\"\n");
  CHECK(config.connections.at(0).name == "größe ⚠️");
  CHECK(config.connections.at(0).description == "ﻼ⚠️");
}

TEST_CASE("connections are in the order of the file") {
  const Config config = loaded("[connections]\nz.driver = \"pg\"\na.driver = \"pg\"\nm = { driver = \"pg\" }\n");
  REQUIRE(config.connections.size() == 3);
  CHECK(config.connections[0].name == "z");
  CHECK(config.connections[1].name == "a");
  CHECK(config.connections[2].name == "m");
}

TEST_CASE("what nobody says has its default") {
  const Connection a = only("driver = \"postgresql\"");
  CHECK(a.primary.address.host == "localhost");
  CHECK(a.primary.address.port == 5432);
  CHECK(a.primary.address.sslmode == SslMode::prefer);
  CHECK(a.primary.address.application_name == "trunkline/a");
  CHECK_FALSE(a.primary.address.read_only);
  CHECK_FALSE(a.primary.address.statement_timeout.has_value());
  CHECK(a.primary.address.statement_cache == 100);
  CHECK_FALSE(a.call_timeout.has_value());
  CHECK(a.result_bytes == uint64_t{256} << 20);
  const Pool& p = a.primary.pool;
  CHECK(p.min == 0);
  CHECK(p.max == 10);
  CHECK(p.max_overflow == 0);
  CHECK(p.max_idle == 10);
  CHECK(p.acquire_timeout == 30s);
  CHECK(p.create_timeout == 30s);
  CHECK(p.destroy_timeout == 5s);
  CHECK(p.idle_timeout == 30s);
  CHECK(p.max_lifetime == 30min);
  CHECK(p.reap_interval == 1s);
  CHECK(p.create_retry_interval == 100ms);
  CHECK(p.pre_ping.mode == PrePing::Mode::automatic);
  CHECK(p.max_waiters == 10000);
  CHECK(address("driver = \"mysql\"").port == 3306);
  CHECK(address("driver = \"mysql\"").charset == "utf8mb4");
  CHECK(address("driver = \"redshift\"").port == 5439);
}

TEST_CASE("the defaults that the table of keys tells are the ones in effect") {
  const Config config = loaded("[connections.a]\ndriver = \"postgresql\"\n");
  for (const char* table : {"", "pool"}) {
    for (const Key& key : keys_of(table)) {
      if (key.standard.empty() || !key.lacking.empty() || (key.drivers & bit(DriverKind::postgresql)) == 0) continue;
      CAPTURE(key.name);
      const std::string path = std::string("connections.a.") + table + (*table == 0 ? "" : ".") + std::string(key.name);
      REQUIRE(config.setting(path) != nullptr);
      CHECK(config.setting(path)->source == "default");
    }
  }
  CHECK(value(config, "connections.a.pool.max") == "10");
  CHECK(value(config, "connections.a.pool.max_lifetime") == "\"30m\"");
  // Saying what is the default anyway changes nothing.
  const Connection said = only(R"(driver = "postgresql"
pool = { min = 0, max = 10, max_overflow = 0, acquire_timeout = "30s", create_timeout = "30s", destroy_timeout = "5s", idle_timeout = "30s", max_lifetime = "30m", reap_interval = "1s", create_retry_interval = "100ms", pre_ping = "auto", max_waiters = 10000 })");
  CHECK(said.primary.pool.max_lifetime == config.connections[0].primary.pool.max_lifetime);
  CHECK(said.primary.pool.create_retry_interval == config.connections[0].primary.pool.create_retry_interval);
}

TEST_CASE("durations") {
  CHECK(*parse_duration("250ms") == 250ms);
  CHECK(*parse_duration("30s") == 30s);
  CHECK(*parse_duration("5m") == 5min);
  CHECK(*parse_duration("1h30m") == 90min);
  CHECK(*parse_duration("1.5s") == 1500ms);
  CHECK(*parse_duration("2d") == 48h);
  CHECK(*parse_duration("10us") == 10us);
  CHECK(*parse_duration("0s") == 0s);
  for (const char* text : {"250ms", "30s", "90m", "36h", "10us", "0s", "1500ms"})
    CHECK(duration_text(*parse_duration(text)) == text);
}

TEST_CASE("a lifetime may be none") {
  CHECK_FALSE(pool("pool.idle_timeout = \"none\"").idle_timeout.has_value());
  CHECK_FALSE(pool("pool.max_lifetime = \"0s\"").max_lifetime.has_value());
  CHECK_FALSE(pool("pool.max_lifetime = 0").max_lifetime.has_value());
  CHECK_FALSE(pool("pool_recycle = -1").max_lifetime.has_value());
  CHECK_FALSE(address("driver = \"pg\"\nstatement_timeout = \"off\"").statement_timeout.has_value());
  CHECK(pool("pool.acquire_timeout = \"0s\"").acquire_timeout == 0s);
}

TEST_CASE("other systems' names come with their units") {
  struct Case {
    const char* written;
    Nanos Pool::*member;
    Nanos meant;
  };
  const Case cases[] = {
      {"pool.acquireTimeoutMillis = 1500", &Pool::acquire_timeout, 1500ms},
      {"pool.createTimeoutMillis = 1500", &Pool::create_timeout, 1500ms},
      {"pool.destroyTimeoutMillis = 1500", &Pool::destroy_timeout, 1500ms},
      {"pool.reapIntervalMillis = 1500", &Pool::reap_interval, 1500ms},
      {"pool.createRetryIntervalMillis = 1500", &Pool::create_retry_interval, 1500ms},
      {"acquireTimeout = 1500", &Pool::acquire_timeout, 1500ms},
      {"connect_timeout = 15", &Pool::create_timeout, 15s},
      {"pool_timeout = 1.5", &Pool::acquire_timeout, 1500ms},
      {"options = { timeout = 5 }", &Pool::create_timeout, 5s},
      {"pool.connectionTimeoutMillis = 2000", &Pool::create_timeout, 2s},
      {"pool.connectionTimeoutMillis = 2000", &Pool::acquire_timeout, 2s},
      {"pool.acquireTimeoutMillis = \"2s\"", &Pool::acquire_timeout, 2s},
  };
  for (const Case& one : cases) {
    CAPTURE(one.written);
    CHECK(pool(one.written).*one.member == one.meant);
  }
  CHECK(pool("pool.idleTimeoutMillis = 1500").idle_timeout == 1500ms);
  CHECK(pool("idleTimeout = 1500").idle_timeout == 1500ms);
  CHECK(pool("pool.conn_max_lifetime = 90").max_lifetime == 90s);
  CHECK(pool("pool.conn_max_idle_time = \"90s\"").idle_timeout == 90s);
  CHECK(pool("pool_recycle = 1800").max_lifetime == 30min);
  CHECK(pool("pool_size = 3\nmax_overflow = 4").max_overflow == 4);
  CHECK(pool("connectionLimit = 3").max == 3);
  CHECK(pool("pool_size = 3").max_idle == 3);
  CHECK(pool("poolclass = \"NullPool\"").max_idle == 0);
  CHECK(pool("pool_pre_ping = true").pre_ping.mode == PrePing::Mode::always);
  CHECK(pool("pool.pre_ping = false").pre_ping.mode == PrePing::Mode::never);
  CHECK(pool("pool.pre_ping = \"5s\"").pre_ping.quiet == 5s);
  CHECK(address("driver = \"mysql\"\ntimeout = 60000").statement_timeout == 60s);
  CHECK(address("driver = \"pg\"\nprepare = \"off\"").statement_cache == 0);
}

TEST_CASE("saying the same twice under two names is no conflict") {
  CHECK(pool("pool_size = 5\npool = { max = 5 }").max == 5);
}

TEST_CASE("every alias names a key that there is") {
  for (const Alias& alias : aliases()) {
    if (alias.key.empty()) continue;
    CAPTURE(alias.name);
    const size_t dot = alias.key.find('.');
    const bool nested = dot != std::string_view::npos;
    CHECK(find_key(nested ? alias.key.substr(0, dot) : "", nested ? alias.key.substr(dot + 1) : alias.key) != nullptr);
    CHECK(find_key(alias.table, alias.name) == nullptr);
  }
}

TEST_CASE("node's ssl") {
  CHECK(address("driver = \"pg\"\nssl = true").sslmode == SslMode::verify_full);
  CHECK(address("driver = \"pg\"\nssl = false").sslmode == SslMode::disable);
  CHECK(address("driver = \"pg\"\nssl = { rejectUnauthorized = true }").sslmode == SslMode::verify_full);
  CHECK(address("driver = \"pg\"\nssl = { rejectUnauthorized = false }").sslmode == SslMode::require);
  const Address tls = address("driver = \"pg\"\nssl = { ca = \"ca.pem\", cert = \"/c.pem\", key = \"k.pem\" }");
  CHECK(tls.sslmode == SslMode::verify_full);
  CHECK(tls.ca == "/srv/app/ca.pem");
  CHECK(tls.cert == "/c.pem");
  CHECK(tls.key == "/srv/app/k.pem");
}

TEST_CASE("urls") {
  const Address full =
      url("postgresql://app:p%40ss%2Fw@db.internal:6432/sh%20op?sslmode=verify-full&application_name=x");
  CHECK(full.driver == DriverKind::postgresql);
  CHECK(full.user == "app");
  CHECK(full.password == Secret("p@ss/w"));
  CHECK(full.label() == "db.internal:6432/sh op");
  CHECK(full.sslmode == SslMode::verify_full);
  CHECK(full.application_name == "x");
  CHECK(url("postgres://u:a@b@db/app").password == Secret("a@b"));
  CHECK(url("postgresql+psycopg2://db/app").driver == DriverKind::postgresql);
  CHECK(url("mysql+pymysql://db/app").driver == DriverKind::mysql);
  CHECK(url("postgresql://[::1]:6432/app").label() == "::1:6432/app");
  CHECK(url("postgresql://[fe80::1]/app").host == "fe80::1");
  CHECK(url("postgresql://db/app?user=a%40b").user == "a@b");
  CHECK(url("postgresql://db/app?host=/run/pg").label() == "/run/pg/app");
  CHECK(url("postgresql://db/app?host=/run/pg&host=other").label() == "other:5432/app");
  CHECK(url("mysql://db/app?socket=/run/mysqld.sock").label() == "/run/mysqld.sock/app");
  CHECK(url("postgresql:///app?host=%2Fvar%2Frun").socket == "/var/run");
  CHECK(url("postgresql://").host == "localhost");
  CHECK(url("sqlite://:memory:").database == ":memory:");
  CHECK(url("sqlite://").database == ":memory:");
  CHECK(url("sqlite:///relative.db").database == "/srv/app/relative.db");
  CHECK(url("sqlite:////absolute.db").database == "/absolute.db");
  CHECK(url("sqlite:file.db").database == "/srv/app/file.db");
  CHECK(url("user:p@ss:w@tcp(db:3307)/shop?parseTime=true").password == Secret("p@ss:w"));
  CHECK(url("user:pw@unix(/run/mysqld.sock)/shop").socket == "/run/mysqld.sock");
  CHECK(address("driver = \"mariadb\"\nurl = \"mysql://db/app\"").driver == DriverKind::mariadb);
  CHECK(address("driver = \"redshift\"\nurl = \"postgresql://db/app\"").port == 5439);
}

TEST_CASE("a url's parameter without meaning is accepted and told") {
  const Config config = loaded("[connections.a]\nurl = \"app@tcp(db)/shop?parseTime=true&timeout=5s\"\n");
  REQUIRE(config.setting("connections.a.parseTime") != nullptr);
  CHECK(config.setting("connections.a.parseTime")->note == "no meaning here");
  CHECK(config.connections[0].primary.pool.create_timeout == 5s);
}

TEST_CASE("keys beside a url go before its parts") {
  const Address both = address("url = \"postgresql://app:old@db:1/app\"\npassword = \"new\"\nport = 2");
  CHECK(both.password == Secret("new"));
  CHECK(both.port == 2);
  CHECK(both.user == "app");
  CHECK(address("url = \"postgresql:///app?host=/run/pg\"\nhost = \"db\"").label() == "db:5432/app");
  CHECK(address("url = \"postgresql://db/app\"\nsocket = \"/run/pg\"").label() == "/run/pg/app");
  CHECK(address("url = \"postgresql://db/app\"\nsocket = \"\"").label() == "db:5432/app");
}

TEST_CASE("a limit over all sessions that is less than what min keeps ready is told on loading") {
  const std::string keys =
      "[defaults]\ndriver = \"pg\"\npool.min = 2\n[connections.a]\nreplicas.read = [{ host = \"r\" }]\n"
      "[connections.b]\n[limits]\nmax_open = ";
  CHECK(loaded(keys + "6\n").max_open == 6);
  CHECK(loaded(keys + "6\n").warnings.empty());
  const Config config = loaded(keys + "5\n");
  REQUIRE(config.warnings.size() == 1);
  CHECK(
      config.warnings[0] ==
      "test.toml:8: limits.max_open: is 5, less than the 6 sessions that pool.min of all connections would keep ready");
  CHECK(config.setting("limits.max_open")->source == "test.toml:8");
  CHECK_FALSE(loaded("[connections.a]\ndriver = \"pg\"\n").max_open.has_value());
  CHECK(loaded("[connections.a]\ndriver = \"pg\"\n", {{"TRUNKLINE__LIMITS__MAX_OPEN", "7"}}).max_open == 7);
}

TEST_CASE("PostgreSQL's sockets in one folder are of several servers, and a folder may be given as host") {
  const std::string head = "[budget]\nserver_max = 100\nreserve = 0\n[connections.a]\ndriver = \"pg\"\n";
  const auto max_beside = [&](const std::string& other) {
    return loaded(head + "socket = \"/run/pg\"\nport = 5432\npool.max = \"auto\"\n[connections.b]\ndriver = \"pg\"\n" +
                  "pool.max = 30\n" + other)
        .find("a")
        ->primary.pool.max;
  };
  CHECK(max_beside("socket = \"/run/pg\"\nport = 5433\n") == 100);
  CHECK(max_beside("socket = \"/run/pg\"\nport = 5432\n") == 70);
  CHECK(max_beside("host = \"/run/pg\"\nport = 5432\n") == 70);
}

TEST_CASE("a replica has a host or a socket of its own, not its connection's beside it") {
  const Connection local = only(R"(driver = "pg"
socket = "/run/pg"
port = 6000
database = "app"
replicas.read = [{ host = "r1" }, { url = "postgresql://r2/copy" }, { socket = "/run/other" }, { port = 6001 }])");
  CHECK(local.primary.address.label() == "/run/pg/app");
  REQUIRE(local.replicas.size() == 4);
  CHECK(local.replicas[0].address.label() == "r1:6000/app");
  CHECK(local.replicas[1].address.label() == "r2:6000/copy");
  CHECK(local.replicas[2].address.label() == "/run/other/app");
  CHECK(local.replicas[3].address.label() == "/run/pg/app");
  CHECK(local.replicas[3].address.port == 6001);
  const Config told =
      loaded("[connections.a]\ndriver = \"pg\"\nhost = \"h\"\nreplicas.read = [{ socket = \"/run/pg\" }]\n");
  CHECK(value(told, "connections.a.replicas.read.0.socket") == "\"/run/pg\"");
  CHECK(told.setting("connections.a.replicas.read.0.host") == nullptr);
  const Config over = loaded("[connections.a]\ndriver = 'pg'\nsocket = '/run/pg'\nreplicas.read = [{ host = 'r' }]\n");
  CHECK(value(over, "connections.a.replicas.read.0.host") == "\"r\"");
  CHECK(over.setting("connections.a.replicas.read.0.socket") == nullptr);
  const Connection far = only("driver = \"pg\"\nhost = \"/folder\"\nreplicas.read = [{ socket = \"/run/pg\" }]");
  CHECK(far.replicas.at(0).address.host == "localhost");
  CHECK(far.replicas.at(0).address.socket == "/run/pg");
}

TEST_CASE("replicas are merged over their connection, key by key") {
  const Connection a = only(R"(driver = "pg"
user = "app"
password = "one"
pool = { min = 1, max = 8 }
replicas.policy = "least_busy"
replicas.read = [{ host = "r1", password = "two" }, { url = "postgresql://reader@r2:6000/copy", pool = { max = 3 } }]
replicas.write = { host = "w", port = 6001 })");
  CHECK(a.policy == Policy::least_busy);
  CHECK(a.primary.address.label() == "w:6001");
  CHECK(a.primary.address.password == Secret("one"));
  REQUIRE(a.replicas.size() == 2);
  CHECK(a.replicas[0].address.host == "r1");
  CHECK(a.replicas[0].address.user == "app");
  CHECK(a.replicas[0].address.password == Secret("two"));
  CHECK(a.replicas[0].pool.max == 8);
  CHECK(a.replicas[1].address.label() == "r2:6000/copy");
  CHECK(a.replicas[1].address.user == "reader");
  CHECK(a.replicas[1].address.password == Secret("one"));
  CHECK(a.replicas[1].pool.min == 1);
  CHECK(a.replicas[1].pool.max == 3);
}

TEST_CASE("no secret is ever shown") {
  const Config config =
      loaded(R"(
[connections.a]
url = "postgresql://app:s3cr3t-canary@db/app"
replicas.read = [{ url = "postgresql://app:s3cr3t-canary@r1/app" }, { host = "r2", password = "s3cr3t-canary" }]
[connections.b]
driver = "mysql"
password = "${PASSWORD}"
[connections.c]
url = "app:s3cr3t-canary@tcp(db:3306)/app"
[connections.d]
url = "postgresql://db/app?user=app&password=s3cr3t-canary"
)",
             {{"PASSWORD", "s3cr3t-canary"}, {"TRUNKLINE__CONNECTIONS__C__PASSWORD", "s3cr3t-canary"}});
  REQUIRE(config.find("a")->primary.address.password == Secret("s3cr3t-canary"));
  REQUIRE(config.find("d")->primary.address.password == Secret("s3cr3t-canary"));
  for (const Setting& row : config.settings) {
    CAPTURE(row.path);
    CHECK((row.path + row.value + row.source + row.note).find("canary") == std::string::npos);
  }
  for (const std::string& warning : config.warnings) CHECK(warning.find("canary") == std::string::npos);
  CHECK(value(config, "connections.a.password") == "\"***\"");
  CHECK(value(config, "connections.b.password") == "\"***\"");
  CHECK(value(config, "connections.a.url") == "\"postgresql://app@db/app\"");
  for (const Connection& connection : config.connections) {
    CHECK(connection.primary.address.label().find("canary") == std::string::npos);
  }
}

TEST_CASE("settings say where each value comes from, sorted and once each") {
  const Config config = loaded("[defaults.pool]\nmax = 4\n[connections.a]\nclient = \"pg\"\nusername = \"app\"\n");
  CHECK(config.setting("connections.a.driver")->value == "\"postgresql\"");
  CHECK(config.setting("connections.a.driver")->note == "written as client");
  CHECK(config.setting("connections.a.user")->source == "test.toml:5");
  CHECK(config.setting("connections.a.user")->note == "written as username");
  CHECK(config.setting("connections.a.pool.max")->source == "test.toml:2");
  CHECK(config.setting("connections.a.pool.min")->source == "default");
  for (size_t i = 1; i < config.settings.size(); ++i) CHECK(config.settings[i - 1].path < config.settings[i].path);
}

TEST_CASE("a key whose feature this build lacks is checked, and told on loading") {
  const Config config =
      loaded("[connections.a]\ndriver = \"pg\"\nmigrations.table = \"b\"\npool.leak_threshold = \"1m\"\n");
  REQUIRE(config.warnings.size() == 2);
  const auto told = [&](std::string_view key) {
    return std::any_of(config.warnings.begin(), config.warnings.end(),
                       [&](const std::string& warning) { return warning.find(key) != std::string::npos; });
  };
  CHECK(told("test.toml:3: connections.a.migrations.table: this build has no migrations"));
  CHECK(told("test.toml:4: connections.a.pool.leak_threshold: this build has no leak detection"));
  CHECK(loaded("[connections.a]\ndriver = \"pg\"\n").warnings.empty());
}

TEST_CASE("defaults that a driver has not are no error for its connections") {
  const Config config = loaded(R"(
[defaults]
host = "db"
password = "${PASSWORD}"
echo = true
[connections.file]
driver = "sqlite"
database = ":memory:"
)");
  CHECK(config.connections[0].echo);
}

}  // namespace tl::config::tests
