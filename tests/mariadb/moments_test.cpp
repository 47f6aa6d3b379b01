// Dates that are none, and the time zone in which a TIMESTAMP is read.
#include <doctest/doctest.h>

#include "both_protocols.hpp"

namespace tl::validation {

using columnar::Type;

namespace {

constexpr int64_t hour = 3'600'000'000;
constexpr int64_t noon = 19'782 * 24 * hour + 12 * hour;  // 2024-02-29 12:00 in UTC

void make_instant(Asking& ask) {
  Asking in_utc;
  in_utc.run("DROP TABLE IF EXISTS instants");
  in_utc.run("CREATE TABLE instants (t TIMESTAMP(6) NOT NULL)");
  in_utc.run("INSERT INTO instants VALUES ('2024-02-29 12:00:00')");
  ask.run("DROP PROCEDURE IF EXISTS move_zone");
  ask.run("CREATE PROCEDURE move_zone(zone TEXT) SET time_zone = zone");
  ask.run("DROP PROCEDURE IF EXISTS read_elsewhere");
  ask.run(
      "CREATE PROCEDURE read_elsewhere(zone TEXT) BEGIN SET time_zone = zone; SELECT t FROM instants; "
      "SELECT 'last' AS t; END");
}

const std::string query = "SELECT t FROM instants";

void check_instant(BothProtocols& both) {
  const Answer answer = both.answer(query);
  CHECK(answer.schema[0].type == Type::timestamptz);
  CHECK(answer.rows == Table{{std::to_string(noon)}});
}

void check_local(BothProtocols& both, int64_t hours) {
  const Answer answer = both.answer(query);
  CHECK(answer.schema[0].type == Type::timestamp);
  CHECK(answer.rows == Table{{std::to_string(noon + hours * hour)}});
}

}  // namespace

TEST_CASE("zero and partial dates fail with what and where, and the session goes on") {
  BothProtocols both;
  both.ask.run("SET sql_mode = ''");
  both.ask.run("DROP TABLE IF EXISTS odd_dates");
  for (const char* type : {"DATE", "DATETIME", "DATETIME(6)", "TIMESTAMP(6)"}) {
    for (const char* date : {"0000-00-00", "2024-00-00", "2024-02-00", "2024-00-10"}) {
      if (std::string(type).starts_with("TIMESTAMP") && date[0] != '0') continue;
      CAPTURE(type);
      CAPTURE(date);
      both.ask.run(std::string("CREATE TABLE odd_dates (id INT, at ") + type + " NULL)");
      both.ask.run(std::string("INSERT INTO odd_dates VALUES (1, '2024-02-29'), (2, '") + date + "'), (3, NULL)");
      const Failure failure = both.failure("SELECT id, at FROM odd_dates ORDER BY id");
      CHECK(failure->status == Status::data);
      CHECK(failure->phase == Phase::decode);
      CHECK(failure->outcome == Outcome::unknown);
      CHECK(failure->message.find("row 2, column \"at\"") != std::string::npos);
      CHECK(failure->message.find("zero or partial") != std::string::npos);
      CHECK(both.one("SELECT LEFT(CAST(at AS CHAR), 10) FROM odd_dates WHERE id = 2") == date);
      both.ask.run("DROP TABLE odd_dates");
    }
  }
}

TEST_CASE("a duration or date that the server cannot hold is refused, and never another one") {
  Asking ask;
  const int64_t longest = 839 * hour - 1;
  for (const Type type : {Type::duration, Type::time}) {
    for (const int64_t micros : {longest, -longest}) {
      CHECK(ask.one("SELECT ?", Values().of(type, micros)) == std::to_string(micros));
    }
    for (const int64_t micros : {longest + 1, -longest - 1, 1000 * hour, INT64_MAX, INT64_MIN}) {
      CAPTURE(micros);
      const Failure failure = ask.failure("SELECT ?", Values().of(type, micros));
      CHECK(failure->status == Status::data);
      CHECK(failure->outcome == Outcome::not_sent);
    }
  }
  const int64_t wraps = -(int64_t{1} << 51);  // days, whose microseconds are a multiple of 2^64
  for (const int64_t days : {wraps, -wraps, int64_t{INT32_MIN}, int64_t{INT32_MAX}}) {
    CAPTURE(days);
    CHECK(ask.failure("SELECT ?", Values().of(Type::date, days))->status == Status::data);
  }
  CHECK(ask.one("SELECT CAST(? AS CHAR)", Values().of(Type::date, -719'528)) == "0000-01-01");
  CHECK(ask.one("SELECT CAST(? AS CHAR)", Values().of(Type::date, 2'932'896)) == "9999-12-31");
}

TEST_CASE("a TIMESTAMP is an instant while the session is in UTC, by whichever name") {
  for (const char* more : {"", "timezone = \"+00:00\"\n"}) {
    BothProtocols both(more);
    make_instant(both.ask);
    check_instant(both);
  }
}

TEST_CASE("a TIMESTAMP in another time zone is the time there") {
  BothProtocols both("timezone = \"+02:00\"\n");
  make_instant(both.ask);
  check_local(both, 2);
  CHECK(both.ask.failure("SELECT ?", Values().of(Type::timestamptz, noon))->status == Status::data);
  both.ask.run("SET time_zone = '+00:00'");
  check_instant(both);
  REQUIRE(both.ask.reset().ok());
  check_local(both, 2);
}

TEST_CASE("the time zone is that of the moment, whoever has changed it") {
  BothProtocols both;
  make_instant(both.ask);
  check_instant(both);
  both.ask.run("SET time_zone = '+03:00'");
  check_local(both, 3);
  both.ask.run("CALL move_zone('-11:00')");
  check_local(both, -11);
  CHECK(both.ask.failure("SELECT ?", Values().of(Type::timestamptz, noon))->status == Status::data);
  both.ask.run("CALL move_zone('+00:00')");
  check_instant(both);
  both.ask.run("SET @@session.time_zone = '+05:00'");
  check_local(both, 5);
  REQUIRE(both.ask.reset().ok());
  check_instant(both);
}

TEST_CASE("a time zone that is changed within the answer, before the time is read") {
  Asking ask;
  make_instant(ask);
  Result<driver::Reply> reply = ask.begin("SET time_zone = '+03:00'; SELECT t FROM instants");
  REQUIRE(reply.ok());
  reply = ask.next_set();
  REQUIRE(reply.ok());
  CHECK((*reply->schema)[0].type == Type::timestamp);
  CHECK(*ask.rest(*reply) == Table{{std::to_string(noon + 3 * hour)}});
  REQUIRE(ask.reset().ok());
}

TEST_CASE("a procedure that changes the time zone and then reads the time does not answer another instant") {
  Asking ask;
  make_instant(ask);
  const auto read = [&](const std::string& call) -> Result<driver::Reply> {
    Result<driver::Reply> reply = ask.begin(call);
    while (reply && reply->then != driver::Then::end) {
      if (reply->then == driver::Then::set) {
        reply = ask.next_set();
      } else if (Result<Table> rest = ask.rest(*reply); !rest) {
        reply = rest.take_error();
      }
    }
    return reply;
  };
  const Result<driver::Reply> moved = read("CALL read_elsewhere('+03:00')");
  REQUIRE_FALSE(moved.ok());
  CHECK(moved.error().status == Status::data);
  CHECK(moved.error().message.find("time zone") != std::string::npos);
  CHECK(ask->state() == driver::State::idle);
  CHECK(read("CALL read_elsewhere('+03:00')").ok());
  REQUIRE(ask.reset().ok());
  CHECK(read("CALL read_elsewhere('+00:00')").ok());
}

TEST_CASE("the time zone is known also where the server is set to track other variables") {
  Asking admin;
  const std::string tracked = admin.one("SELECT @@global.session_track_system_variables");
  admin.run("SET GLOBAL session_track_system_variables = 'autocommit'");
  BothProtocols both;
  make_instant(both.ask);
  both.ask.run("SET time_zone = '+03:00'");
  check_local(both, 3);
  REQUIRE(both.ask.reset().ok());
  both.ask.run("SET time_zone = '+03:00'");
  check_local(both, 3);
  admin.run("SET GLOBAL session_track_system_variables = '" + tracked + "'");
}

}  // namespace tl::validation
