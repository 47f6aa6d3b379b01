// One statement for many rows, and rows into a table: the same as one by one.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "asking.hpp"

namespace tl::validation {

using columnar::Type;
using driver::State;

namespace {

constexpr const char* insert = "INSERT INTO many VALUES (?, ?)";

using Add = std::function<void(Values&)>;

void make_table(Asking& ask, const std::string& columns, const std::string& name = "many") {
  ask.run("DROP TABLE IF EXISTS " + name);
  ask.run("CREATE TABLE " + name + " (" + columns + ")");
}

void make_keyed(Asking& ask) { make_table(ask, "id INTEGER PRIMARY KEY, t " + target().text_type); }

Rows keyed(int from, int count) {
  Rows rows;
  for (int i = 0; i < count; ++i) rows.values.integer(from + i).text("row " + std::to_string(from + i));
  rows.count = static_cast<size_t>(count);
  return rows;
}

std::string detail(const Error& error, std::string_view name) {
  for (const auto& [key, value] : error.details) {
    if (key == name) return value;
  }
  return "";
}

std::string why(const Result<ManyDone>& done) { return done ? "" : done.error().message; }

// By the statement and by loading, each into the table as it was made.
struct Way {
  const char* name;
  std::function<Result<ManyDone>(Asking&, const Rows&)> run;
};

const std::vector<Way> ways = {
    {"statement", [](Asking& ask, const Rows& rows) { return ask.many(insert, rows); }},
    {"load",
     [](Asking& ask, const Rows& rows) {
       return ask.load("many", {"id", "t"}, rows);
     }},
};

// What a failure must leave: a session whose next answer is its own, and nothing of the rows once their transaction is
// rolled back.
void check_usable(Asking& ask, const std::string& before) {
  const State state = ask->state();
  CHECK((state == State::in_transaction || state == State::in_failed));
  ask.run("ROLLBACK");
  CHECK(ask->state() == State::idle);
  CHECK(ask.one("SELECT 41 + 1") == "42");
  CHECK(ask.one("SELECT count(*) FROM many") == before);
}

// Rows of a key and the values of one, in each of the ways.
void check_arrive(Asking& ask, const std::vector<std::string_view>& columns, const std::string& definition,
                  const std::vector<Add>& each) {
  CAPTURE(definition);
  std::vector<std::string_view> names = {"k"};
  std::string list = "k";
  std::string places = "?";
  for (const std::string_view column : columns) {
    names.push_back(column);
    list += ", " + std::string(column);
    places += ", ?";
  }
  for (const char* table : {"one_by_one", "by_many", "by_load"}) {
    make_table(ask, "k INTEGER, " + definition, table);
  }
  const std::string values = " (" + list + ") VALUES (" + places + ")";
  Rows all;
  for (const Add& add : each) {
    Values one;
    one.integer(static_cast<int64_t>(all.count));
    add(one);
    ask.run("INSERT INTO one_by_one" + values, one);
    all.values.integer(static_cast<int64_t>(all.count++));
    add(all.values);
  }
  const auto done = ask.many("INSERT INTO by_many" + values, all);
  CHECK_MESSAGE(done.ok(), why(done));
  const auto loaded = ask.load("by_load", names, all);
  CHECK_MESSAGE(loaded.ok(), why(loaded));
  const auto of = [&](const std::string& table) { return ask.rows("SELECT * FROM " + table + " ORDER BY k").take(); };
  const Table wanted = of("one_by_one");
  REQUIRE(wanted.size() == each.size());
  CHECK((of("by_many") == wanted));
  CHECK((of("by_load") == wanted));
}

Add integer(int64_t value) {
  return [value](Values& to) { to.integer(value); };
}
Add real(double value) {
  return [value](Values& to) { to.real(value); };
}
Add text(std::string value, Type type = Type::text) {
  return [value = std::move(value), type](Values& to) { to.of(type, value); };
}
Add number(Type type, int64_t value) {
  return [type, value](Values& to) { to.of(type, value); };
}
Add null() {
  return [](Values& to) { to.null(); };
}

}  // namespace

TEST_CASE("many rows: inserted, changed, deleted, and what each has affected") {
  Asking ask;
  make_keyed(ask);
  const auto check = [&](const Result<ManyDone>& done, int64_t affected, const Texts& each) {
    REQUIRE_MESSAGE(done.ok(), why(done));
    CHECK(done->affected == affected);
    CHECK(done->tells_each == target().tells_each_row);
    if (done->tells_each) CHECK(done->each == each);
    CHECK(ask->state() == State::idle);
  };
  check(ask.many(insert, keyed(1, 5)), 5, {"1", "1", "1", "1", "1"});
  check(ask.many("UPDATE many SET t = ? WHERE id <= ?",
                 {Values().text("a").integer(3).text("b").integer(0).text("c").integer(1), 3}),
        4, {"3", "0", "1"});
  CHECK(*ask.rows("SELECT t FROM many ORDER BY id") == Table{{"c"}, {"a"}, {"a"}, {"row 4"}, {"row 5"}});
  check(ask.many("DELETE FROM many WHERE id > ?", {Values().integer(4).integer(1), 2}), 4, {"1", "3"});
  CHECK(*ask.rows("SELECT id FROM many") == Table{{"1"}});
}

TEST_CASE("many rows: one, ten thousand, and rows without values") {
  for (const Way& way : ways) {
    CAPTURE(way.name);
    Asking ask;
    make_keyed(ask);
    CHECK(way.run(ask, keyed(1, 1))->affected == 1);
    const auto done = way.run(ask, keyed(2, 9999));
    REQUIRE_MESSAGE(done.ok(), why(done));
    CHECK(done->affected == 9999);
    CHECK(*ask.rows("SELECT count(*), sum(id), min(t), max(t) FROM many") ==
          Table{{"10000", "50005000", "row 1", "row 9999"}});
  }
  Asking ask;
  make_table(ask, "a INTEGER");
  const auto done = ask.many("INSERT INTO many VALUES (7)", {{}, 3});
  REQUIRE_MESSAGE(done.ok(), why(done));
  CHECK(done->affected == 3);
  CHECK(*ask.rows("SELECT a FROM many") == Table{{"7"}, {"7"}, {"7"}});
}

TEST_CASE("many rows: numbers arrive as they do one by one") {
  Asking ask;
  check_arrive(ask, {"v"}, "v BIGINT",
               {integer(1), integer(-1), integer(int64_t{1} << 40), integer(2), null(), integer(INT32_MIN),
                integer(std::numeric_limits<int64_t>::max()), integer(std::numeric_limits<int64_t>::min()), integer(0),
                number(Type::uint64, 77)});
  std::vector<Add> reals = {real(0.0), real(-0.5), real(0.1), real(1e300), real(5e-324), real(1.7976931348623157e308)};
  if (target().infinite_floats) {
    reals.push_back(real(std::numeric_limits<double>::infinity()));
    reals.push_back(real(-std::numeric_limits<double>::infinity()));
  }
  if (target().unsendable != "NaN") reals.push_back(real(std::nan("")));
  check_arrive(ask, {"v"}, "v DOUBLE PRECISION", reals);
  check_arrive(ask, {"v"}, "v " + target().decimal_type,
               {text("1.50", Type::decimal), text("-12345678901234567890.123456789", Type::decimal), null(),
                text("0", Type::decimal)});
  check_arrive(ask, {"v"}, "v BOOLEAN", {number(Type::boolean, 1), number(Type::boolean, 0), null()});
}

TEST_CASE("many rows: texts and bytes arrive as they do one by one") {
  Asking ask;
  std::string every;
  for (int i = 0; i < 256; ++i) every += static_cast<char>(i);
  std::vector<Add> texts;
  for (const char* each : {"", "a", "it's \"quoted\" \\ back", "Ünïcödé 文字 🎉", "? :name $1 -- no", "\\N", "\\.",
                           "a\tb\nc\rd\\", "{1,2}", "NULL", " blank "}) {
    texts.push_back(text(each));
  }
  texts.push_back(null());
  for (const size_t size : {3000, 100'000, 99'999, 1 << 20}) texts.push_back(text(std::string(size, 'x')));
  check_arrive(ask, {"v"}, "v " + target().text_type, texts);
  check_arrive(ask, {"v"}, "v " + target().bytes_type,
               {text("", Type::bytes), text(every, Type::bytes), null(), text("\\x00", Type::bytes),
                text(std::string(1 << 20, '\xff'), Type::bytes)});
  check_arrive(ask, {"v"}, "v " + target().json_type,
               {text(R"({"a":[1,"\\n\"\t"]})", Type::json), null(), text("[]", Type::json)});
  check_arrive(ask, {"v"}, "v " + target().uuid_type,
               {text("\x01\x23\x45\x67\x89\xab\x4d\xef\x81\x23\x45\x67\x89\xab\xcd\xef", Type::uuid), null()});
}

TEST_CASE("many rows: moments, intervals and arrays arrive as they do one by one") {
  Asking ask;
  constexpr int64_t day = 19'782;  // 2024-02-29
  constexpr int64_t micros = day * 86'400'000'000 + 12 * 3'600'000'000 + 345'678;
  const auto moments = [](int64_t date, int64_t timestamp, int64_t time) -> Add {
    return [=](Values& to) { to.of(Type::date, date).of(Type::timestamp, timestamp).of(Type::time, time); };
  };
  check_arrive(ask, {"d", "t", "u"}, target().moment_types,
               {moments(day, micros, 3'723'000'001), moments(0, 0, 0), moments(-1, -1, 86'399'999'999),
                [](Values& to) { to.null().null().null(); }, moments(-700'000, -60'000'000'000'000'000, 1)});
  if (!target().interval_type.empty()) {
    const std::string fixed("\x0e\0\0\0\xfe\xff\xff\xff\x15\xcd\x5b\x07\0\0\0\0", 16);
    check_arrive(ask, {"v"}, "v " + target().interval_type,
                 {text(fixed, Type::interval), number(Type::duration, -3'723'000'001), null()});
  }
  if (!target().array_type.empty()) {
    check_arrive(ask, {"v"}, "v " + target().array_type,
                 {[](Values& to) { to.list(Values().integer(3).null().integer(-1)); },
                  [](Values& to) { to.list(Values()); }, null()});
  }
}

TEST_CASE("many rows: nulls first, and types that change from row to row") {
  Asking ask;
  const auto both = [](const Add& a, const Add& b) -> Add { return [=](Values& to) { a(to), b(to); }; };
  check_arrive(ask, {"a", "b"}, "a BIGINT, b " + target().text_type,
               {both(null(), null()), both(null(), text("x")), both(integer(1), null()), both(null(), text("y")),
                both(integer(int64_t{1} << 40), null()), both(text("12"), text("")), both(text("13"), null()),
                both(integer(2), text("z")), both(real(4), text("w")), both(null(), null())});
}

TEST_CASE("many rows: what rows a statement gives is dropped") {
  Asking ask;
  make_keyed(ask);
  const auto read = ask.many("SELECT ?", {Values().integer(1).integer(2).integer(3), 3});
  REQUIRE_MESSAGE(read.ok(), why(read));
  CHECK(read->affected == 3);
  CHECK(ask.one("SELECT 5") == "5");
  const auto done = ask.many(std::string(insert) + " RETURNING id", keyed(1, 3));
  REQUIRE_MESSAGE(done.ok(), why(done));
  CHECK(done->affected == 3);
  CHECK(ask->state() == State::idle);
  CHECK(ask.one("SELECT sum(id) FROM many") == "6");
}

TEST_CASE("many rows that give rows take no time that grows with the size of all of them") {
  Asking ask;
  make_keyed(ask);
  Rows rows;
  const std::string text(1000, 'x');
  for (; rows.count < 10'000; ++rows.count) rows.values.integer(static_cast<int64_t>(rows.count)).text(text);
  const auto took = [&](const std::string& sql) {
    ask.run(ask.driver().begin_text({}));
    const Instant began = steady_clock().now();
    const auto done = ask.many(sql, rows);
    const Nanos time = steady_clock().now() - began;
    CHECK_MESSAGE(done.ok(), why(done));
    ask.run("ROLLBACK");
    return time;
  };
  const Nanos silent = took(insert);
  CHECK(took(std::string(insert) + " RETURNING id") < silent * 20 + std::chrono::milliseconds(500));
}

TEST_CASE("many rows: the one that fails is named, and the session goes on") {
  for (const Way& way : ways) {
    for (const int bad : {1, 50, 100}) {
      CAPTURE(way.name);
      CAPTURE(bad);
      Asking ask;
      make_keyed(ask);
      REQUIRE(way.run(ask, keyed(1000 + bad, 1)).ok());
      ask.run(ask.driver().begin_text({}));
      const auto done = way.run(ask, keyed(1001, 100));
      REQUIRE_FALSE(done.ok());
      CHECK(status_name(done.error().status) == "unique_violation");
      CHECK((done.error().outcome == Outcome::refused || done.error().outcome == Outcome::rolled_back));
      if (target().tells_each_row) {
        CHECK(detail(done.error(), "row") == std::to_string(bad));
        CHECK(done.error().message.starts_with("row " + std::to_string(bad) + ": "));
      }
      check_usable(ask, "1");
    }
  }
}

TEST_CASE("many rows: a value that cannot be sent is named with its row, and the session goes on") {
  for (const Way& way : ways) {
    for (const size_t bad : {size_t{1}, size_t{2}, size_t{50}, size_t{100}}) {
      CAPTURE(way.name);
      CAPTURE(bad);
      Asking ask;
      make_keyed(ask);
      Rows rows;
      while (rows.count < 100) {
        rows.values.integer(static_cast<int64_t>(rows.count++));
        if (rows.count != bad) {
          rows.values.text("fine");
        } else if (target().unsendable == "NaN") {
          rows.values.real(std::nan(""));
        } else {
          rows.values.text(std::string_view("a\0b", 3));
        }
      }
      ask.run(ask.driver().begin_text({}));
      const auto done = way.run(ask, rows);
      REQUIRE_FALSE(done.ok());
      CHECK(status_name(done.error().status) == "data");
      CHECK(detail(done.error(), "row") == std::to_string(bad));
      CHECK((done.error().outcome == Outcome::not_sent) == (bad == 1));
      CHECK(done.error().outcome != Outcome::unknown);
      check_usable(ask, "0");
    }
  }
}

TEST_CASE("many rows: a text that the database does not understand, and a table that there is not") {
  Asking ask;
  for (const auto& done :
       {ask.many("INSRT INTO many VALUES (?)", {Values().integer(1).integer(2), 2}),
        ask.many("INSERT INTO there_is_no_such_table VALUES (?)", {Values().integer(1).integer(2), 2}),
        ask.load("there_is_no_such_table", {"a"}, {Values().integer(1).integer(2), 2})}) {
    REQUIRE_FALSE(done.ok());
    CHECK(status_name(done.error().status) == "statement");
    CHECK(done.error().outcome != Outcome::unknown);
    CHECK(ask->state() == State::idle);
    CHECK(ask.one("SELECT 1") == "1");
  }
}

}  // namespace tl::validation
