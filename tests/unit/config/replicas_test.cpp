// Replicas that are other connections of the file.
#include <doctest/doctest.h>

#include "config_fixture.hpp"

namespace tl::config::tests {

namespace {

const std::string both = R"(
[connections.main]
driver = "postgresql"
host = "db"
database = "app"
user = "app"
password = "hush"
pool = { max = 20 }
replicas.read = ["read_1", { host = "r2" }]
)";

}  // namespace

TEST_CASE("a replica may be another connection, whose address and pool go before the connection's own") {
  const Config config =
      loaded(both + "[connections.read_1]\nurl = \"postgres://reader@r1:6543/copy\"\npool = { min = 1 }\n");
  const Connection& main = *config.find("main");
  REQUIRE(main.replicas.size() == 2);
  const Endpoint& first = main.replicas[0];
  CHECK(first.address.host == "r1");
  CHECK(first.address.port == 6543);
  CHECK(first.address.database == "copy");
  CHECK(first.address.user == "reader");
  CHECK(first.address.password == Secret("hush"));
  CHECK(first.pool.min == 1);
  CHECK(first.pool.max == 20);
  CHECK(main.replicas[1].address.host == "r2");
  CHECK(config.find("read_1")->primary.pool.max == 10);
}

TEST_CASE("one name is enough, and what the chosen environment says of it counts") {
  const Config config = loaded(
      "[connections.main]\ndriver = 'mariadb'\nreplicas.read = 'other'\n[connections.other]\n"
      "driver = 'mariadb'\nhost = 'a'\n[environments.test.connections.other]\nhost = 'b'\n",
      {}, "test");
  REQUIRE(config.find("main")->replicas.size() == 1);
  CHECK(config.find("main")->replicas[0].address.host == "b");
}

TEST_CASE("a name that is not there, its own, or of another kind of database is an error that says where") {
  const Error missing = refused(both + "[connections.read_2]\ndriver = 'postgresql'\n");
  CHECK(detail(missing, "key") == "connections.main.replicas.read.0");
  CHECK(detail(missing, "line") == "9");
  CHECK(detail(missing, "suggestion") == "read_2");
  CHECK(detail(refused("[connections.a]\ndriver = 'mysql'\nreplicas.read = ['a']\n"), "key") ==
        "connections.a.replicas.read.0");
  CHECK(
      detail(refused(
                 "[connections.a]\ndriver = 'mysql'\nreplicas.read = ['b']\n[connections.b]\nurl = 'postgres://h/d'\n"),
             "key") == "connections.a.replicas.read.0");
  CHECK(detail(refused("[connections.a]\ndriver = 'mysql'\nreplicas.write = 'b'\n[connections.b]\ndriver = 'mysql'\n"),
               "key") == "connections.a.replicas.write");
}

TEST_CASE("there are at most 63") {
  std::string many = "[connections.a]\ndriver = 'mysql'\nreplicas.read = [";
  for (int i = 0; i < 63; ++i) many += "{ host = 'r' }, ";
  CHECK(loaded(many + "]\n").find("a")->replicas.size() == 63);
  CHECK(detail(refused(many + "{ host = 'r' }]\n"), "key") == "connections.a.replicas.read");
}

}  // namespace tl::config::tests
