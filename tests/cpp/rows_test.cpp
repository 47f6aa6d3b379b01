#include <algorithm>
#include <ranges>
#include <variant>

#include "cpp_fixture.hpp"

using namespace std::chrono;
using namespace std::chrono_literals;

namespace {
struct Memory {
  trunkline::registry db = trunkline::registry::parse("[connections.m]\ndriver = 'sqlite'\ndatabase = ':memory:'\n");
  trunkline::connection main = db.on();
};
constexpr const char* numbers =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT i, 'row ' || i FROM n";
}  // namespace

TEST_CASE_FIXTURE(CppFixture, "a loop over a chain of temporaries keeps them") {
  make_people();
  std::string seen;
  for (auto [id, name] :
       db.on("main").query("SELECT id, name FROM people WHERE id > ? ORDER BY id", 1).as<int64_t, std::string_view>()) {
    seen += std::to_string(id) + std::string(name) + ' ';
  }
  CHECK(seen == "2Emmy 3Grace ");
}

TEST_CASE_FIXTURE(Memory, "views of text and bytes hold for their batch") {
  std::vector<std::string_view> seen;
  auto range = main.query(numbers, 100).as<int, std::string_view>();
  for (auto at = range.begin(); at != range.end() && seen.size() < 99; ++at) seen.push_back(std::get<1>(*at));
  CHECK(seen.front() == "row 1");
  CHECK(seen.back() == "row 99");
}

TEST_CASE_FIXTURE(Memory, "rows go on over the borders of batches, read whole and streamed") {
  for (const bool stream : {false, true}) {
    int64_t expected = 0;
    for (auto [i, text] :
         main.query({.stream = stream, .batch_rows = 7}, numbers, 100).as<int64_t, std::string_view>()) {
      CHECK(i == ++expected);
      CHECK(text == "row " + std::to_string(i));
    }
    CHECK(expected == 100);
  }
}

TEST_CASE_FIXTURE(Memory, "no rows, no turns of the loop") {
  for ([[maybe_unused]] auto row : main.query("SELECT 1, 2 WHERE 0").as<int, int>()) FAIL("there is no row");
}

TEST_CASE_FIXTURE(Memory, "rows are a range for the standard's algorithms and views") {
  using Rows = decltype(main.query("").as<int, std::string>());
  static_assert(std::ranges::input_range<Rows>);
  static_assert(std::same_as<std::ranges::range_value_t<Rows>, std::tuple<int, std::string>>);
  int sum = 0;
  for (const int i : main.query(numbers, 10).as<int, std::string>() | std::views::elements<0> |
                         std::views::filter([](int i) { return i % 2 == 0; })) {
    sum += i;
  }
  CHECK(sum == 30);
  auto result = main.query(numbers, 10);
  auto rows = result.as<int, std::string_view>();
  CHECK(std::ranges::count_if(rows, [](const auto& row) { return std::get<0>(row) > 4; }) == 6);
}

TEST_CASE_FIXTURE(Memory, "a loop that is left goes on where it was") {
  auto result = main.query(numbers, 5);
  auto rows = result.as<int, std::string_view>();
  for (auto [i, text] : rows) {
    if (i == 3) break;
  }
  std::vector<int> rest;
  for (auto [i, text] : rows) rest.push_back(i);
  CHECK(rest == std::vector{3, 4, 5});
}

TEST_CASE_FIXTURE(Memory, "where a range stood is where the next one of the result goes on") {
  for (const uint32_t batch_rows : {0U, 3U}) {
    auto result = main.query({.batch_rows = batch_rows}, numbers, 10);
    for (auto [i, text] : result.as<int, std::string_view>()) {
      if (i == 2) break;
    }
    for (auto [i, text] : result.as<int, std::string_view>()) {
      CHECK(text == "row " + std::to_string(i));
      if (i == 5) break;
    }
    const auto rest = result.all<int, std::string>();
    REQUIRE(rest.size() == 6);
    CHECK(std::get<0>(rest.front()) == 5);
    CHECK(std::get<1>(rest.back()) == "row 10");
    CHECK(result.all<int, std::string>().empty());
  }
}

TEST_CASE_FIXTURE(Memory, "rows after the one that was wanted alone are still there") {
  auto result = main.query("VALUES (1), (2), (3)");
  CHECK(error_of([&] { static_cast<void>(result.one<int>()); }).status() == TL_E_MISUSE);
  CHECK(result.all<int>() == std::vector<std::tuple<int>>{{2}, {3}});
}

TEST_CASE_FIXTURE(Memory, "a range moved along with its result goes on where it was") {
  auto first = main.query(numbers, 9).as<int, std::string_view>();
  for (auto [i, text] : first) {
    if (i == 8) break;
  }
  auto second = std::move(first);
  std::vector<int> rest;
  for (auto [i, text] : second) rest.push_back(i);
  CHECK(rest == std::vector{8, 9});
}

TEST_CASE_FIXTURE(Memory, "a batch is handed out whole, or not at all") {
  auto result = main.query({.batch_rows = 2}, "VALUES (1), (2), (3), (4)");
  auto rows = result.as<int>();
  auto at = rows.begin();
  CHECK(result.next()->rows() == 2);  // it was fetched, but no row of it was passed
  at = rows.begin();
  ++at;
  CHECK(std::get<0>(*at) == 4);
  CHECK(error_of([&] { static_cast<void>(result.next()); }).status() == TL_E_MISUSE);
  CHECK(error_of([&] { result.export_stream(nullptr); }).status() == TL_E_MISUSE);
  ++at;
  CHECK_FALSE(result.next());
}

TEST_CASE_FIXTURE(Memory, "rows do not come again where the next ones cannot be fetched") {
  auto result = main.query({.stream = true, .batch_rows = 2},
                           "SELECT i, json(iif(i = 8, '{', '{}')) FROM (" + std::string(numbers) + ")", 9);
  auto rows = result.as<int, std::string_view>();
  std::vector<int> seen;
  const auto read = [&] {
    for (auto [i, text] : rows) seen.push_back(i);
  };
  CHECK(error_of(read).status() != TL_OK);
  try {
    read();
  } catch (const trunkline::error&) {
  }
  CHECK(seen == std::vector{1, 2, 3, 4, 5, 6});
}

TEST_CASE_FIXTURE(Memory, "SQLite's values are read as any type that holds them") {
  const auto row = main.query("SELECT 1, 2.5, 'text', x'0102', 1, 3, NULL, '1.0'")
                       .one<bool, double, std::string, std::vector<std::byte>, int8_t, double, std::optional<int>,
                            std::optional<std::string>>();
  CHECK(row == std::tuple(true, 2.5, std::string("text"), std::vector{std::byte{1}, std::byte{2}}, int8_t{1}, 3.0,
                          std::optional<int>(), std::optional<std::string>("1.0")));
}

TEST_CASE_FIXTURE(Memory, "what SQLite keeps as text comes back as what it was") {
  const sys_days day = 1969y / 12 / 31;
  const sys_time<microseconds> moment = day + 13h + 30min + 1us;
  const local_time<microseconds> local(moment.time_since_epoch());
  const hh_mm_ss<microseconds> time(23h + 59min + 59s);
  const trunkline::uuid id{{std::byte{0x12}, std::byte{0xAF}}};
  const auto row =
      main.query("SELECT ?, ?, ?, ?, ?, ?, ?, ?", day, day, moment, local, time, id, 5ms, trunkline::json{"{}"})
          .one<sys_days, year_month_day, sys_time<microseconds>, local_time<microseconds>, hh_mm_ss<microseconds>,
               trunkline::uuid, microseconds, trunkline::json>();
  CHECK(std::get<0>(row) == day);
  CHECK(std::get<1>(row) == 1969y / 12 / 31);
  CHECK(std::get<2>(row) == moment);
  CHECK(std::get<3>(row) == local);
  CHECK(std::get<4>(row).to_duration() == time.to_duration());
  CHECK(std::get<5>(row) == id);
  CHECK(std::get<6>(row) == 5ms);
  CHECK(std::get<7>(row) == trunkline::json{"{}"});
  CHECK(main.query("SELECT '2024-02-29T10:00:00+01:00'").value<sys_time<microseconds>>() ==
        sys_days(2024y / 2 / 29) + 9h);
}

TEST_CASE_FIXTURE(Memory, "text and bytes are found among values of other types") {
  std::vector<std::string> seen;
  for (auto [value] :
       main.query("SELECT column1 FROM (VALUES ('ab'), (1), (NULL), ('c'), (2.5), (x'6465'), (''), ('f'))")
           .as<std::variant<std::monostate, int64_t, double, std::string_view, std::span<const std::byte>>>()) {
    switch (value.index()) {
      case 0: seen.push_back("null"); break;
      case 1: seen.push_back(std::to_string(std::get<1>(value))); break;
      case 2: seen.push_back("real"); break;
      case 3: seen.push_back("'" + std::string(std::get<3>(value)) + "'"); break;
      default: seen.push_back("bytes " + std::to_string(std::get<4>(value).size()));
    }
  }
  CHECK(seen == std::vector<std::string>{"'ab'", "1", "null", "'c'", "real", "bytes 2", "''", "'f'"});
}

TEST_CASE_FIXTURE(Memory, "a value that its type cannot hold names row and column") {
  const auto refused = [&]<class T>(const char* value) {
    const auto e = error_of([&] {
      static_cast<void>(
          main.query("SELECT 1 AS a, 1 AS b UNION ALL SELECT 2, " + std::string(value)).all<int, std::optional<T>>());
    });
    CHECK(e.status() == TL_E_DATA);
    CHECK(contains(e.what(), "row 2, column \"b\": "));
    return std::string(e.what());
  };
  CHECK(contains(refused.operator()<int>("'x'"), "text where the program wants an integer"));
  CHECK(contains(refused.operator()<int>("1.0"), "float64"));
  CHECK(contains(refused.operator()<int8_t>("300"), "300 does not fit"));
  CHECK(contains(refused.operator()<uint32_t>("-1"), "-1 does not fit"));
  CHECK(contains(refused.operator()<bool>("2"), "boolean"));
  CHECK(contains(refused.operator()<double>("9007199254740993"), "exactly"));
}

TEST_CASE_FIXTURE(Memory, "null into a type that takes none names row and column") {
  const auto e = error_of([&] { static_cast<void>(main.query("SELECT NULL AS city").value<std::string>()); });
  CHECK(e.status() == TL_E_DATA);
  CHECK(contains(e.what(), "row 1, column \"city\": null"));
  const auto later = error_of([&] {
    for ([[maybe_unused]] auto row :
         main.query({.batch_rows = 2}, "SELECT nullif(i, 5) FROM (" + std::string(numbers) + ")", 9).as<int>()) {
    }
  });
  CHECK(contains(later.what(), "row 5, "));
}

TEST_CASE_FIXTURE(Memory, "as many types as columns") {
  const auto e = error_of([&] { static_cast<void>(main.query("SELECT 1, 2").as<int>()); });
  CHECK(e.status() == TL_E_MISUSE);
  CHECK(contains(e.what(), "the result has 2"));
  CHECK(error_of([&] { static_cast<void>(main.query("CREATE TABLE t (a)").as<int>()); }).status() == TL_E_MISUSE);
}
