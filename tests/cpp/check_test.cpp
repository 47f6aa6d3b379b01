// inspect("check"): what is weak in a configuration as its file shows it, and nothing where nothing is. Servers are
// asked nothing here: the connections are closed before.
#include <sys/stat.h>

#include <fstream>

#include "cpp_fixture.hpp"

using trunkline::registry;

namespace {

// "connection endpoint: weakness", a line each.
std::string weak(const registry& opened) {
  std::string lines;
  opened.close();
  for (const auto& [name, endpoint, weakness] : opened.inspect("check").as<std::string, std::string, std::string>()) {
    if (weakness.starts_with("was not asked")) continue;
    lines += name + " " + endpoint + ": " + weakness + "\n";
  }
  return lines;
}

std::string weak(const std::string& keys) {
  return weak(registry::parse("[connections.a]\nuser = 'u'\ndatabase = 'd'\npassword = 'canary-of-check'\n" + keys));
}

}  // namespace

TEST_CASE("a server that is far away is to be verified, and one on this machine need not be") {
  CHECK(weak("driver = 'pg'\nhost = 'localhost'\n").empty());
  CHECK(weak("driver = 'pg'\nsocket = '/run/postgresql'\n").empty());
  CHECK(weak("driver = 'pg'\nhost = 'db.internal'\nsslmode = 'verify-full'\n").empty());
  CHECK(weak("driver = 'mariadb'\nhost = 'db.internal'\nsslmode = 'verify-full'\n").empty());
  CHECK(weak("driver = 'mariadb'\nhost = '127.0.0.1'\n").empty());
  for (const std::string driver : {"pg", "mariadb"}) {
    CAPTURE(driver);
    const std::string there = "driver = '" + driver + "'\nhost = 'db.internal'\n";
    CHECK(contains(weak(there), "db.internal may be unencrypted"));
    CHECK(contains(weak(there + "sslmode = 'disable'\n"), "db.internal may be unencrypted"));
    CHECK_FALSE(contains(weak(there + "sslmode = 'require'\n"), "unencrypted"));
    CHECK(contains(weak(there + "sslmode = 'verify-ca'\n"), "may answer in its place"));
    CHECK_FALSE(contains(weak(there), "canary-of-check"));
    CHECK(contains(weak(std::string("driver = '") + driver + "'\nhost = '127.internal'\n"), "may be unencrypted"));
  }
  // Only libpq gives a password to whoever asks for it in clear.
  CHECK(contains(weak("driver = 'pg'\nhost = 'db.internal'\nsslmode = 'verify-ca'\n"), "password is given in clear"));
  CHECK_FALSE(contains(weak("driver = 'mariadb'\nhost = 'db.internal'\n"), "password is given in clear"));
}

TEST_CASE("a replica is looked at for itself") {
  const std::string lines = weak("driver = 'pg'\nhost = 'localhost'\nreplicas = { read = [{ host = 'far.test' }] }\n");
  CHECK(contains(lines, "a far.test:5432/d: "));
  CHECK_FALSE(contains(lines, "localhost"));
}

TEST_CASE_FIXTURE(CppFixture, "a password in a file that everybody may read, and only then") {
  const auto path = folder / "trunkline.toml";
  const std::string local = "driver = 'pg'\nhost = 'localhost'\n";
  const auto with = [&](const std::string& lines, mode_t mode) {
    std::ofstream(path) << "[connections.a]\n" + local + lines;
    REQUIRE(chmod(path.c_str(), mode) == 0);
    return weak(registry::open(path.string()));
  };
  CHECK(contains(with("password = 'canary'\n", 0644), "everybody on this machine may read: " + path.string() + ":4"));
  CHECK(with("password = 'canary'\n", 0640).empty());
  CHECK(with("", 0644).empty());
  std::ofstream(folder / "secret") << "canary\n";
  CHECK(with("password = 'file:secret'\n", 0644).empty());
  REQUIRE(setenv("TL_CHECKED", "canary", 1) == 0);
  CHECK(with("password = '${TL_CHECKED}'\n", 0644).empty());
  CHECK(with("[connections.b]\nurl = 'postgres://u:${TL_CHECKED}@localhost/d'\n", 0644).empty());
  CHECK(with("[connections.b]\nurl = 'postgres://u@localhost/d'\npassword = '${TL_CHECKED}'\n", 0644).empty());
  CHECK(contains(with("password = '${NO_SUCH_VARIABLE:-canary}'\n", 0644), "everybody on this machine may read: "));
  CHECK(contains(with("[connections.b]\nurl = 'postgres://u:canary@localhost/d'\n", 0644), "b : its password"));
}
