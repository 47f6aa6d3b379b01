// Connections "db" and "narrow", with two sessions, on TL_TARGET, which is SQLite unless it is told; a queue, and the
// least coroutine type that there can be.
#pragma once
#include <coroutine>
#include <cstdlib>

#include "cpp_fixture.hpp"

// Runs at once to its first wait, and owns its frame. An exception that leaves it stays in it.
class Task {
 public:
  struct promise_type {
    Task get_return_object() { return Task(std::coroutine_handle<promise_type>::from_promise(*this)); }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { failure = std::current_exception(); }
    std::exception_ptr failure;
  };

  explicit Task(std::coroutine_handle<promise_type> frame) : frame_(frame) {}
  Task(Task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (frame_) frame_.destroy();
  }
  [[nodiscard]] bool done() const { return frame_.done(); }
  void check() const {
    REQUIRE(done());
    if (frame_.promise().failure) std::rethrow_exception(frame_.promise().failure);
  }

 private:
  std::coroutine_handle<promise_type> frame_;
};

struct AsyncFixture {
  AsyncFixture() : folder(CppFixture::make_folder()), registry(trunkline::registry::parse(configuration())) {
    const auto direct = registry.on("db");
    direct.query("DROP TABLE IF EXISTS people");
    direct.query("CREATE TABLE people (id INTEGER PRIMARY KEY, name VARCHAR(40) UNIQUE NOT NULL)");
  }
  AsyncFixture(const AsyncFixture&) = delete;
  AsyncFixture& operator=(const AsyncFixture&) = delete;
  ~AsyncFixture() {
    try {
      queue.run();
      registry.close();
    } catch (const trunkline::error& e) {
      MESSAGE(e.what());
    }
    std::error_code failure;  // a session that is still being closed removes files of its own
    do {
      std::filesystem::remove_all(folder, failure);
    } while (failure == std::errc::no_such_file_or_directory || failure == std::errc::directory_not_empty);
  }

  static std::string variable(const char* name) {
    const char* value = std::getenv(name);
    REQUIRE_MESSAGE(value != nullptr, name);
    return value;
  }
  static std::string target() {
    const char* value = std::getenv("TL_TARGET");
    return value == nullptr ? "sqlite" : value;
  }
  [[nodiscard]] std::string address() const {
    const std::string driver = "driver = '" + target() + "'\n";
    if (target() == "sqlite") return driver + "database = '" + (folder / "async.db").string() + "'\n";
    const std::string mark = target() == "postgresql" ? "TL_PG_" : "TL_MARIADB_";
    const auto of = [&](const char* name) { return variable((mark + name).c_str()); };
    const std::string port = target() == "postgresql" ? "port = " + of("PORT") + "\n" : "";
    return driver + "socket = '" + of("SOCKET") + "'\ndatabase = '" + of("DATABASE") + "'\nuser = '" + of("USER") +
           "'\n" + port;
  }
  [[nodiscard]] std::string configuration() const {
    return "default = 'db'\n[connections.db]\n" + address() + "[connections.narrow]\n" + address() + "pool.max = 2\n";
  }
  static std::string numbers_sql(int64_t n) {
    return "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " + std::to_string(n) +
           ") SELECT i FROM n";
  }
  // Takes far longer than any test.
  static std::string endless_sql() {
    if (target() == "mariadb") {
      return "SELECT count(*) FROM information_schema.columns a, information_schema.columns b, "
             "information_schema.columns c";
    }
    return "SELECT count(*) FROM (" + numbers_sql(1'000'000'000'000) + ") AS numbers";
  }
  [[nodiscard]] int64_t people() const {
    return registry.on("db").query("SELECT count(*) FROM people").value<int64_t>();
  }
  [[nodiscard]] int64_t leased(std::string_view name) const {
    auto table = registry.inspect("connections", name);
    return table.next()->get<int64_t>(0, table.index("leased"));
  }
  void await_leased(std::string_view name) const {
    while (leased(name) == 0) sched_yield();
  }

  std::filesystem::path folder;
  trunkline::registry registry;
  trunkline::queue queue = registry.queue();
  trunkline::async_connection db = registry.on(queue, "db");
  trunkline::async_connection narrow = registry.on(queue, "narrow");
};
