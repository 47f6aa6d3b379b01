// What a PostgreSQL server tells of itself, to whom it lets.
#include <doctest/doctest.h>

#include <cstdlib>

#include "asking.hpp"
#include "left_out.hpp"

namespace tl::validation {

using driver::ServerRole;
using driver::Sight;
using driver::State;

namespace {

// A role that may log in and no more, and a database in which it may be denied what everybody may ask for elsewhere.
class Ordinary {
 public:
  Ordinary() {
    drop();
    owner_.run("CREATE DATABASE sights");
    owner_.run("CREATE ROLE nobody_special LOGIN PASSWORD 'special'");
  }
  ~Ordinary() { drop(); }
  Ordinary(const Ordinary&) = delete;
  Ordinary& operator=(const Ordinary&) = delete;

  [[nodiscard]] static Asking login(const std::string& more = "") { return as("nobody_special", more); }
  static void deny(const std::string& function) {
    as(target_user(), "").run("REVOKE EXECUTE ON FUNCTION pg_catalog." + function + " FROM PUBLIC");
  }

 private:
  static std::string target_user() { return std::getenv("TL_PG_USER"); }
  static Asking as(const std::string& user, const std::string& more) {
    config::Surroundings surroundings;
    auto parsed = config::parse(
        "[connections.db]\ndriver = \"postgresql\"\ndatabase = \"sights\"\npassword = \"special\"\nuser = \"" + user +
            "\"\nsocket = \"" + std::getenv("TL_PG_SOCKET") + "\"\nport = " + std::getenv("TL_PG_PORT") + "\n" + more,
        "sights.toml", surroundings);
    if (!parsed) throw std::runtime_error(parsed.error().message);
    return Asking(parsed.take());
  }
  void drop() {
    owner_.run("DROP DATABASE IF EXISTS sights WITH (FORCE)");
    owner_.run("DROP ROLE IF EXISTS nobody_special");
  }

  Asking owner_;
};

Sight seen(Asking& ask) {
  Result<Sight> sight = ask.look();
  if (!sight) throw std::runtime_error(sight.error().message);
  CHECK(ask->state() == State::idle);
  CHECK_FALSE(ask->changed());
  return sight.take();
}

}  // namespace

TEST_CASE("a look at a primary by an ordinary user: its role and how far it has written") {
  const Ordinary ordinary;
  Asking ask = Ordinary::login();
  Asking writer;
  const Sight before = seen(ask);
  CHECK(before.role == ServerRole::primary);
  CHECK(before.is_certain);
  CHECK_FALSE(before.lag);
  REQUIRE_FALSE(before.position.empty());
  CHECK(before.position.kind == driver::Position::Kind::postgresql);
  CHECK(std::to_string(before.position.system) == writer.one("SELECT system_identifier FROM pg_control_system()"));
  CHECK(before.position.timeline == 1);
  writer.run("SET synchronous_commit = on");
  writer.run("DROP TABLE IF EXISTS looked_at");
  writer.run("CREATE TABLE looked_at (a int)");
  const Sight after = seen(ask);
  CHECK(standing(after.position, before.position) == driver::Standing::there);
  CHECK(standing(before.position, after.position) == driver::Standing::behind);
}

TEST_CASE("a server that refuses writes by default is a replica; a session that was opened read-only says nothing" *
          left_out_behind_proxy("its sessions with the server are older than the test's defaults")) {
  const Ordinary ordinary;
  Asking owner;
  Asking reader = Ordinary::login("read_only = true\n");
  CHECK(seen(reader).role == ServerRole::primary);
  owner.run("ALTER DATABASE sights SET default_transaction_read_only = on");
  Asking ask = Ordinary::login();
  CHECK(seen(ask).role == ServerRole::replica);
  CHECK(seen(ask).is_certain);
}

TEST_CASE("what a user may not ask for is not told, and the look does not fail for it") {
  const Ordinary ordinary;
  Ordinary::deny("pg_control_system()");
  Asking ask = Ordinary::login();
  for (int i = 0; i < 2; ++i) {
    const Sight sight = seen(ask);
    CHECK(sight.role == ServerRole::primary);
    CHECK(sight.is_certain);
    CHECK(sight.position.empty());
  }
  Ordinary::deny("pg_is_in_recovery()");
  for (int i = 0; i < 2; ++i) {
    const Sight sight = seen(ask);
    CHECK(sight.role == ServerRole::primary);
    CHECK_FALSE(sight.is_certain);
  }
  CHECK(ask.one("SELECT 1") == "1");
}

TEST_CASE("a look between other statements leaves what is prepared as it is, and none is taken in an answer") {
  Asking ask;
  CHECK(ask.one("SELECT 1 + ?", Values().integer(1)) == "2");
  (void)seen(ask);
  CHECK(ask.one("SELECT 1 + ?", Values().integer(2)) == "3");
  Result<driver::Reply> reply = ask.begin("SELECT i FROM generate_series(1, 3) i");
  REQUIRE(reply.ok());
  CHECK_FALSE(ask.look().ok());
  CHECK(ask.rest(*reply)->size() == 3);
  CHECK(seen(ask).role == ServerRole::primary);
}

TEST_CASE("a look behind a text of several statements reads its own answer") {
  Asking ask;
  Result<driver::Reply> reply = ask.begin("SELECT 1; SELECT 2");
  REQUIRE(reply.ok());
  CHECK(ask.rest(*reply)->size() == 1);
  reply = ask.next_set();
  REQUIRE(reply.ok());
  CHECK(ask.rest(*reply)->size() == 1);
  Result<Sight> sight = ask.look();
  REQUIRE(sight.ok());
  CHECK(sight->role == ServerRole::primary);
  CHECK_FALSE(sight->position.empty());
}

}  // namespace tl::validation
