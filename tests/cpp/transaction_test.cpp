#include "cpp_fixture.hpp"

using trunkline::connection;
using trunkline::transaction;

namespace {
void add(const connection& to, const char* name) { to.query("INSERT INTO people (name) VALUES (?)", name); }
}  // namespace

TEST_CASE_FIXTURE(CppFixture, "a transaction commits and gives what its function returned") {
  make_people();
  const int64_t id =
      main.transaction([](connection& tx) { return tx.query("INSERT INTO people (name) VALUES ('Hedy')").last_id(); });
  CHECK(id == 4);
  main.transaction([](transaction& tx) { add(tx, "Lise"); });
  CHECK(count_people() == 5);
}

TEST_CASE_FIXTURE(CppFixture, "a transaction rolls back on any exception, which goes on") {
  make_people();
  CHECK_THROWS_AS(main.transaction([](connection& tx) {
    add(tx, "Hedy");
    throw std::logic_error("changed my mind");
  }),
                  std::logic_error);
  CHECK(count_people() == 3);
  CHECK(error_of([&] {
          main.transaction([](connection& tx) {
            add(tx, "Hedy");
            add(tx, "Ada");
          });
        }).status() == TL_E_UNIQUE);
  CHECK(count_people() == 3);
}

TEST_CASE_FIXTURE(CppFixture, "a transaction in a transaction is a savepoint") {
  make_people();
  main.transaction([](connection& tx) {
    add(tx, "Hedy");
    CHECK_THROWS(tx.transaction([](connection& inner) {
      add(inner, "Lise");
      throw std::runtime_error("not her");
    }));
    tx.transaction([](connection& inner) { add(inner, "Rosa"); });
  });
  CHECK(main.query("SELECT name FROM people WHERE id > 3 ORDER BY name").all<std::string>() ==
        std::vector<std::tuple<std::string>>{{"Hedy"}, {"Rosa"}});
}

TEST_CASE_FIXTURE(CppFixture, "the function may end its transaction itself") {
  make_people();
  main.transaction([](transaction& tx) {
    add(tx, "Hedy");
    tx.rollback();
  });
  CHECK(count_people() == 3);
  CHECK(main.transaction([](transaction& tx) {
    add(tx, "Hedy");
    tx.commit();
    return tx.ended();
  }));
  CHECK(count_people() == 4);
}

TEST_CASE_FIXTURE(CppFixture, "by hand: committed, rolled back, or left to the handle") {
  make_people();
  {
    auto tx = main.begin();
    add(tx, "Hedy");
    tx.commit();
    CHECK(tx.ended());
    CHECK(error_of([&] { add(tx, "Lise"); }).status() != TL_OK);
  }
  {
    auto tx = main.begin();
    add(tx, "Lise");
    tx.rollback();
  }
  {
    const auto tx = main.begin();
    add(tx, "Rosa");
  }
  CHECK(main.query("SELECT name FROM people WHERE id > 3").all<std::string>() ==
        std::vector<std::tuple<std::string>>{{"Hedy"}});
}

TEST_CASE_FIXTURE(CppFixture, "options of a transaction have their effect") {
  make_people();
  const auto e = error_of([&] { main.transaction({.read_only = true}, [](connection& tx) { add(tx, "Hedy"); }); });
  CHECK(e.status() == TL_E_READ_ONLY);
  main.transaction({.isolation = trunkline::isolation::serializable}, [](connection& tx) { add(tx, "Hedy"); });
  CHECK(count_people() == 4);
}

TEST_CASE_FIXTURE(CppFixture, "a pinned session keeps what belongs to a session") {
  const auto session = main.pin();
  session.query("CREATE TEMPORARY TABLE mine (a)");
  session.query("INSERT INTO mine VALUES (1), (2)");
  CHECK(session.query("SELECT count(*) FROM mine").value<int>() == 2);
  {
    const auto tx = session.begin();
    CHECK(error_of([&] { session.query("SELECT 1"); }).status() == TL_E_BUSY);
  }
  CHECK(session.query("SELECT 1").value<int>() == 1);
}
