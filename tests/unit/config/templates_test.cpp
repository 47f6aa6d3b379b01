// Settings that many connections share, with places for what differs.
#include <doctest/doctest.h>

#include "config_fixture.hpp"

using namespace std::chrono_literals;

namespace tl::config::tests {
namespace {

constexpr std::string_view file = R"(
[defaults.pool]
max = 7
acquire_timeout = "3s"
[templates.tenant]
driver = "postgresql"
host = "db-${shard:-eu}.internal"
port = "${port:-5433}"
database = "tenant_${id}"
user = "app"
password = "${SECRET}"
application_name = "${name}"
[templates.tenant.pool]
max = 5
[templates.by_url]
url = "postgresql://app:${password}@${host}/${database}?sslmode=disable"
[templates.whole_url]
url = "${address}"
[templates.file]
driver = "sqlite"
database = "/tenants/${name}.db"
[connections.acme]
template = "tenant"
parameters = { id = 42 }
description = "the first"
[connections.umbrella]
template = "tenant"
parameters = { id = "u", shard = "us" }
database = "elsewhere"
[connections.umbrella.pool]
max = 2
[environments.testing.templates.tenant]
driver = "sqlite"
database = ":memory:"
[environments.staging.templates.tenant]
host = "staging-${shard:-eu}"
[environments.staging.connections.acme]
parameters = { shard = "asia" }
)";

Config config_of(Names variables = {{"SECRET", "hush"}}, std::optional<std::string> environment = {}) {
  return loaded(file, std::move(variables), std::move(environment));
}

const Address& address(const Config& config, std::string_view name) { return config.find(name)->primary.address; }

// What becomes of a connection that is added and then patched.
Connection patched(std::string_view toml, std::string_view patch) {
  const Config config = config_of();
  auto own = read_connection(*config.base, "t", toml, "add()");
  REQUIRE(own);
  auto over = patch_connection(*config.base, own.take(), "t", patch, "patch()");
  REQUIRE(over);
  auto made = make_connection(*config.base, "t", *over, "patch()");
  REQUIRE_MESSAGE(made, (made ? "" : made.error().message));
  return made->connection;
}

std::string not_added(std::string_view toml) {
  auto made = make(config_of(), "t", toml);
  REQUIRE_MESSAGE(!made, "this text must not be added: ", std::string(toml));
  return made.error().message;
}

// The message of a file that must not load.
std::string wrong(std::string_view toml) { return refused(toml).message; }

}  // namespace

TEST_CASE("a connection stands upon its template, and that upon the defaults") {
  const Config config = config_of();
  const Connection& acme = *config.find("acme");
  CHECK(acme.driver == DriverKind::postgresql);
  CHECK(acme.primary.address.host == "db-eu.internal");
  CHECK(acme.primary.address.port == 5433);
  CHECK(acme.primary.address.database == "tenant_42");
  CHECK(acme.primary.address.password == Secret("hush"));
  CHECK(acme.primary.address.application_name == "acme");
  CHECK(acme.primary.pool.max == 5);
  CHECK(acme.primary.pool.acquire_timeout == 3s);
  CHECK(acme.description == "the first");
  CHECK(value(config, "connections.acme.template") == "\"tenant\"");
  CHECK(value(config, "connections.acme.database") == "\"tenant_42\"");

  const Connection& umbrella = *config.find("umbrella");
  CHECK(umbrella.primary.address.host == "db-us.internal");
  CHECK(umbrella.primary.address.database == "elsewhere");
  CHECK(umbrella.primary.pool.max == 2);
}

TEST_CASE("environments lie over templates") {
  const Config testing = config_of({}, "testing");
  CHECK(testing.find("acme")->driver == DriverKind::sqlite);
  CHECK(address(testing, "acme").database == ":memory:");
  CHECK(testing.find("acme")->primary.pool.max == 5);

  const Config staging = config_of({{"SECRET", "hush"}}, "staging");
  CHECK(address(staging, "acme").host == "staging-asia");
  CHECK(address(staging, "acme").database == "tenant_42");
}

TEST_CASE("an overlay with another driver drops the template's address") {
  const Config config = loaded(std::string(file) + R"(
[environments.elsewhere.connections.acme]
driver = "mariadb"
database = "app"
)",
                               {{"SECRET", "hush"}}, "elsewhere");
  CHECK(config.find("acme")->driver == DriverKind::mariadb);
  CHECK(address(config, "acme").host == "localhost");
  CHECK(address(config, "acme").port == 3306);
  CHECK(address(config, "acme").password.empty());
  CHECK(config.find("acme")->primary.pool.max == 5);
}

TEST_CASE("a tenant is added by its template") {
  const Config config = config_of();
  const Connection tenant =
      added(config, "tenant_7", "template = 'tenant'\nparameters = { id = 7, port = 6000 }\n").connection;
  CHECK(tenant.primary.address.database == "tenant_7");
  CHECK(tenant.primary.address.port == 6000);
  CHECK(tenant.primary.address.application_name == "tenant_7");
}

TEST_CASE("a patch fills in the template anew") {
  const Connection made = patched("template = 'tenant'\nparameters = { id = 7 }\n", "parameters = { shard = 'us' }\n");
  CHECK(made.primary.address.host == "db-us.internal");
  CHECK(made.primary.address.database == "tenant_7");
}

TEST_CASE("another template drops the parameters of the one before") {
  const Connection made = patched("template = 'tenant'\nparameters = { id = 7 }\n", "template = 'file'\n");
  CHECK(made.primary.address.database == "/tenants/t.db");
}

TEST_CASE("a patch with another driver drops the template's address and the connection's own") {
  const Connection made =
      patched("template='tenant'\nparameters={id=7}\nuser='me'\n", "driver='sqlite'\ndatabase=':memory:'\n");
  CHECK(made.driver == DriverKind::sqlite);
  CHECK(made.primary.address.user.empty());
}

TEST_CASE("a parameter is one value, whatever it holds") {
  const Config config = config_of({{"SECRET", "hush"}, {"id", "of a variable"}, {"OTHER", "seen"}});
  CHECK(added(config, "t", "template='tenant'\nparameters={id='$'}").connection.primary.address.database == "tenant_$");
  CHECK(added(config, "t", "template='tenant'\nparameters={id='${OTHER}'}").connection.primary.address.database ==
        "tenant_seen");
  CHECK(added(config, "t", "template='tenant'\nparameters={id='$${OTHER}'}").connection.primary.address.database ==
        "tenant_${OTHER}");
  CHECK(added(config, "${OTHER}", "template='file'").connection.primary.address.database == "/tenants/${OTHER}.db");
}

TEST_CASE("a parameter cannot end the part of a url that it stands in") {
  const Config config = config_of();
  const Connection tenant = added(config, "t", R"(
template = "by_url"
parameters = { host = "db.internal", database = "x?host=evil&sslmode=disable", password = "p@ss/w:rd%" }
)")
                                .connection;
  CHECK(tenant.primary.address.host == "db.internal");
  CHECK(tenant.primary.address.database == "x?host=evil&sslmode=disable");
  CHECK(tenant.primary.address.password == Secret("p@ss/w:rd%"));
  const Config elsewhere =
      loaded("[templates.t]\nurl = '${BASE}/${name}?sslmode=verify-full'", {{"BASE", "postgresql://db.internal"}});
  const Connection named = added(elsewhere, "x?sslmode=disable", "template = 't'").connection;
  CHECK(named.primary.address.sslmode == SslMode::verify_full);
  CHECK(named.primary.address.database == "x?sslmode=disable");
  const Connection whole =
      added(config, "t", "template = 'whole_url'\nparameters = { address = 'postgresql://me@there:99/base' }\n")
          .connection;
  CHECK(whole.primary.address.host == "there");
  CHECK(whole.primary.address.database == "base");
}

TEST_CASE("secrets in parameters are not shown") {
  const Config config = config_of();
  auto made = make(config, "t", "template='by_url'\nparameters={host='h', database='d', password='hush-hush'}");
  REQUIRE(made);
  for (const Setting& setting : made->settings) CHECK(setting.value.find("hush-hush") == std::string::npos);
}

TEST_CASE("what is wrong with a template or its parameters is said, and where") {
  CHECK(not_added("template = 'tenan'") ==
        "add():1: connections.t.template: there is no template \"tenan\"; did you mean \"tenant\"?");
  CHECK(not_added("\ntemplate = 'tenant'\nparameters = { di = 1 }") ==
        "add():3: connections.t.parameters.di: the template has no ${di}; did you mean \"id\"?");
  CHECK(not_added("template = 'tenant'").find("trunkline.toml") == std::string::npos);
  CHECK(
      not_added("template = 'tenant'")
          .ends_with(":9: connections.t.database: there is no parameter id, no variable of that name, and no default"));
  CHECK(not_added("parameters = { id = 1 }") ==
        "add():1: connections.t.parameters: belongs to a template, and the connection names none");
  CHECK(not_added("template = 'tenant'\nparameters = { name = 'x' }") ==
        "add():2: connections.t.parameters.name: is always the connection's own name");
  CHECK(not_added("template = 'tenant'\nparameters = { 'a b' = 'x' }") ==
        "add():2: connections.t.parameters.a b: is no name that ${…} could have");
  CHECK(not_added("template = 'tenant'\nparameters = { id = [1] }") ==
        "add():2: connections.t.parameters.id: must be a string, an integer or a boolean, not an array");
  CHECK(not_added("template = 'tenant'\nparameters = { id = 1, port = 'x' }").find("connections.t.port") !=
        std::string::npos);
  CHECK(not_added("template = 1").ends_with("connections.t.template: must be a string, not an integer"));

  CHECK(wrong("[templates.a]\ntemplate = 'b'\n").ends_with(":2: templates.a.template: belongs to a connection"));
  CHECK(wrong("[defaults]\nparameters = {}\n").ends_with(":2: defaults.parameters: belongs to a connection"));
  CHECK(wrong("[templates.a]\nhots = 'b'\n").ends_with(":2: templates.a.hots: unknown key; did you mean \"host\"?"));
  CHECK(wrong("templates = 1\n").ends_with(":1: templates: must be a table, not an integer"));
  CHECK(wrong("[connections.a]\ntemplate = 'b'\n").ends_with(":2: connections.a.template: there is no template \"b\""));
}

}  // namespace tl::config::tests
