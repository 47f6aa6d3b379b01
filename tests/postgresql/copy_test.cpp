// Rows that are loaded by COPY, which takes each value as a literal.
#include <doctest/doctest.h>

#include "asking.hpp"

namespace tl::validation {

using columnar::Type;

namespace {

std::string row_of(const Error& error) {
  for (const auto& [key, value] : error.details) {
    if (key == "row") return value;
  }
  return "";
}

}  // namespace

TEST_CASE("COPY: moments beyond four digits of a year, before Christ and infinite") {
  Asking ask;
  ask.run("DROP TABLE IF EXISTS copied");
  ask.run("CREATE TABLE copied (d DATE, t TIMESTAMP, z TIMESTAMPTZ)");
  Rows rows;
  const auto add = [&](int64_t date, int64_t micros) {
    rows.values.of(Type::date, date).of(Type::timestamp, micros).of(Type::timestamptz, micros);
    ++rows.count;
  };
  add(2'932'897, 253'402'300'800'000'001);   // 10000-01-01
  add(-719'163, -62'135'596'800'000'001);    // the year 1 BC
  add(-1'000'000, -86'400'000'000'000'000);  // 768 BC
  add(INT32_MAX, INT64_MAX);
  add(INT32_MIN, INT64_MIN);
  REQUIRE(ask.load("copied", {"d", "t", "z"}, rows).ok());
  const Table copied = ask.rows("SELECT * FROM copied").take();
  ask.run("DELETE FROM copied");
  REQUIRE(ask.many("INSERT INTO copied VALUES (?, ?, ?)", rows).ok());
  CHECK(copied == ask.rows("SELECT * FROM copied").take());
}

TEST_CASE("COPY: numbers beyond 64 bits, and arrays of texts") {
  Asking ask;
  ask.run("DROP TABLE IF EXISTS copied");
  ask.run("CREATE TABLE copied (n NUMERIC, f DOUBLE PRECISION, a TEXT[])");
  const Rows rows{Values()
                      .of(Type::uint64, -1)
                      .real(0.1)
                      .list(Values().text("a,b").null().text("NULL").text("\"\\\t\n{}").text(""))
                      .of(Type::decimal, "NaN")
                      .null()
                      .null(),
                  2};
  REQUIRE(ask.load("copied", {"n", "f", "a"}, rows).ok());
  CHECK(*ask.rows("SELECT n, f FROM copied") == Table{{"18446744073709551615", "0.1"}, {"NaN", "NULL"}});
  CHECK(ask.one("SELECT count(*) FROM copied WHERE a = ARRAY['a,b', NULL, 'NULL', E'\"\\\\\\t\\n{}', '']") == "1");
}

TEST_CASE("COPY: the row that fails is named, also where a trigger refuses it, and the table's own error stays") {
  Asking ask;
  ask.run("DROP TABLE IF EXISTS copied");
  ask.run("CREATE TABLE copied (id INTEGER CHECK (id < 100), age SMALLINT)");
  ask.run(
      "CREATE OR REPLACE FUNCTION refuse_50() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
      "IF NEW.id = 50 THEN RAISE 'refused'; END IF; RETURN NEW; END $$");
  ask.run("CREATE TRIGGER refuses BEFORE INSERT ON copied FOR EACH ROW EXECUTE FUNCTION refuse_50()");
  const auto failing = [&](const Values& values) {
    auto done = ask.load("copied", {"id", "age"}, {values, 3});
    REQUIRE_FALSE(done.ok());
    CHECK(ask->state() == driver::State::idle);
    CHECK(ask.one("SELECT count(*) FROM copied") == "0");
    return done.take_error();
  };
  const Failure number = failing(Values().integer(1).integer(1).integer(2).text("x\ny").integer(3).integer(1));
  CHECK(status_name(number->status) == "data");
  CHECK(row_of(*number) == "2");
  const Failure checked = failing(Values().integer(1).null().integer(2).null().integer(100).null());
  CHECK(status_name(checked->status) == "check_violation");
  CHECK(row_of(*checked) == "3");
  const Failure refused = failing(Values().integer(1).null().integer(50).null().integer(3).null());
  CHECK(refused->message == "row 2: refused");
  CHECK(row_of(*refused) == "2");
}

}  // namespace tl::validation
