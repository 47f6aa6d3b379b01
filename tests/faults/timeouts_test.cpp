// Servers that fall silent or slow at every stage of a call, seen through the proxy: the caller hears of it in time and
// is told where it was, and the next call to a server that is well again is answered.
#include <cstdlib>
#include <vector>

#include "faults.hpp"
#include "proxied.hpp"
#include "proxy.hpp"

namespace faults {

namespace {

// What a caller may have to wait beyond its deadline.
std::chrono::milliseconds margin() { return std::getenv("TRUNKLINE_SOAK") != nullptr ? 250ms : 2500ms; }

constexpr auto patience = 300ms;

void check_in_time(const Failed& failed) {
  CHECK(failed.took >= patience - 10ms);
  CHECK(failed.took < patience + margin());
}

void check_not_opened(const Failed& failed) {
  CHECK(failed.error.phase() == "connect");
  CHECK(failed.error.outcome() == trunkline::outcome::not_sent);
}

void check_not_opened_in_time(const Failed& failed) {
  check_in_time(failed);
  CHECK(failed.error.status_name() == std::string("connect_timeout"));
  check_not_opened(failed);
}

struct Fault {
  const char* name;
  Plan plan;
};

// From the first byte on.
const std::vector<Fault> while_opening = {
    {"says nothing", {.from_server = {.then = Does::stall}}},
    {"hears nothing", {.from_client = {.then = Does::stall}}},
    {"one byte at a time", {.from_server = {.then = Does::drip}}},
    {"says nothing once TLS has begun", {.from_server = {.of_tls = true, .then = Does::stall}}},
    {"stops in the middle of the TLS handshake", {.from_server = {.after = 100, .of_tls = true, .then = Does::stall}}},
    {"hears nothing of the TLS handshake", {.from_client = {.of_tls = true, .then = Does::stall}}},
    {"one byte at a time within TLS", {.from_server = {.of_tls = true, .then = Does::drip}}},
};

// Once a session is there.
const std::vector<Fault> while_answering = {
    {"says nothing", {.from_server = {.then = Does::stall}}},
    {"hears nothing", {.from_client = {.then = Does::stall}}},
    {"stops in the middle of a header", {.from_server = {.after = 3, .then = Does::stall}}},
    {"stops in mid-reply", {.from_server = {.after = 1000, .then = Does::stall}}},
    {"one byte at a time", {.from_server = {.then = Does::drip}}},
    {"one byte at a time in mid-reply", {.from_server = {.after = 1000, .then = Does::drip}}},
};

// A server that breaks off instead: no time passes.
const std::vector<Fault> breaking_off = {
    {"closes at once", {.from_server = {.then = Does::close}}},
    {"resets at once", {.from_server = {.then = Does::reset}}},
    {"closes within TLS", {.from_server = {.after = 100, .of_tls = true, .then = Does::close}}},
    {"resets within TLS", {.from_server = {.after = 100, .of_tls = true, .then = Does::reset}}},
};

bool needs_tls(const Fault& fault) { return fault.plan.from_server.of_tls || fault.plan.from_client.of_tls; }

void each_mode(const Fault& fault, const std::function<void(const Server&, const std::string& mode)>& act) {
  CAPTURE(fault.name);
  for (const Server& server : servers()) {
    CAPTURE(server.driver);
    for (const std::string mode : {"disable", "verify-full"}) {
      CAPTURE(mode);
      if (mode == "disable" && needs_tls(fault)) continue;
      act(server, mode);
    }
  }
}

}  // namespace

TEST_CASE("create_timeout ends the opening of a session, whatever the server does meanwhile") {
  for (const Fault& fault : while_opening) {
    each_mode(fault, [&](const Server& server, const std::string& mode) {
      const Proxied db(server, mode, "create_timeout = \"300ms\"\n");
      db.proxy->plan_all(fault.plan);
      const Failed failed = db.failure({.timeout = 20s});
      check_not_opened_in_time(failed);
      db.proxy->plan_all({});
      CHECK(db.answers());
    });
  }
}

TEST_CASE("acquire_timeout and the call's own end the wait for a session that is being opened") {
  for (const Fault& fault : while_opening) {
    each_mode(fault, [&](const Server& server, const std::string& mode) {
      for (const bool by_call : {false, true}) {
        CAPTURE(by_call);
        const Proxied db(server, mode, by_call ? "" : "acquire_timeout = \"300ms\"\n");
        db.proxy->plan_all(fault.plan);
        const Failed failed = db.failure({.timeout = by_call ? patience : 20s});
        check_not_opened_in_time(failed);
        db.proxy->plan_all({});
        CHECK(db.answers());
      }
    });
  }
}

TEST_CASE("acquire_timeout ends the wait for a session that others hold") {
  for (const Server& server : servers()) {
    CAPTURE(server.driver);
    const Proxied db(server, "disable", "max = 1\nacquire_timeout = \"300ms\"\n");
    {
      const auto held = db.db.pin(20s);
      std::thread other([&] {
        const Failed failed = db.failure({.timeout = 20s});
        check_in_time(failed);
        CHECK(failed.error.status_name() == std::string("acquire_timeout"));
        CHECK(failed.error.phase() == "acquire");
      });
      other.join();
    }
    CHECK(db.answers());
  }
}

TEST_CASE("the call's time ends a statement whose server falls silent before or within its answer") {
  for (const Fault& fault : while_answering) {
    each_mode(fault, [&](const Server& server, const std::string& mode) {
      for (const bool by_connection : {false, true}) {
        CAPTURE(by_connection);
        const Proxied db(server, mode, "", by_connection ? "call_timeout = \"300ms\"\n" : "");
        REQUIRE(db.answers());
        db.proxy->plan_all(fault.plan);
        const trunkline::options limits =
            by_connection ? trunkline::options{} : trunkline::options{.timeout = patience};
        const Failed failed = db.failure(limits, server.rows);
        check_in_time(failed);
        CHECK(failed.error.status_name() == std::string("statement_timeout"));
        CHECK(failed.error.phase() == "receive");
        CHECK(failed.error.outcome() == trunkline::outcome::unknown);
        db.proxy->plan_all({});
        CHECK(db.answers());
      }
    });
  }
}

TEST_CASE("the call's time ends a session's check by a server that says nothing") {
  for (const Server& server : servers()) {
    CAPTURE(server.driver);
    const Proxied db(server, "verify-full", "max = 1\npre_ping = true\n");
    REQUIRE(db.answers());
    db.proxy->plan_all({.from_server = {.then = Does::stall}});
    const Failed failed = db.failure({.timeout = patience});
    check_in_time(failed);
    CHECK(failed.error.status_name() == std::string("acquire_timeout"));
    CHECK(failed.error.phase() == "acquire");
    db.proxy->plan_all({});
    CHECK(db.answers());
  }
}

TEST_CASE("statement_timeout is kept by the server; one that does not keep it is held to the call's time") {
  for (const Server& server : servers()) {
    CAPTURE(server.driver);
    const Proxied db(server, "verify-full", "", "statement_timeout = \"300ms\"\n");
    const Failed kept = db.failure({.timeout = 20s}, server.sleeps);
    check_in_time(kept);
    CHECK(kept.error.status_name() == std::string("statement_timeout"));
    CHECK(kept.error.outcome() == trunkline::outcome::rolled_back);
    CHECK(db.answers());

    db.proxy->plan_all({.from_server = {.then = Does::stall}});
    const Failed not_kept = db.failure({.timeout = 2 * patience}, server.sleeps);
    CHECK(not_kept.took < 2 * patience + margin());
    CHECK(not_kept.error.status_name() == std::string("statement_timeout"));
    CHECK(not_kept.error.outcome() == trunkline::outcome::unknown);
    db.proxy->plan_all({});
    CHECK(db.answers());
  }
}

TEST_CASE("a server that breaks off: an error at once, and the next call is answered when it is well again") {
  for (const Fault& fault : breaking_off) {
    each_mode(fault, [&](const Server& server, const std::string& mode) {
      const Proxied db(server, mode);
      db.proxy->plan_all(fault.plan);
      const Failed failed = db.failure({.timeout = 20s});
      CHECK(failed.took < 10s);
      check_not_opened(failed);
      db.proxy->plan_all({});
      CHECK(db.answers());
    });
  }
}

}  // namespace faults
