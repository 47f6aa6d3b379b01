#include <deque>
#include <limits>

#include "cpp_fixture.hpp"

using namespace std::chrono;
using namespace std::chrono_literals;
using trunkline::named;

namespace {

// What arrived: the type that SQLite keeps, and its text.
template <class T>
std::string kept(const T& value) {
  static const auto db = trunkline::registry::parse("[connections.m]\ndriver = 'sqlite'\ndatabase = ':memory:'\n");
  const auto [type, text] =
      db.on().query("SELECT typeof(v), quote(v) FROM (SELECT ? AS v)", value).template one<std::string, std::string>();
  return type + " " + text;
}

}  // namespace

TEST_CASE("every C++ type arrives as the database's") {
  CHECK(kept(true) == "integer 1");
  CHECK(kept(-7) == "integer -7");
  CHECK(kept(int8_t{-8}) == "integer -8");
  CHECK(kept(uint32_t{4'000'000'000}) == "integer 4000000000");
  CHECK(kept(uint64_t{9}) == "integer 9");
  CHECK(kept(std::numeric_limits<int64_t>::min()) == "integer -9223372036854775808");
  CHECK(kept(1.5) == "real 1.5");
  CHECK(kept(0.5F) == "real 0.5");
  CHECK(kept("literal") == "text 'literal'");
  CHECK(kept(std::string("it's")) == "text 'it''s'");
  CHECK(kept(std::string_view("view")) == "text 'view'");
  CHECK(kept(std::string_view()) == "text ''");
  const char* pointer = "pointer";
  CHECK(kept(pointer) == "text 'pointer'");
  CHECK(kept(static_cast<const char*>(nullptr)) == "null NULL");
  CHECK(kept(static_cast<char*>(nullptr)) == "null NULL");
  CHECK(kept(std::vector<const char*>{"a", nullptr}) == R"(text '["a",null]')");
  CHECK(kept(nullptr) == "null NULL");
  CHECK(kept(std::nullopt) == "null NULL");
  CHECK(kept(std::optional<int>()) == "null NULL");
  CHECK(kept(std::optional<int>(3)) == "integer 3");
  CHECK(kept(std::vector<std::byte>{std::byte{0}, std::byte{255}}) == "blob X'00FF'");
  const std::vector<unsigned char> raw{1, 2};
  CHECK(kept(raw) == "blob X'0102'");
  CHECK(kept(std::span<const unsigned char>(raw)) == "blob X'0102'");
  CHECK(kept(std::as_bytes(std::span(raw))) == "blob X'0102'");
  CHECK(kept(std::vector<std::byte>()) == "blob X''");
  CHECK(kept(trunkline::decimal{"1.50"}) == "text '1.50'");
  CHECK(kept(trunkline::json{"[1]"}) == "text '[1]'");
  CHECK(kept(trunkline::uuid{{std::byte{0xAB}}}) == "text 'ab000000-0000-0000-0000-000000000000'");
}

TEST_CASE("dates and times arrive") {
  const sys_days day = 2024y / 2 / 29;
  CHECK(kept(day) == "text '2024-02-29'");
  CHECK(kept(2024y / 2 / 29) == "text '2024-02-29'");
  CHECK(kept(sys_time<microseconds>(day + 13h + 5us)) == "text '2024-02-29 13:00:00.000005+00:00'");
  CHECK(kept(sys_seconds(day + 1s)) == "text '2024-02-29 00:00:01+00:00'");
  CHECK(kept(local_time<microseconds>(day.time_since_epoch() + 13h)) == "text '2024-02-29 13:00:00'");
  CHECK(kept(hh_mm_ss<microseconds>(90min)) == "text '01:30:00'");
  CHECK(kept(2ms) == "integer 2000");
  CHECK(error_of([] { kept(2023y / 2 / 29); }).status() == TL_E_DATA);
  CHECK(error_of([] { kept(trunkline::interval{1, 2, 3}); }).status() == TL_E_UNSUPPORTED);
}

TEST_CASE("lists arrive, with nulls, and whatever container holds them") {
  CHECK(kept(std::vector<int>{1, 2}) == "text '[1,2]'");
  CHECK(kept(std::vector<std::optional<std::string>>{"a", std::nullopt}) == "text '[\"a\",null]'");
  CHECK(kept(std::deque<double>{0.5}) == "text '[0.5]'");
  CHECK(kept(std::vector<bool>{true, false}) == "text '[1,0]'");
  CHECK(kept(std::vector<std::string>()) == "text '[]'");
}

TEST_CASE_FIXTURE(CppFixture, "a list after text of any length is found") {
  make_people();
  for (const std::string text : {"", "a", "seven77", "eight888"}) {
    const auto names =
        main.query("SELECT name FROM people WHERE name <> ? AND id IN (SELECT value FROM json_each(?)) ORDER BY id",
                   text, std::vector<int64_t>{1, 3})
            .all<std::string>();
    CHECK(names == std::vector<std::tuple<std::string>>{{"Ada"}, {"Grace"}});
  }
}

TEST_CASE_FIXTURE(CppFixture, "values go by name where every one has a name") {
  make_people();
  const auto name = main.query("SELECT name FROM people WHERE city = :city AND id > :least", named("least", 0),
                               named("city", std::string("London")));
  const std::string city = "New York";
  CHECK(main.query("SELECT name FROM people WHERE city = :city", named("city", city)).value<std::string>() == "Grace");
  CHECK(error_of([&] { main.query("SELECT :a, :b", named("a", 1), 2); }).status() == TL_E_MISUSE);
}

TEST_CASE_FIXTURE(CppFixture, "values may be collected at run time") {
  trunkline::parameters values;
  values.add(1).add("two").add(std::nullopt);
  const auto row = main.query("SELECT ?, ?, ?", values).one<int, std::string, std::optional<int>>();
  CHECK(row == std::tuple(1, std::string("two"), std::optional<int>()));
  trunkline::parameters by_name;
  by_name.add(named("a", 5));
  CHECK(main.query({.timeout = 10s}, "SELECT :a", by_name).value<int>() == 5);
}
