// Statements that take too long: stopped by the session's own limit, or by another thread.
#include <doctest/doctest.h>

#include <future>
#include <thread>

#include "asking.hpp"
#include "left_out.hpp"

namespace tl::validation {

using namespace std::chrono_literals;

TEST_CASE("statement_timeout ends a statement, also after a reset, and the session goes on" *
          left_out_behind_proxy("a session that its caller has changed is closed there instead")) {
  Asking ask("statement_timeout = \"200ms\"\n");
  for (int i = 0; i < 2; ++i) {
    const Instant began = steady_clock().now();
    const Failure failure = ask.failure(target().endless);
    CHECK(status_name(failure->status) == "statement_timeout");
    CHECK(steady_clock().now() - began < 3s);
    CHECK(ask->state() == driver::State::idle);
    CHECK(ask.one("SELECT 1") == "1");
    ask.run(target().change);
    REQUIRE(ask.reset().ok());
  }
}

TEST_CASE("a cancel from another thread stops the statement, and the next one is not hit by it") {
  Asking ask;
  const std::shared_ptr<driver::Canceller> canceller = ask->canceller();
  for (int i = 0; i < 3; ++i) {
    std::promise<void> stopped;
    std::thread stopper([&, until = stopped.get_future()] {
      // A server ignores what comes before the statement has begun.
      while (until.wait_for(100ms) == std::future_status::timeout) {
        driver::Dial dial(Deadline::never());
        canceller->cancel(dial);
      }
    });
    const Instant began = steady_clock().now();
    const Failure failure = ask.failure(target().endless);
    CHECK((failure->status == Status::cancelled || failure->status == Status::statement_timeout));
    CHECK(failure->outcome == Outcome::rolled_back);
    CHECK(steady_clock().now() - began < 5s);
    stopped.set_value();
    stopper.join();
    for (int k = 0; k < 3; ++k) CHECK(ask.one("SELECT 1") == "1");
  }
}

TEST_CASE("a canceller outlives its session harmlessly") {
  Asking ask;
  const std::shared_ptr<driver::Canceller> canceller = ask->canceller();
  ask.close();
  driver::Dial dial(Deadline::never());
  canceller->cancel(dial);
}

}  // namespace tl::validation
