// What is configured for sessions holds behind a proxy, too, which keeps few of a session's settings.
#include <vector>

#include "proxies.hpp"

namespace faults {
namespace {

std::string setting(const trunkline::connection& db, const std::string& name) {
  return db.query("SELECT current_setting(?)", name).value<std::string>();
}

// That of whoever comes to the server next, by another client of the proxy.
std::string setting_of_others(const std::string& proxy, const std::string& name) {
  const trunkline::registry registry = through(proxy, "two");
  return setting(registry.on("db"), name);
}

}  // namespace

TEST_CASE("settings hold in statements and transactions, and are not left to others") {
  for (const std::string& proxy : proxies) {
    CAPTURE(proxy);
    const trunkline::registry registry = through(
        proxy, "two", "timezone = 'Asia/Tokyo'\nschema = \"pg_catalog, \\\"grün ' \\\"\"\nstatement_timeout = '7s'\n");
    const trunkline::connection db = registry.on("db");
    const auto check = [](const trunkline::connection& on) {
      CHECK(setting(on, "TimeZone") == "Asia/Tokyo");
      CHECK(setting(on, "search_path") == "pg_catalog, \"grün ' \"");
      CHECK(setting(on, "statement_timeout") == "7s");
      CHECK(setting(on, "DateStyle").starts_with("ISO"));
      CHECK(setting(on, "application_name") == "trunkline/db");
    };
    check(db);
    db.transaction([&](trunkline::connection& tx) {
      check(tx);
      tx.transaction([&](trunkline::connection& inner) { check(inner); });
    });
    CHECK(setting_of_others(proxy, "search_path") == "\"$user\", public");
    CHECK(setting_of_others(proxy, "statement_timeout") == "0");
    CHECK(setting_of_others(proxy, "TimeZone") == "UTC");
  }
}

TEST_CASE("a statement's time limit of the configuration is kept by the server") {
  const trunkline::registry registry = through(proxies[0], "two", "statement_timeout = '200ms'\n");
  const trunkline::connection db = registry.on("db");
  const Failed failed = failed_by([&] { db.query("SELECT pg_sleep(?::int)", 60); });
  CHECK(failed.error.status_name() == std::string("statement_timeout"));
  CHECK(failed.took < 20s);
  CHECK(db.query("SELECT 7").value<int>() == 7);
}

TEST_CASE("a read-only connection refuses writes, in its transactions, too") {
  for (const std::string& proxy : proxies) {
    CAPTURE(proxy);
    const trunkline::registry registry = through(proxy, "two", "read_only = true\n");
    const trunkline::connection db = registry.on("db");
    const auto refused = [](const auto& act) { return failed_by(act).error.status_name(); };
    CHECK(refused([&] { db.query("CREATE TABLE never (a int)"); }) == std::string("read_only"));
    CHECK(refused([&] { db.query("SELECT 1; CREATE TABLE never (a int)"); }) == std::string("read_only"));
    CHECK(refused([&] { db.transaction([](trunkline::connection& tx) { tx.query("CREATE TABLE never (a int)"); }); }) ==
          std::string("read_only"));
    CHECK(db.query("SELECT 7").value<int>() == 7);
  }
}

TEST_CASE("a transaction's first statement may still say what its snapshot is") {
  const trunkline::registry registry = through(proxies[0], "two", "schema = 'public'\nstatement_timeout = '60s'\n");
  registry.on("db").transaction([](trunkline::connection& tx) {
    tx.query("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE");
    CHECK(setting(tx, "transaction_isolation") == "serializable");
  });
}

TEST_CASE("what may commit on its way, behind which the settings would not hold, is refused") {
  const trunkline::registry plain = through(proxies[0], "two");
  plain.on("db").query("DO $$ BEGIN COMMIT; END $$");
  const trunkline::registry registry = through(proxies[0], "two", "read_only = true\n");
  const trunkline::connection db = registry.on("db");
  const auto refused = [](const auto& act) { return failed_by(act).error.status_name(); };
  const std::string sneaks = "DO $$ BEGIN COMMIT; CREATE TABLE never (a int); END $$";
  CHECK(refused([&] { db.query(sneaks); }) == std::string("unsupported"));
  CHECK(refused([&] { db.pin().query("SELECT 1; COMMIT; CREATE TABLE never (a int)"); }) == std::string("unsupported"));
  CHECK(failed_by([&] { db.transaction([&](trunkline::connection& tx) { tx.query(sneaks); }); }).error.sqlstate() ==
        "2D000");
}

TEST_CASE("what another client has left on the servers does not stand for what is configured") {
  const trunkline::registry plain = through(proxies[0], "two", "", "max = 2\n");
  const auto leave = [&](const std::string& text) {  // on both servers
    auto one = plain.on("db").begin();
    plain.on("db").query(text);
    one.query(text);
    one.commit();
  };
  leave("SET search_path = pg_catalog");
  const trunkline::registry registry = through(proxies[0], "two", "schema = 'pg_catalog'\n");
  CHECK(setting(registry.on("db"), "search_path") == "pg_catalog");
  leave("RESET search_path");
  for (int i = 0; i < 8; ++i) CHECK(setting(registry.on("db"), "search_path") == "pg_catalog");
}

TEST_CASE("many rows and loads find the configured schema, and errors tell where they are") {
  const trunkline::registry plain = through(proxies[0], "two");
  plain.on("db").query("DROP SCHEMA IF EXISTS hidden CASCADE");
  plain.on("db").query("CREATE SCHEMA hidden");
  plain.on("db").query("CREATE TABLE hidden.numbers (n int PRIMARY KEY)");
  const trunkline::registry registry = through(proxies[0], "two", "schema = 'hidden'\n");
  const trunkline::connection db = registry.on("db");
  CHECK(db.execute_many("INSERT INTO numbers VALUES (?)", std::vector<std::tuple<int>>{{1}, {2}, {3}}).affected() == 3);
  CHECK(db.load("numbers", {"n"}, std::vector<std::tuple<int>>{{4}, {5}}) == 2);
  const Failed twice = failed_by([&] { db.load("numbers", {"n"}, std::vector<std::tuple<int>>{{6}, {4}, {7}}); });
  CHECK(twice.error.status_name() == std::string("unique_violation"));
  CHECK(db.query("SELECT count(*) FROM numbers").value<int>() == 5);
  const std::string text = "SELECT 1; SELECT nothing";
  const Failed failed = failed_by([&] { db.query(text); });
  CHECK(failed.error.detail("position") == std::to_string(text.find("nothing") + 1));
  plain.on("db").query("DROP SCHEMA hidden CASCADE");
}

TEST_CASE("what a caller sets is not found by the next one") {
  for (const std::string& proxy : proxies) {
    CAPTURE(proxy);
    const trunkline::registry registry = through(proxy, "two", "", "max = 1\n");
    const trunkline::connection db = registry.on("db");
    const std::string before = setting(db, "TimeZone");
    for (const char* change : {"SET TimeZone = 'Asia/Tokyo'", "SELECT set_config('TimeZone', 'Asia/Tokyo', false)"}) {
      CAPTURE(change);
      db.query(change);
      CHECK(setting(db, "TimeZone") == before);
    }
    db.query("SET application_name = 'somebody'");
    CHECK(setting(db, "application_name") == "trunkline/db");
  }
}

TEST_CASE("nor is anything found where the proxy keeps a server for each client") {
  for (const std::string& proxy : proxies) {
    CAPTURE(proxy);
    const trunkline::registry registry = through(proxy, "kept", "", "max = 1\n");
    const trunkline::connection db = registry.on("db");
    const std::string path = setting(db, "search_path");
    db.query("SET search_path = pg_catalog");
    CHECK(setting(db, "search_path") == path);
    db.query("SELECT pg_advisory_lock(77)");
    const trunkline::registry other = through(proxy, "two");
    const Clock::time_point began = Clock::now();  // the proxy cleans it when it likes
    while (!other.on("db").query("SELECT pg_try_advisory_xact_lock(77)").value<bool>()) {
      REQUIRE(Clock::now() - began < 30s);
    }
  }
}

}  // namespace faults
