// trunkline.hpp on MariaDB: values and transactions as a C++ program has them.
#include <doctest/doctest.h>

#include <cstdlib>
#include <string>
#include <trunkline/trunkline.hpp>

namespace {

trunkline::registry open() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    REQUIRE_MESSAGE(value != nullptr, name);
    return std::string(value);
  };
  return trunkline::registry::parse("[connections.db]\ndriver = 'mariadb'\nsocket = '" + variable("TL_MARIADB_SOCKET") +
                                    "'\ndatabase = '" + variable("TL_MARIADB_DATABASE") + "'\nuser = '" +
                                    variable("TL_MARIADB_USER") + "'\n");
}

struct Fixture {
  Fixture() {
    db.query("DROP TABLE IF EXISTS people");
    db.query("CREATE TABLE people (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(40) UNIQUE)");
  }
  ~Fixture() { registry.close(); }
  [[nodiscard]] int64_t count() const { return db.query("SELECT COUNT(*) FROM people").value<int64_t>(); }
  void add(const trunkline::connection& to, const char* name) const {
    to.query("INSERT INTO people (name) VALUES (?)", name);
  }

  trunkline::registry registry = open();
  trunkline::connection db = registry.on("db");
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "begun, committed and rolled back by hand, or left to the handle") {
  auto tx = db.begin();
  CHECK(tx.query("INSERT INTO people (name) VALUES (?)", "Hedy").last_id() == 1);
  CHECK(count() == 0);
  tx.commit();
  CHECK(tx.ended());
  CHECK(count() == 1);
  auto back = db.begin();
  add(back, "Lise");
  back.rollback();
  {
    const auto left = db.begin();
    add(left, "Rosa");
  }
  CHECK(count() == 1);
}

TEST_CASE_FIXTURE(Fixture, "a function's transaction with each isolation, and savepoints in it") {
  int64_t expected = 0;
  for (const auto isolation : {trunkline::isolation::read_committed, trunkline::isolation::repeatable_read,
                               trunkline::isolation::serializable}) {
    db.transaction({.isolation = isolation}, [&](trunkline::connection& tx) {
      add(tx, std::to_string(expected).c_str());
      CHECK_THROWS_AS(tx.transaction([&](trunkline::connection& inner) {
        add(inner, "undone");
        add(inner, std::to_string(expected).c_str());
      }),
                      trunkline::error);
    });
    CHECK(count() == ++expected);
  }
  CHECK_THROWS_AS(db.transaction({.read_only = true}, [&](trunkline::connection& tx) { add(tx, "never"); }),
                  trunkline::error);
  CHECK(count() == expected);
}

// No value has a byte then, and the parameters no memory that a pointer could point to.
TEST_CASE_FIXTURE(Fixture, "an empty text is not null where all values are empty") {
  db.query("INSERT INTO people (name) VALUES (?)", "");
  CHECK(db.query("SELECT name FROM people").value<std::string>().empty());
}
