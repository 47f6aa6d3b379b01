// What a PostgreSQL session hears without having asked, and what its transactions say late.
#include <doctest/doctest.h>
#include <malloc.h>
#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <thread>

#include "asking.hpp"
#include "left_out.hpp"

namespace tl::validation {

using driver::State;
using namespace std::chrono_literals;

namespace {

// What is written to stderr while it lives.
class Stderr {
 public:
  Stderr() : file_(std::tmpfile()), before_(dup(STDERR_FILENO)) { dup2(fileno(file_), STDERR_FILENO); }
  ~Stderr() {
    dup2(before_, STDERR_FILENO);
    close(before_);
    std::fclose(file_);
  }
  Stderr(const Stderr&) = delete;
  Stderr& operator=(const Stderr&) = delete;
  [[nodiscard]] std::string text() const {
    std::string all(1 << 16, '\0');
    all.resize(static_cast<size_t>(std::max<ssize_t>(0, pread(fileno(file_), all.data(), all.size(), 0))));
    return all;
  }

 private:
  std::FILE* const file_;
  const int before_;
};

// Asks a second session until the condition holds there.
void await(Asking& ask, const std::string& condition) {
  const Instant began = steady_clock().now();
  while (ask.one("SELECT " + condition) != "true") {
    REQUIRE(steady_clock().now() - began < 20s);
    std::this_thread::sleep_for(2ms);
  }
}

}  // namespace

TEST_CASE("a deferred constraint tells its violation although the statement itself succeeded") {
  for (const char* cache : {"", "statement_cache = 0\n"}) {
    Asking ask(cache);
    ask.run("DROP TABLE IF EXISTS late");
    ask.run("CREATE TABLE late (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)");
    ask.run("INSERT INTO late VALUES (1)");
    for (const char* sql : {"INSERT INTO late VALUES (1)", "INSERT INTO late VALUES (1) RETURNING id",
                            "UPDATE late SET id = id FROM (SELECT 1) x WHERE false"}) {
      CAPTURE(sql);
      const Result<Table> answer = ask.rows(sql);
      if (std::string(sql).starts_with("UPDATE")) {
        CHECK(answer.ok());
      } else {
        REQUIRE_FALSE(answer.ok());
        CHECK(status_name(answer.error().status) == "unique_violation");
      }
      CHECK(ask->state() == State::idle);
    }
    CHECK(ask.one("SELECT count(*) FROM late") == "1");
    ask.run("BEGIN");
    ask.run("INSERT INTO late VALUES (1)");
    const Failure at_commit = ask.failure("COMMIT");
    CHECK(status_name(at_commit->status) == "unique_violation");
    CHECK(ask->state() == State::idle);
    CHECK(ask.one("SELECT count(*) FROM late") == "1");
  }
}

TEST_CASE("notices are not printed to the program's stderr" *
          left_out_behind_proxy("a session that its caller has changed is closed there instead")) {
  const Stderr captured;
  {
    Asking ask;
    ask.run("DROP TABLE IF EXISTS there_is_no_such_table");
    ask.run("DO $$ BEGIN RAISE NOTICE 'heard'; RAISE WARNING 'heard'; RAISE INFO 'heard'; END $$");
    (void)ask.failure("DO $$ BEGIN RAISE NOTICE 'heard'; RAISE 'failed'; END $$");
    ask.run("SET client_min_messages = debug5");
    CHECK(ask.one("SELECT 1") == "1");
    REQUIRE(ask.reset().ok());
  }
  CHECK(captured.text().empty());
}

TEST_CASE("a notification that nobody asked for leaves the session alive and in order" *
          left_out_behind_proxy("LISTEN is a session's")) {
  Asking listener;
  Asking other;
  listener.run("LISTEN gossip");
  CHECK(listener->looks_alive());
  for (int i = 0; i < 100; ++i) other.run("NOTIFY gossip, 'heard'");
  CHECK(listener->looks_alive());
  CHECK(listener.one("SELECT 7") == "7");
  other.run("NOTIFY gossip, 'again'");
  CHECK(listener.one("SELECT 8") == "8");
  CHECK(listener->looks_alive());
  CHECK(listener->changed());
  REQUIRE(listener.reset().ok());
  CHECK(listener.one("SELECT count(*) FROM pg_listening_channels()") == "0");
}

TEST_CASE("notifications do not heap up in a session that is busy") {
  Asking listener;
  Asking other;
  listener.run("LISTEN gossip");
  const size_t before = mallinfo2().uordblks;
  for (int i = 0; i < 4; ++i) {
    other.run("SELECT pg_notify('gossip', repeat('x', 7000) || i) FROM generate_series(1, 500) i");
    CHECK(listener.one("SELECT 7") == "7");
  }
  CHECK(mallinfo2().uordblks < before + (size_t{4} << 20));
}

TEST_CASE("a session that the server has ended does not look alive, and says nothing" *
          left_out_behind_proxy("nobody knows which server process is his")) {
  const Stderr captured;
  Asking victim;
  Asking other;
  CHECK(victim->looks_alive());
  other.run("SELECT pg_terminate_backend(" + victim->backend_id() + ", 10000)");
  CHECK_FALSE(victim->looks_alive());
  const Failure failure = victim.failure("SELECT 1");
  CHECK(status_name(failure->status) == "unavailable");
  CHECK(victim->state() == State::broken);
  CHECK(captured.text().empty());
}

TEST_CASE("a session ended in the middle of its statement: unavailable, in the server's own words" *
          left_out_behind_proxy("nobody knows which server process is his")) {
  Asking victim;
  Asking other;
  const std::string pid = victim->backend_id();
  std::thread killer([&] {
    await(other, "(SELECT state = 'active' FROM pg_stat_activity WHERE pid = " + pid + ")");
    other.run("SELECT pg_terminate_backend(" + pid + ", 10000)");
  });
  const Failure failure = victim.failure("SELECT pg_sleep(60)");
  killer.join();
  CHECK(status_name(failure->status) == "unavailable");
  CHECK(failure->sqlstate == "57P01");
  CHECK(victim->state() == State::broken);
}

TEST_CASE("COPY is refused by name, and costs the session alone") {
  Asking ask;
  for (const char* sql : {"COPY (SELECT 1) TO STDOUT", "COPY pg_class TO STDOUT"}) {
    Asking copies;
    CHECK(status_name(copies.failure(sql)->status) == "unsupported");
    CHECK(copies->state() == State::broken);
  }
  CHECK(ask.one("SELECT 1") == "1");
}

TEST_CASE("a value that cannot be read fails its statement alone") {
  for (const char* cache : {"", "statement_cache = 0\n"}) {
    Asking ask(cache);
    const auto check = [&](State state) {
      for (const char* sql :
           {"SELECT ARRAY[[1,2],[3,4]]", "SELECT ARRAY[[1,2],[3,4]] FROM generate_series(1, 5000)",
            "SELECT CASE WHEN i < 3 THEN ARRAY[i] ELSE ARRAY[[i]] END FROM generate_series(1, 9) i"}) {
        CAPTURE(sql);
        const Failure failure = ask.failure(sql);
        CHECK(status_name(failure->status) == "data");
        CHECK(failure->phase == Phase::decode);
        CHECK(ask->state() == state);
        CHECK(ask.one("SELECT 1") == "1");
      }
    };
    check(State::idle);
    ask.run("BEGIN");
    check(State::in_transaction);
    ask.run("COMMIT");
    check(State::idle);
  }
}

TEST_CASE("a value that cannot be read, in a text of several statements: the rest runs and is dropped") {
  Asking ask;
  Result<driver::Reply> reply =
      ask.begin("SELECT ARRAY[[1]]; SELECT 2; CREATE TEMP TABLE ran_on (a int); INSERT INTO ran_on VALUES (1)");
  REQUIRE(reply.ok());
  const Result<Table> rows = ask.rest(*reply);
  REQUIRE_FALSE(rows.ok());
  CHECK(status_name(rows.error().status) == "data");
  CHECK(ask->state() == State::idle);
  CHECK(ask.one("SELECT count(*) FROM ran_on") == "1");
}

TEST_CASE("SET client_encoding ends the session: nothing is read or written in another encoding") {
  for (const char* sql : {"SET client_encoding = 'LATIN1'", "SELECT set_config('client_encoding', 'LATIN1', false)",
                          "SELECT 1; SET client_encoding = 'LATIN1'; SELECT chr(233)"}) {
    CAPTURE(sql);
    Asking ask;
    Result<driver::Reply> reply = ask.begin(sql);
    while (reply && reply->then != driver::Then::end) {
      if (reply->then == driver::Then::set) {
        reply = ask.next_set();
      } else if (Result<Table> rest = ask.rest(*reply); !rest) {
        reply = rest.take_error();
      }
    }
    REQUIRE_FALSE(reply.ok());
    CHECK(status_name(reply.error().status) == "unsupported");
    CHECK(reply.error().message.find("client_encoding") != std::string::npos);
    CHECK(ask->state() == State::broken);
  }
  Asking same;
  same.run("SET client_encoding = 'utf-8'");
  CHECK(same.one("SELECT 'é'") == "é");
}

TEST_CASE("a setting that changes how values are written is named where they cannot be read" *
          left_out_behind_proxy("what is set there is left to others")) {
  Asking ask("statement_cache = 0\n");
  const auto message = [&](const char* set, const char* sql) {
    ask.run(set);
    const Failure failure = ask.failure(sql);
    CHECK(status_name(failure->status) == "data");
    ask.run("RESET ALL");
    return failure->message;
  };
  CHECK(message("SET DateStyle = 'SQL, DMY'", "SELECT date '2024-02-03'").find("DateStyle") != std::string::npos);
  CHECK(message("SET DateStyle = 'German'", "SELECT ARRAY[timestamptz '2024-02-03']").find("DateStyle") !=
        std::string::npos);
  CHECK(message("SET IntervalStyle = 'iso_8601'", "SELECT interval '1 year'").find("IntervalStyle") !=
        std::string::npos);
  CHECK(message("SET IntervalStyle = 'postgres_verbose'", "SELECT interval '1 year'").find("IntervalStyle") !=
        std::string::npos);
  CHECK(message("SET bytea_output = 'escape'", "SELECT '\\x5c783431'::bytea").find("bytea_output") !=
        std::string::npos);
  CHECK(message("SELECT 1", "SELECT ARRAY[[date '2024-02-03']]").find("DateStyle") == std::string::npos);
}

TEST_CASE("strings are read as the standard says, whatever the role says") {
  Asking ask;
  const std::string role = ask.one("SELECT quote_ident(current_user)");
  ask.run("ALTER ROLE " + role + " SET standard_conforming_strings = off");
  Asking later;
  ask.run("ALTER ROLE " + role + " RESET standard_conforming_strings");
  CHECK(later.one("SHOW standard_conforming_strings") == "on");
  CHECK(later.one("SELECT '\\' || ?", Values().text("?")) == "\\?");
}

TEST_CASE("a session whose buffers have grown by a huge value is given up when it is given back") {
  const std::string large(std::size_t{20} << 20, 'x');
  for (const bool sent : {false, true}) {
    Asking ask;
    CHECK(ask.one("SELECT length(repeat('x', 1000000))") == "1000000");
    CHECK_FALSE(ask->changed());
    if (sent) {
      CHECK(ask.one("SELECT length(?)", Values().text(large)) == std::to_string(large.size()));
    } else {
      CHECK(ask.one("SELECT repeat('x', 20 * 1024 * 1024)") == large);
    }
    CHECK(ask.one("SELECT 1") == "1");
    CHECK(ask->changed());
    CHECK_FALSE(ask.reset().ok());
    CHECK(ask->state() == State::broken);
  }
}

}  // namespace tl::validation
