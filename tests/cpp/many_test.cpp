// Many rows at once: execute_many and load.
#include <limits>
#include <list>
#include <map>
#include <ranges>

#include "cpp_fixture.hpp"

using namespace std::chrono_literals;
using trunkline::named;

namespace {

constexpr const char* insert = "INSERT INTO people (name, city) VALUES (?, ?)";

struct ManyFixture : CppFixture {
  ManyFixture() { main.query("CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, city TEXT)"); }

  [[nodiscard]] std::string cities() const {
    return main
        .query(
            "SELECT coalesce(group_concat(name || '=' || coalesce(city, '-'), ' '), '') FROM (SELECT * FROM people "
            "ORDER BY name)")
        .value<std::string>();
  }
};

}  // namespace

TEST_CASE_FIXTURE(ManyFixture, "a statement runs for each row") {
  const std::vector<std::tuple<std::string, std::optional<std::string>>> rows{{"Ada", "London"},
                                                                              {"Emmy", std::nullopt}};
  const auto result = main.execute_many(insert, rows);
  CHECK(result.affected() == 2);
  CHECK(cities() == "Ada=London Emmy=-");
  const auto moved =
      main.execute_many("UPDATE people SET city = ? WHERE name >= ?",
                        std::vector{std::tuple{"Rome", "A"}, std::tuple{"Bonn", "B"}, std::tuple{"Oslo", "X"}});
  CHECK(moved.affected() == 3);
  CHECK(cities() == "Ada=Rome Emmy=Bonn");
}

TEST_CASE_FIXTURE(ManyFixture, "the result tells how many rows each has changed") {
  main.execute_many(insert, std::vector{std::tuple{"Ada", "London"}, std::tuple{"Emmy", "Bonn"}});
  auto result = main.execute_many("UPDATE people SET city = 'x' WHERE name >= ?",
                                  std::vector{std::tuple{"A"}, std::tuple{"B"}, std::tuple{"X"}});
  std::vector<int64_t> changed;
  for (const auto& [rows] : result.as<std::optional<int64_t>>()) changed.push_back(rows.value_or(-1));
  CHECK(changed == std::vector<int64_t>{2, 1, 0});
}

TEST_CASE_FIXTURE(ManyFixture, "rows come from any range of what is like a tuple") {
  main.execute_many(insert, std::map<std::string, std::string>{{"a", "1"}, {"b", "2"}});
  main.execute_many(insert, std::list{std::array<std::string, 2>{"c", "3"}});
  const std::vector<int> numbers{4, 5, 6, 7};
  main.execute_many(insert,
                    numbers | std::views::filter([](int i) { return i % 2 == 1; }) | std::views::transform([](int i) {
                      return std::tuple{std::to_string(i), i};
                    }));
  main.load("people", {"name", "city"},
            numbers | std::views::filter([](int i) { return i % 2 == 0; }) | std::views::transform([](int i) {
              return std::pair{std::to_string(i), i};
            }));
  CHECK(cities() == "4=4 5=5 6=6 7=7 a=1 b=2 c=3");
}

TEST_CASE_FIXTURE(ManyFixture, "no rows run nothing") {
  const std::vector<std::tuple<std::string, std::string>> none;
  CHECK(main.execute_many(insert, none).affected() == 0);
  CHECK(main.execute_many("INSERT INTO people (name) VALUES (:name)", none).affected() == 0);
  CHECK(main.load("people", {"name", "city"}, none) == 0);
  CHECK(main.execute_many({}, insert, trunkline::parameters(), 0).affected() == 0);
}

TEST_CASE_FIXTURE(ManyFixture, "rows of no values run the statement as often") {
  main.query("CREATE TABLE counted (n)");
  CHECK(main.execute_many("INSERT INTO counted DEFAULT VALUES", std::vector<std::tuple<>>(3)).affected() == 3);
  CHECK(main.query("SELECT count(*) FROM counted").value<int64_t>() == 3);
}

TEST_CASE_FIXTURE(ManyFixture, "values may be named, in an order of each row's own") {
  main.execute_many("INSERT INTO people (name, city) VALUES (:name, :city || :name)",
                    std::vector{std::tuple{named("name", "a"), named("city", "x")},
                                std::tuple{named("city", "y"), named("name", "b")}});
  CHECK(cities() == "a=xa b=yb");
  const auto wrong = error_of([&] {
    main.execute_many("INSERT INTO people (name) VALUES (:name)",
                      std::vector{std::tuple{named("name", "c")}, std::tuple{named("nom", "d")}});
  });
  CHECK(wrong.status() == TL_E_MISUSE);
  CHECK(wrong.detail("row") == "2");
  CHECK(wrong.outcome() == trunkline::outcome::not_sent);
}

TEST_CASE_FIXTURE(ManyFixture, "values known at run time only") {
  trunkline::parameters values;
  for (const char* text : {"a", "1", "b", "2", "c", "3"}) values.add(text);
  CHECK(main.execute_many({.timeout = 5s}, insert, values, 3).affected() == 3);
  main.query("DELETE FROM people");
  CHECK(main.load({.timeout = 5s}, "people", {"name", "city"}, values, 3) == 3);
  CHECK(cities() == "a=1 b=2 c=3");
}

TEST_CASE_FIXTURE(ManyFixture, "rows of different width are refused") {
  trunkline::parameters values;
  for (const char* text : {"a", "1", "b", "2", "c"}) values.add(text);
  for (const size_t rows : {0, 2, 3, 6}) {
    CHECK(error_of([&] { main.execute_many({}, insert, values, rows); }).status() == TL_E_MISUSE);
    CHECK(error_of([&] { main.load({}, "people", {"name", "city"}, values, rows); }).status() == TL_E_MISUSE);
  }
  const std::vector short_rows{std::tuple{"a"}};
  CHECK(error_of([&] { main.execute_many(insert, short_rows); }).status() == TL_E_MISUSE);
  CHECK(error_of([&] { main.load("people", {"name", "city"}, short_rows); }).status() == TL_E_MISUSE);
  CHECK(error_of([&] { main.load("people", {}, short_rows); }).status() == TL_E_MISUSE);
  CHECK(cities().empty());
}

TEST_CASE_FIXTURE(ManyFixture, "all rows take effect or none, and the error says which row it was") {
  const std::vector rows{std::tuple{"a", "1"}, std::tuple{"b", "2"}, std::tuple{"a", "3"}};
  for (const auto& failed : {error_of([&] { main.execute_many(insert, rows); }), error_of([&] {
                               main.load("people", {"name", "city"}, rows);
                             })}) {
    CHECK(failed.status() == TL_E_UNIQUE);
    CHECK(failed.detail("row") == "3");
    CHECK(contains(failed.what(), "row 3"));
    CHECK(failed.outcome() == trunkline::outcome::rolled_back);
  }
  CHECK(cities().empty());
}

TEST_CASE_FIXTURE(ManyFixture, "in a transaction the rows are a savepoint's") {
  const std::vector good{std::tuple{"a", "1"}, std::tuple{"b", "2"}};
  const std::vector bad{std::tuple{"c", "3"}, std::tuple{"a", "4"}};
  main.transaction([&](trunkline::transaction& tx) {
    tx.execute_many(insert, good);
    CHECK(error_of([&] { tx.execute_many(insert, bad); }).status() == TL_E_UNIQUE);
    CHECK(tx.load("people", {"city", "name"}, std::vector{std::pair{"5", "e"}}) == 1);
  });
  CHECK(cities() == "a=1 b=2 e=5");
  error_of([&] {
    main.transaction([&](trunkline::transaction& tx) {
      tx.execute_many(insert, std::vector{std::tuple{"f", "6"}});
      throw trunkline::error(TL_E_DATA, "changed its mind");
    });
  });
  CHECK(cities() == "a=1 b=2 e=5");
}

TEST_CASE_FIXTURE(ManyFixture, "rows are loaded into columns in any order, names letter for letter") {
  main.query(R"(CREATE TABLE "odd ""table" ("a.b" INTEGER, "?" TEXT))");
  CHECK(main.load("odd \"table", {"?", "a.b"}, std::vector{std::tuple{"x", 1}, std::tuple{"y", 2}}) == 2);
  CHECK(main.query(R"(SELECT sum("a.b") FROM main."odd ""table" WHERE "?" > 'w')").value<int64_t>() == 3);
  CHECK(error_of([&] { main.load("nowhere", {"a"}, std::vector{std::tuple{1}}); }).status() == TL_E_STATEMENT);
  CHECK(error_of([&] { main.load("people", {"nothing"}, std::vector{std::tuple{1}}); }).status() == TL_E_STATEMENT);
}

TEST_CASE_FIXTURE(ManyFixture, "values of every kind, and what is wrong with one") {
  using std::chrono::sys_days;
  main.query("CREATE TABLE kinds (v)");
  const auto kinds = [&] { return main.query("SELECT group_concat(typeof(v), ' ') FROM kinds").value<std::string>(); };
  main.execute_many("INSERT INTO kinds VALUES (?)", std::vector<std::tuple<std::vector<std::byte>>>(1));
  main.execute_many("INSERT INTO kinds VALUES (?)", std::vector{std::tuple{1.5}});
  main.load("kinds", {"v"}, std::vector{std::tuple{sys_days(std::chrono::year(2024) / 2 / 29)}});
  CHECK(kinds() == "blob real text");
  const auto wrong = error_of([&] {
    main.execute_many("INSERT INTO kinds VALUES (?)",
                      std::vector{std::tuple{1.0}, std::tuple{std::numeric_limits<double>::quiet_NaN()}});
  });
  CHECK(wrong.status() == TL_E_DATA);
  CHECK(wrong.detail("row") == "2");
  CHECK(kinds() == "blob real text");
}

TEST_CASE_FIXTURE(ManyFixture, "a call that only a query takes is refused, and one can be cancelled") {
  const std::vector rows{std::tuple{"a", "1"}};
  CHECK(error_of([&] { main.execute_many({.stream = true}, insert, rows); }).status() == TL_E_MISUSE);
  CHECK(error_of([&] {
          main.load({.intent = trunkline::intent::read}, "people", {"name", "city"}, rows);
        }).status() == TL_E_MISUSE);
  const trunkline::operation ours = db.operation();
  ours.cancel();
  CHECK(error_of([&] { main.execute_many({.cancel_by = &ours}, insert, rows); }).status() == TL_E_CANCELLED);
  CHECK(cities().empty());
}
