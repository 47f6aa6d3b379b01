// Credentials that the application answers with, and the key that has it asked.
#include <doctest/doctest.h>

#include "config_fixture.hpp"

namespace tl::config::tests {
namespace {

std::string refusal(std::string_view toml) {
  const auto login = read_login(toml, "answer");
  REQUIRE_FALSE(login);
  CHECK(login.error().status == Status::configuration);
  CHECK(login.error().message.find("canary") == std::string::npos);
  return login.error().message;
}

Config asking(const std::string& more) {
  return loaded("[defaults]\ndriver = 'pg'\ncredentials = 'ask'\n[connections.a]\n" + more);
}

}  // namespace

TEST_CASE("credentials are a password and perhaps a user, and nothing else") {
  CHECK(*read_login("password = 'p'", "answer") == Login{"", Secret("p")});
  CHECK(*read_login("user = 'u'\npassword = '${NOT_A_VARIABLE}'", "answer") == Login{"u", Secret("${NOT_A_VARIABLE}")});
  CHECK(refusal("") == "answer: password: is missing");
  CHECK(refusal("user = 'canary'") == "answer: password: is missing");
  CHECK(refusal("pasword = 'canary'") == "answer:1: pasword: unknown key; did you mean \"password\"?");
  CHECK(refusal("password = ''") == "answer:1: password: is empty");
  CHECK(refusal("password = 42") == "answer:1: password: must be a string, not an integer");
  CHECK(refusal("user = ['canary']\npassword = 'p'") == "answer:1: user: must be a string, not an array");
  CHECK(refusal("password = \"canary\\u0000\"") == "answer:1: password: holds a NUL");
  (void)refusal("canary");
}

TEST_CASE("credentials are asked for, or a password is said: what is laid over the other counts") {
  const Address asked =
      asking("user = 'u'\n[[connections.a.replicas.read]]\nhost = 'r'").connections[0].primary.address;
  CHECK(asked.ask_credentials);
  CHECK(asked.password.empty());
  const Config said = asking("password = 'p'\n[[connections.a.replicas.read]]\ncredentials = 'ask'");
  CHECK_FALSE(said.connections[0].primary.address.ask_credentials);
  CHECK(said.connections[0].replicas[0].address.ask_credentials);
  CHECK(said.connections[0].replicas[0].address.password.empty());
  CHECK_FALSE(asking("url = 'pg://u:canary@h/d'").connections[0].primary.address.ask_credentials);
  CHECK(refused("[connections.a]\ndriver = 'pg'\npassword = 'canary'\ncredentials = 'ask'").message ==
        "test.toml:4: connections.a.credentials: conflicts with password (test.toml:3): the application is asked for "
        "it, or "
        "it is said");
  CHECK(refused("[connections.a]\nurl = 'pg://u:canary@h/d'\ncredentials = 'ask'").message.find("canary") ==
        std::string::npos);
  CHECK(refused("[connections.a]\ndriver = 'sqlite'\ndatabase = 'x'\ncredentials = 'ask'").status ==
        Status::configuration);
  CHECK(refused("[connections.a]\ndriver = 'pg'\ncredentials = 'tell'").status == Status::configuration);
}

}  // namespace tl::config::tests
