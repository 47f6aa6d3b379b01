// Which file is read, and where its relative paths begin.
#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>

#include "config_fixture.hpp"

namespace tl::config::tests {
namespace {

constexpr std::string_view one = "[connections.one]\ndriver = \"sqlite\"\ndatabase = \"data/one.db\"\n";
constexpr std::string_view two = "[connections.two]\ndriver = \"sqlite\"\ndatabase = \"/var/two.db\"\n";

Surroundings in(const std::string& folder, Names variables = {}) {
  return {folder, std::move(variables), std::nullopt};
}

Config read(std::string_view path, Surroundings where) {
  auto config = load_file(path, std::move(where));
  REQUIRE_MESSAGE(config, (config ? "" : config.error().message));
  return config.take();
}

}  // namespace

TEST_CASE("an explicit path goes before TRUNKLINE_CONFIG, and that before a search") {
  const Folder folder;
  folder.write("trunkline.toml", one);
  folder.write("conf/other.toml", two);
  folder.write("conf/third.toml", "");
  const std::string& at = folder.path();
  CHECK(read("", in(at)).find("one") != nullptr);
  CHECK(read("", in(at, {{"TRUNKLINE_CONFIG", at + "/conf/other.toml"}})).find("two") != nullptr);
  CHECK(read("", in(at, {{"TRUNKLINE_CONFIG", "conf/other.toml"}})).find("two") != nullptr);
  CHECK(read("conf/third.toml", in(at, {{"TRUNKLINE_CONFIG", at + "/conf/other.toml"}})).connections.empty());
}

TEST_CASE("trunkline.toml is looked for upward, and the nearest is taken") {
  const Folder folder;
  folder.write("trunkline.toml", one);
  folder.write("a/trunkline.toml", two);
  folder.write("a/b/c/keep", "");
  folder.write("d/e/keep", "");
  folder.write("f/trunkline.toml/keep", "");  // a folder of that name is none
  CHECK(read("", in(folder.path() + "/a/b/c")).find("two") != nullptr);
  CHECK(read("", in(folder.path() + "/d/e")).find("one") != nullptr);
  CHECK(read("", in(folder.path() + "/f")).find("one") != nullptr);
}

TEST_CASE("a file that is not there is told as not found") {
  const Folder folder;
  for (const char* path : {"missing.toml", "."}) {
    CAPTURE(path);
    const auto config = load_file(path, in(folder.path()));
    REQUIRE_FALSE(config);
    CHECK(config.error().status == Status::not_found);
    CHECK(config.error().message.find(path) != std::string::npos);
  }
  const auto named = load_file("", in(folder.path(), {{"TRUNKLINE_CONFIG", "nowhere.toml"}}));
  REQUIRE_FALSE(named);
  CHECK(named.error().status == Status::not_found);
  CHECK(named.error().message.find("nowhere.toml") != std::string::npos);
  const auto searched = load_file("", in("/"));
  REQUIRE_FALSE(searched);
  CHECK(searched.error().status == Status::not_found);
  CHECK(searched.error().message.find("TRUNKLINE_CONFIG") != std::string::npos);
}

TEST_CASE("a file's errors and settings name it as the caller did") {
  const Folder folder;
  folder.write("bad.toml", "[connections.a]\ndriver = \"pg\"\nport = 0\n");
  const auto config = load_file("bad.toml", in(folder.path()));
  REQUIRE_FALSE(config);
  CHECK(config.error().message.rfind("bad.toml:3: connections.a.port: ", 0) == 0);
  folder.write("good.toml", one);
  CHECK(read("good.toml", in(folder.path())).setting("connections.one.database")->source == "good.toml:3");
}

TEST_CASE("relative paths begin at the file's folder") {
  const Folder folder;
  folder.write("conf/trunkline.toml", R"(
[connections.file]
driver = "sqlite"
database = "../data/./app.db"
[connections.memory]
driver = "sqlite"
database = ":memory:"
[connections.url]
url = "sqlite:///app.db"
[connections.server]
driver = "pg"
password = "file:secrets/password"
ca = "ca.pem"
cert = "/etc/cert.pem"
key = "keys/client.key"
)");
  folder.write("conf/secrets/password", "from a file\n");
  const Config config = read(folder.path() + "/conf/trunkline.toml", in("/somewhere/else"));
  CHECK(config.find("file")->primary.address.database == folder.path() + "/data/app.db");
  CHECK(config.find("memory")->primary.address.database == ":memory:");
  CHECK(config.find("url")->primary.address.database == folder.path() + "/conf/app.db");
  const Address& server = config.find("server")->primary.address;
  CHECK(server.password == Secret("from a file"));
  CHECK(server.password_file == folder.path() + "/conf/secrets/password");
  CHECK(server.ca == folder.path() + "/conf/ca.pem");
  CHECK(server.cert == "/etc/cert.pem");
  CHECK(server.key == folder.path() + "/conf/keys/client.key");
}

TEST_CASE("a password is in a file of some size, and in nothing else") {
  const Folder folder;
  folder.write("trunkline.toml", "[connections.server]\ndriver = 'pg'\npassword = 'file:secret'\n");
  const auto refusal = [&] {
    auto config = load_file(folder.path() + "/trunkline.toml", in("/"));
    REQUIRE_FALSE(config);
    return config.error().message;
  };
  CHECK(refusal().ends_with("connections.server.password: the file that should hold it cannot be read"));
  folder.write("secret/below", "a folder");
  CHECK(refusal().ends_with("connections.server.password: the file that should hold it cannot be read"));
  std::filesystem::remove_all(folder.path() + "/secret");
  folder.write("secret", std::string(100'000, 'x'));
  CHECK(refusal().ends_with("connections.server.password: the file that should hold it cannot be read"));
}

TEST_CASE("relative paths of a text begin at the working folder") {
  CHECK(loaded(one).connections[0].primary.address.database == "/srv/app/data/one.db");
}

TEST_CASE("an env_file lies beneath the variables that are set") {
  const Folder folder;
  folder.write("trunkline.toml", R"(
env_file = "settings.env"
[connections.a]
driver = "pg"
host = "${HOST}"
database = "${NAME}"
user = "${USER_NAME}"
password = "${PASSWORD}"
description = "${NOTE}"
[environments.testing.connections.a]
port = 7777
)");
  folder.write("settings.env",
               "# a comment\n\nHOST=from-file\nexport NAME = \"shop db\"\r\nUSER_NAME='app'\nPASSWORD=a=b#c\n"
               "NOTE=\nTRUNKLINE_ENV=testing\nno equals sign\n");
  const Config config = read("", in(folder.path(), {{"HOST", "from-process"}}));
  const Address& address = config.connections[0].primary.address;
  CHECK(address.host == "from-process");
  CHECK(address.database == "shop db");
  CHECK(address.user == "app");
  CHECK(address.password == Secret("a=b#c"));
  CHECK(config.connections[0].description.empty());
  CHECK(config.environment == "testing");
  CHECK(address.port == 7777);
}

TEST_CASE("an env_file's values end where dotenv libraries end them") {
  const auto value = [](const std::string& line) {
    const Folder folder;
    folder.write("trunkline.toml", "env_file = \".env\"\n[connections.a]\ndriver = \"pg\"\npassword = \"${A}\"\n");
    folder.write(".env", line + '\n');
    return read("", in(folder.path())).connections[0].primary.address.password.reveal();
  };
  CHECK(value("A=1 # comment") == "1");
  CHECK(value("A=1\t#") == "1");
  CHECK(value("A= # comment") == "");
  CHECK(value("A=p#w") == "p#w");
  CHECK(value("A=#w") == "#w");
  CHECK(value("A=\"x # y\" # comment") == "x # y");
  CHECK(value("A='x' # it's one") == "x");
  CHECK(value("A=\"a\"b\"") == "a\"b");
  CHECK(value("A=\"open # comment") == "\"open");
  CHECK(value("A = two words ") == "two words");
}

TEST_CASE("an override in an env_file is told to have no effect") {
  const Folder folder;
  folder.write("trunkline.toml", "env_file = \".env\"\n[connections.a]\ndriver = \"pg\"\n");
  folder.write(".env", "TRUNKLINE__CONNECTIONS__A__PASSWORD=s3cr3t-canary\n");
  const Config config = read("", in(folder.path()));
  CHECK(config.connections[0].primary.address.password.empty());
  REQUIRE(config.warnings.size() == 1);
  CHECK(config.warnings[0].find("env_file: TRUNKLINE__CONNECTIONS__A__PASSWORD has no effect") != std::string::npos);
  CHECK(config.warnings[0].find("canary") == std::string::npos);
}

TEST_CASE("a file larger than a mebibyte is refused without being read whole") {
  const Folder folder;
  folder.write("trunkline.toml", std::string((size_t{1} << 20) + 1, '#'));
  const auto config = load_file("", in(folder.path()));
  REQUIRE_FALSE(config);
  CHECK(config.error().status == Status::configuration);
  CHECK(config.error().message.find("1 MiB") != std::string::npos);
  folder.write("trunkline.toml", std::string(size_t{1} << 20, '#'));
  CHECK(load_file("", in(folder.path())));
}

TEST_CASE("the process's own surroundings are its variables and its working folder") {
  REQUIRE(setenv("TRUNKLINE_CONFIG_TEST", "a=b", 1) == 0);
  const Surroundings here = process_surroundings();
  CHECK(here.variables.at("TRUNKLINE_CONFIG_TEST") == "a=b");
  unsetenv("TRUNKLINE_CONFIG_TEST");
  char buffer[4096];
  CHECK(here.folder == getcwd(buffer, sizeof buffer));
  CHECK_FALSE(here.environment.has_value());
}

}  // namespace tl::config::tests
