// Connections that are added to a configuration: as if they stood in its file.
#include <doctest/doctest.h>

#include "config_fixture.hpp"

using namespace std::chrono_literals;

namespace tl::config::tests {
namespace {

constexpr std::string_view file = R"(
[defaults]
driver = "postgresql"
user = "app"
password = "${SECRET}"
pool = { max = 7 }
[connections.main]
host = "db"
[environments.production.defaults]
statement_timeout = "5s"
[environments.production.connections.main]
host = "db.internal"
)";

Error not_added(const Config& config, std::string_view name, std::string_view toml) {
  auto made = make(config, name, toml);
  REQUIRE_MESSAGE(!made, "this text must not be added: ", std::string(toml));
  return made.error();
}

std::string row(const Built& added, const std::string& path) {
  for (const Setting& setting : added.settings) {
    if (setting.path == path) return setting.value + " from " + setting.source;
  }
  return "";
}

}  // namespace

TEST_CASE("what is added stands upon the file's defaults, environment and variables") {
  const Config config = loaded(file, {{"SECRET", "hush"}, {"TENANT", "t42"}}, "production");
  const Built tenant = added(config, "tenant", "# a tenant\nhost = 'shard'\ndatabase = '${TENANT}'\n[pool]\nmin = 2\n");
  const Connection& connection = tenant.connection;
  CHECK(connection.name == "tenant");
  CHECK(connection.driver == DriverKind::postgresql);
  CHECK(connection.primary.address.host == "shard");
  CHECK(connection.primary.address.database == "t42");
  CHECK(connection.primary.address.user == "app");
  CHECK(connection.primary.address.password == Secret("hush"));
  CHECK(connection.primary.address.statement_timeout == 5s);
  CHECK(connection.primary.address.application_name == "trunkline/tenant");
  CHECK(connection.primary.pool.max == 7);
  CHECK(connection.primary.pool.min == 2);
  CHECK(row(tenant, "connections.tenant.host") == "\"shard\" from add():2");
  CHECK(row(tenant, "connections.tenant.user") == "\"app\" from test.toml:4");
  CHECK(row(tenant, "connections.tenant.password") == "\"***\" from test.toml:5");
  CHECK(config.find("tenant") == nullptr);
}

TEST_CASE("the text may be written as any connection, with aliases, urls, replicas and paths of the file's folder") {
  const Config config = loaded(file, {{"SECRET", ""}});
  CHECK(added(config, "a", "driver = 'sqlite'\nfilename = 'a.db'").connection.primary.address.database ==
        "/srv/app/a.db");
  const Connection url = added(config, "u", "url = 'postgres://me:pw@far:5433/shop'").connection;
  CHECK(url.primary.address.host == "far");
  CHECK(url.primary.address.password == Secret("pw"));
  const Connection split = added(config, "r", "host = 'w'\n[[replicas.read]]\nhost = 'r1'\n").connection;
  REQUIRE(split.replicas.size() == 1);
  CHECK(split.replicas[0].address.host == "r1");
  CHECK(split.replicas[0].pool.max == 7);
}

TEST_CASE("what the environment and variables say of a name holds also where it is added") {
  const Config config = loaded(file, {{"SECRET", ""}, {"TRUNKLINE__CONNECTIONS__MAIN__POOL__MAX", "3"}}, "production");
  const Connection main = added(config, "main", "host = 'db'").connection;
  CHECK(main.primary.address.host == "db.internal");
  CHECK(main.primary.pool.max == 3);
  CHECK(differences(main, *config.find("main")).empty());
}

TEST_CASE("errors name the text, its line and the key") {
  const Config config = loaded(file, {{"SECRET", "hush"}});
  const Error unknown = not_added(config, "t", "host = 'x'\n[pool]\nmaxx = 3\n");
  CHECK(unknown.status == Status::configuration);
  CHECK(unknown.message == "add():3: connections.t.pool.maxx: unknown key; did you mean \"max\"?");
  CHECK(detail(unknown, "file") == "add()");
  CHECK(detail(unknown, "line") == "3");
  CHECK(detail(not_added(config, "t", "host = ["), "line") == "1");
  CHECK(detail(not_added(config, "t", "[connections.t]\nhost = 'x'"), "key") == "connections.t.connections");
  CHECK(not_added(config, "t", "host = '${NOT_SET}'").message.starts_with("add():1: connections.t.host: "));
  for (const std::string& name : {std::string(), std::string("a\nb"), std::string("\0", 1), std::string("\xff")}) {
    CHECK(not_added(config, name, "host = 'x'").status == Status::configuration);
  }
}

TEST_CASE("an error in what the file says of it names the file") {
  const Config config = loaded("[defaults]\npassword = '${LATER}'\n");
  CHECK(not_added(config, "t", "driver = 'postgresql'").message.starts_with("test.toml:2: connections.t.password: "));
}

TEST_CASE("pools of what is added are sized by the budget, beside those of the file") {
  const Config config = loaded(
      "[defaults]\ndriver = 'postgresql'\nhost = 'db'\n[budget]\nserver_max = 100\nreserve = 0.2\n"
      "[connections.a]\npool = { max = 'auto' }\n[connections.b]\npool = { max = 20 }\n");
  CHECK(config.find("a")->primary.pool.max == 60);
  const Built c = added(config, "c", "pool.max = 'auto'");
  CHECK(c.connection.primary.pool.max == 30);
  CHECK(row(c, "connections.c.pool.max") == "30 from add():1");
  CHECK(row(c, "budget.server_max").empty());
  CHECK(added(config, "d", "host = 'other'\npool.max = 'auto'").connection.primary.pool.max == 80);
  // Instances, workers and overflow count for it, too; a replica may share the server.
  const Config many = loaded(
      "[defaults]\ndriver = 'postgresql'\nhost = 'db'\n[budget]\nserver_max = 100\nreserve = 0\ninstances = 2\n"
      "workers = 3\n[connections.a]\npool.max = 'auto'\n");
  CHECK(many.find("a")->primary.pool.max == 16);
  const Built e = added(many, "e", "pool = { max = 'auto', max_overflow = 1 }\nreplicas.read = [{ host = 'db' }]");
  CHECK(e.connection.primary.pool.max == 4);  // (100 - 2 x 6) / (6 x 3)
  CHECK(e.connection.replicas[0].pool.max == 4);
  const Config none = loaded("[defaults]\ndriver = 'postgresql'\n");
  CHECK(not_added(none, "c", "pool.max = 'auto'").message ==
        "add():1: connections.c.pool.max: is \"auto\", but there is no [budget]");
}

TEST_CASE("keys without effect are told once: those of the text with it, those of the file with that") {
  const Config config = loaded("[defaults]\ndriver = 'postgresql'\n[defaults.retry]\nattempts = 3\n");
  CHECK(added(config, "a", "host = 'x'").warnings.empty());
  const auto warnings = added(config, "a", "host = 'x'\n[migrations]\ntable = 'm'\n").warnings;
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].starts_with("add():3: "));
}

TEST_CASE("connections differ in keys") {
  const Config config = loaded(file, {{"SECRET", "hush"}});
  const auto keys = [&](std::string_view a, std::string_view b) {
    std::string all;
    for (const std::string& key : differences(added(config, "t", a).connection, added(config, "t", b).connection)) {
      all += key + ' ';
    }
    return all;
  };
  CHECK(keys("host = 'x'", "# the same\nhost = \"x\"\nport = 5432").empty());
  CHECK(keys("url = 'postgres://app:hush@x/'", "host = 'x'").empty());
  CHECK(keys("host = 'x'", "host = 'y'\npassword = 'other'") == "host password ");
  CHECK(keys("pool.max = 3", "pool = { max = 4, idle_timeout = 'none' }") == "pool.max pool.idle_timeout ");
  CHECK(keys("replicas.read = []", "[[replicas.read]]\nhost = 'r'") == "replicas.read ");
  CHECK(keys("host = 'x'", "driver = 'sqlite'\ndatabase = ':memory:'") == "driver ");
}

namespace {

Built patched(const Config& config, std::string_view name, std::string_view toml) {
  const Node* const own = file_connection(*config.base, name);
  REQUIRE(own != nullptr);
  auto node = patch_connection(*config.base, *own, name, toml, "patch()");
  REQUIRE_MESSAGE(node, (node ? "" : node.error().message));
  auto made = make_connection(*config.base, name, *node, "patch()");
  REQUIRE_MESSAGE(made, (made ? "" : made.error().message));
  return made.take();
}

}  // namespace

TEST_CASE("a patch lies over everything, and each value says where it is from") {
  const Config config = loaded(file, {{"SECRET", "hush"}}, "production");
  const Built main = patched(config, "main", "# now\nhost = 'other'\npool.max = 3\n");
  CHECK(main.connection.primary.address.host == "other");
  CHECK(main.connection.primary.pool.max == 3);
  CHECK(main.connection.primary.address.statement_timeout == std::chrono::seconds(5));
  CHECK(row(main, "connections.main.host") == "\"other\" from patch():2");
  CHECK(row(main, "connections.main.statement_timeout").ends_with("from test.toml:10"));
  CHECK(file_connection(*config.base, "nobody") == nullptr);
}

TEST_CASE("a patch to another kind of database drops the address, and keeps the rest") {
  const Config config = loaded(file, {{"SECRET", "hush"}}, "production");
  const Built main = patched(config, "main", "driver = 'sqlite'\ndatabase = ':memory:'\n");
  CHECK(main.connection.driver == DriverKind::sqlite);
  CHECK(main.connection.primary.address.password.empty());
  CHECK(main.connection.primary.pool.max == 7);
}

TEST_CASE("a patched pool is sized by the budget in the place of the file's own") {
  const Config config = loaded(R"(
[budget]
server_max = 100
reserve = 0
[connections.a]
driver = "postgresql"
pool.max = 60
[connections.b]
driver = "postgresql"
pool.max = 20
)");
  CHECK(patched(config, "a", "pool.max = 'auto'").connection.primary.pool.max == 80);
}

}  // namespace tl::config::tests
