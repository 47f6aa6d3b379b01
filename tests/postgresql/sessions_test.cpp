// What a PostgreSQL session hears without having asked, and what its transactions say late.
#include <doctest/doctest.h>
#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <thread>

#include "asking.hpp"

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

TEST_CASE("notices are not printed to the program's stderr") {
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

TEST_CASE("a notification that nobody asked for leaves the session alive and in order") {
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

TEST_CASE("a session that the server has ended does not look alive, and says nothing") {
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

TEST_CASE("a session ended in the middle of its statement: unavailable, in the server's own words") {
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

}  // namespace tl::validation
