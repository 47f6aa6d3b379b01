// Names, and credentials, that the program is asked for when they are wanted.
#include <atomic>
#include <latch>
#include <thread>

#include "async_fixture.hpp"

using namespace std::chrono_literals;
using trunkline::event;
using trunkline::event_kind;

namespace {

struct ResolverFixture : AsyncFixture {
  // Knows tenants, and counts how often it is asked.
  auto tenants() {
    return [this](std::string_view name) -> std::optional<std::string> {
      ++asked;
      if (!name.starts_with("tenant")) return std::nullopt;
      return address();
    };
  }
  [[nodiscard]] int one(std::string_view name) const { return registry.on(name).query("SELECT 1").value<int>(); }
  [[nodiscard]] trunkline::error error_on(std::string_view name) const {
    return error_of([&] { static_cast<void>(one(name)); });
  }

  std::atomic<int> asked = 0;
};

}  // namespace

TEST_CASE_FIXTURE(ResolverFixture, "a name is asked for once, by its first verb, and remembered") {
  {
    const auto answering = registry.resolver(tenants());
    const auto tenant = registry.on("tenant_1");
    CHECK(asked == 0);
    CHECK_FALSE(registry.has("tenant_1"));
    CHECK(tenant.query("SELECT 42").value<int>() == 42);
    CHECK(one("tenant_1") == 1);
    registry.connect("tenant_2");
    CHECK(asked == 2);
  }
  CHECK(one("tenant_1") == 1);
  CHECK(error_on("tenant_3").status() == TL_E_NOT_FOUND);
}

TEST_CASE_FIXTURE(ResolverFixture, "many who want the same name ask once") {
  std::latch begun(16);
  const auto answering = registry.resolver([&, find = tenants()](std::string_view name) mutable {
    begun.wait();  // all of them ask
    return find(name);
  });
  std::atomic<int> right = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 16; ++i) {
      threads.emplace_back([&] {
        auto answer = registry.on(queue, "tenant").query("SELECT 1");
        begun.arrive_and_wait();
        right += answer.get().value<int>() + one("tenant");
      });
    }
  }
  CHECK(right == 32);
  CHECK(asked == 1);
}

TEST_CASE_FIXTURE(ResolverFixture, "that there is no such connection is not remembered") {
  const auto answering = registry.resolver(tenants());
  for (int i = 0; i < 2; ++i) {
    const auto failure = error_on("nobody");
    CHECK(failure.status() == TL_E_NOT_FOUND);
    CHECK(failure.connection() == "nobody");
  }
  CHECK(asked == 2);
}

TEST_CASE_FIXTURE(ResolverFixture, "answers that cannot be used are failures on both sides") {
  const auto find = [](std::string_view name) -> std::string {
    if (name == "throws") throw std::runtime_error("a secret");
    if (name == "busy") throw trunkline::error(TL_E_BUSY, "come back later");
    if (name == "latin") throw trunkline::error(TL_E_UNAVAILABLE, "caf\xe9");
    return name == "settings" ? "driver = 'sqlite'\ndatabse = 'x'" : "\xff";
  };
  const auto fails = [&](std::string_view name, tl_status status, std::string_view text) {
    const auto failure = error_on(name);
    CHECK_MESSAGE(failure.status() == status, failure.what());
    CHECK_MESSAGE(contains(failure.what(), text), failure.what());
    CHECK_FALSE(contains(failure.what(), "secret"));
  };
  auto answering = registry.resolver(find);
  fails("busy", TL_E_BUSY, "come back later");
  fails("throws", TL_E_UNAVAILABLE, "failed");
  fails("settings", TL_E_CONFIGURATION, "databse");
  CHECK_THROWS_WITH_AS(answering.close(), "a secret", std::runtime_error);  // the first; what it said of busy is said
  answering = registry.resolver(find);
  fails("settings", TL_E_CONFIGURATION, "databse");
  const auto told = error_of([&] { answering.close(); });
  CHECK(told.status() == TL_E_CONFIGURATION);
  CHECK(contains(told.what(), "databse"));
  answering = registry.resolver(find);
  fails("bytes", TL_E_MISUSE, "UTF-8");
  CHECK(error_of([&] { answering.close(); }).status() == TL_E_MISUSE);
  answering = registry.resolver(find);
  fails("latin", TL_E_UNAVAILABLE, "failed");
  CHECK(error_of([&] { answering.close(); }).status() == TL_E_UNAVAILABLE);
  CHECK(error_of([&] { static_cast<void>(registry.resolver(find, -1ms)); }).status() == TL_E_MISUSE);
}

TEST_CASE_FIXTURE(ResolverFixture, "nobody waits for himself") {
  std::atomic<tl_status> inner = TL_OK;
  const auto answering = registry.resolver([&](std::string_view) {
    inner = error_on("tenant_2").status();
    return address();
  });
  CHECK(one("tenant_1") == 1);
  CHECK(inner == TL_E_BUSY);
}

TEST_CASE_FIXTURE(ResolverFixture,
                  "on a queue that only its caller drives, get() is answered and a blocking verb refused") {
  auto answering = registry.resolver(queue, tenants());
  CHECK(registry.on(queue, "tenant_1").query("SELECT 7").get().value<int>() == 7);
  const auto failure = error_on("tenant_2");
  CHECK(failure.status() == TL_E_BUSY);
  CHECK(contains(failure.what(), "wait for itself"));
  auto bad = registry.resolver(queue, [](std::string_view) -> std::string { throw std::logic_error("mine"); });
  answering.close();
  auto answer = registry.on(queue, "tenant_3").query("SELECT 8");
  CHECK_THROWS_AS(static_cast<void>(answer.get()), std::logic_error);
  CHECK(error_of([&] { static_cast<void>(answer.get()); }).status() == TL_E_UNAVAILABLE);
}

TEST_CASE_FIXTURE(ResolverFixture, "a resolver looks the answer up on the queue where it is asked") {
  auto answering = registry.resolver(
      queue, [&](std::string_view) { return db.query("SELECT ?", address()).get().value<std::string>(); });
  CHECK(registry.on(queue, "tenant").query("SELECT 7").get().value<int>() == 7);
}

TEST_CASE_FIXTURE(ResolverFixture, "when nobody answers any more those who wait are told at once") {
  for (const bool driven : {false, true}) {
    std::latch begun(1);
    std::latch told(1);
    auto own = registry.queue();
    const auto slow = [&](std::string_view) {
      begun.count_down();
      told.wait();
      return address();
    };
    auto answering = driven ? registry.resolver(own, slow) : registry.resolver(slow);
    std::jthread driving([&] { own.run(); });
    std::jthread asking([&] {
      const auto failure = error_on("tenant");
      CHECK(failure.status() == TL_E_NOT_FOUND);
      CHECK(contains(failure.what(), "nobody answers"));
      told.count_down();
    });
    begun.wait();
    answering.close();
  }
}

TEST_CASE_FIXTURE(ResolverFixture, "what nobody uses is forgotten, and asked for again") {
  const auto answering = registry.resolver(tenants(), 50ms);
  const auto tenant = registry.on("tenant");
  CHECK(tenant.query("SELECT 1").value<int>() == 1);
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (registry.has("tenant") && std::chrono::steady_clock::now() < until) sched_yield();
  CHECK_FALSE(registry.has("tenant"));
  CHECK(tenant.query("SELECT 1").value<int>() == 1);
  CHECK(asked == 2);
}

TEST_CASE_FIXTURE(ResolverFixture, "questions are answered later, by hand") {
  std::vector<event> questions;
  const auto listening =
      registry.subscribe(queue, event_kind::ask_name, [&](const event& asked_for) { questions.push_back(asked_for); });
  auto found = registry.on(queue, "tenant").query("SELECT 7");
  auto refused = registry.on(queue, "nobody").query("SELECT 8");
  while (questions.size() < 2) CHECK(queue.run_one(20s));
  CHECK(questions[0].kind == event_kind::ask_name);
  CHECK(questions[0].connection == "tenant");
  CHECK(registry.answer(questions[0].question, address()));
  CHECK_FALSE(registry.answer(questions[0].question, address()));
  CHECK(registry.refuse(questions[1].question, TL_E_PERMISSION, "not for you"));
  CHECK(found.get().value<int>() == 7);
  const auto failure = error_of([&] { static_cast<void>(refused.get()); });
  CHECK(failure.status() == TL_E_PERMISSION);
  CHECK(contains(failure.what(), "not for you"));
}

TEST_CASE_FIXTURE(ResolverFixture, "credentials are asked for when a session is opened") {
  if (target() == "sqlite") return;
  const bool scram = target() == "postgresql";
  const trunkline::credentials right{.password = variable(scram ? "TL_PG_SCRAM_PASSWORD" : "TL_MARIADB_PASSWORD"),
                                     .user = variable(scram ? "TL_PG_SCRAM_USER" : "TL_MARIADB_PASSWORD_USER"),
                                     .valid = 1h};
  for (const std::string name : {"good", "nobody", "quoted", "negative", "unheard", "queued"}) {
    registry.add(name, address() + "credentials = 'ask'\n");
  }
  {
    auto answering = registry.credentials([&](std::string_view name) -> std::optional<trunkline::credentials> {
      ++asked;
      if (name == "nobody") return std::nullopt;
      if (name == "quoted") return trunkline::credentials{.password = "canary\n", .user = "no\"body\\"};
      return trunkline::credentials{right.password, right.user, name == "negative" ? -1ms : right.valid};
    });
    CHECK(one("good") == 1);
    CHECK(registry.on("good").pin().query("SELECT 2").value<int>() == 2);
    CHECK(asked == 1);
    CHECK(error_on("nobody").status() == TL_E_AUTHENTICATION);
    const auto failure = error_on("quoted");
    CHECK_MESSAGE(contains(failure.what(), "no\"body\\"), failure.what());
    CHECK(error_on("negative").status() == TL_E_MISUSE);
    CHECK(error_of([&] { answering.close(); }).status() == TL_E_MISUSE);
  }
  CHECK(error_on("unheard").status() == TL_E_AUTHENTICATION);
  const auto answering = registry.credentials(queue, [&](std::string_view) { return right; });
  CHECK(registry.on(queue, "queued").query("SELECT 7").get().value<int>() == 7);
}
