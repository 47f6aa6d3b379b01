// Forks at any moment of other threads, and processes that share a file.
#include <dlfcn.h>
#include <netdb.h>
#include <sqlite3.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <mutex>
#include <string_view>
#include <thread>

#include "forking.hpp"

// The C library's, for all of this program, whose locks are held while a name is looked up: at times, and for long.
extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints, addrinfo** out) {
  static const auto real = reinterpret_cast<decltype(&getaddrinfo)>(dlsym(RTLD_NEXT, "getaddrinfo"));
  static std::mutex of_c_library;
  if (node == nullptr || std::string_view(node) != "localhost") return real(node, service, hints, out);
  const std::lock_guard lock(of_c_library);
  constexpr timespec a_while{0, 2000000};
  nanosleep(&a_while, nullptr);
  return real(node, service, hints, out);
}

namespace forking {
namespace {

using trunkline::registry;

// Threads that do something for ever, as fast as they can.
class Hammers {
 public:
  template <class Act>
  void add(int threads, const Act& act) {
    for (int i = 0; i < threads; ++i) {
      threads_.emplace_back([this, act] {
        while (!over_) {
          try {
            act();
          } catch (const trunkline::error& error) {
            if (error.status() != TL_E_CLOSED && error.status() != TL_E_CANCELLED) wrong_ = true;
          }
          ++done_;
        }
      });
    }
  }
  ~Hammers() {
    over_ = true;
    for (std::thread& each : threads_) each.join();
    CHECK_FALSE(wrong_);
  }
  [[nodiscard]] int64_t done() const { return done_; }

 private:
  std::atomic<bool> over_ = false, wrong_ = false;
  std::atomic<int64_t> done_ = 0;
  std::vector<std::thread> threads_;
};

void fork_while_busy(const std::function<std::string()>& what, int times) {
  for (int i = 0; i < times; ++i) REQUIRE(in_child(what) == "");
}

// Each thread with a connection of its own, of these settings.
void fork_while_dialling(const std::string& lines) {
  const std::vector<std::string> names = {"a", "b", "c", "d"};
  std::string toml = "[connections.of_child]\n" + lines;
  for (const std::string& name : names) toml += "[connections." + name + "]\n" + lines;
  const registry of = registry::parse(toml);
  Hammers hammers;
  for (const std::string& name : names) {
    hammers.add(1, [&of, name] {
      of.connect(name);
      of.on(name).query("SELECT 1");
      of.close(name);
    });
  }
  fork_while_busy([&] { return of.on("of_child").query("SELECT 2").value<int>() == 2 ? "" : "another answer"; },
                  rounds(200));
}

}  // namespace

TEST_CASE("a child answers, whatever the parent's threads were doing") {
  for (const Database& database : databases()) {
    CAPTURE(database.name);
    const registry of = opened(database, "max = 3\n");
    const trunkline::connection db = of.on("db");
    const trunkline::queue queue = of.queue();
    const trunkline::async_connection queued = of.on(queue, "db");
    std::atomic<int> number = 0;
    Hammers hammers;
    hammers.add(2, [&] { db.query("SELECT " + std::to_string(++number % 1000)); });
    hammers.add(1, [&] {
      trunkline::operation operation = of.operation();
      db.query({.cancel_by = &operation}, "SELECT 2");
      operation.cancel();
    });
    hammers.add(1, [&] {
      std::vector<trunkline::pending<trunkline::result>> several;
      for (int i = 0; i < 8; ++i) several.push_back(queued.query("SELECT 3"));
      for (auto& each : several) (void)each.get();
    });
    hammers.add(1, [&] {
      const std::string name = "added" + std::to_string(++number);
      (void)of.add(name, "driver = 'sqlite'\ndatabase = ':memory:'");
      of.on(name).query("SELECT 4");
      (void)of.inspect("pools");
      (void)of.remove(name);
    });
    fork_while_busy(
        [&] {
          (void)of.add("child's", "driver = 'sqlite'\ndatabase = ':memory:'");
          const int64_t sum =
              db.query("SELECT 5").value<int64_t>() + of.on("child's").query("SELECT 6").value<int64_t>();
          return sum == 11 ? "" : "another answer";
        },
        rounds(300));
    CHECK(hammers.done() > 0);
  }
}

TEST_CASE("a child can dial, though threads of the parent were dialling") {
  for (const Database& database : databases()) {
    if (database.end.empty()) continue;
    CAPTURE(database.name);
    fork_while_dialling(database.lines);
  }
}

TEST_CASE("a child can look up names, though threads of the parent were looking up some") {
  for (const Database& database : databases()) {
    const std::string address = "127.0.0.1";
    std::string lines = database.lines;
    if (database.end.empty() || lines.find("disable") == std::string::npos) continue;
    CAPTURE(database.name);
    fork_while_dialling(lines.replace(lines.find(address), address.size(), "localhost"));
  }
}

TEST_CASE("a process and its children take turns at a file") {
  const std::string file = faults::folder() + "/shared.db";
  const registry of = registry::parse("[connections.db]\ndriver = 'sqlite'\ndatabase = '" + file + "'\n");
  const trunkline::connection db = of.on("db");
  db.query("CREATE TABLE counted (n int)");
  db.query("INSERT INTO counted VALUES (0)");
  const auto count = [&] {
    for (int i = 0; i < 50; ++i) {
      db.transaction([](trunkline::transaction& tx) {
        const auto n = tx.query("SELECT n FROM counted").value<int64_t>();
        tx.query("UPDATE counted SET n = ?", n + 1);
      });
    }
    return "";
  };
  trunkline::transaction open = db.begin();
  open.query("UPDATE counted SET n = n + 1");
  Child first(count), second(count);
  Child reader([&] { return db.query("SELECT n FROM counted").value<int>() == 0 ? "" : "what is not committed"; });
  CHECK(reader.answer() == "");
  open.commit();
  count();
  CHECK(first.answer() == "");
  CHECK(second.answer() == "");
  CHECK(db.query("SELECT n FROM counted").value<int>() == 151);
}

TEST_CASE("a file stays whole when the parent closes it and children go on") {
  const std::string file = faults::folder() + "/left.db";
  const registry of = registry::parse("[connections.db]\ndriver = 'sqlite'\ndatabase = '" + file + "'\n");
  const trunkline::connection db = of.on("db");
  db.query("CREATE TABLE t (a)");
  Child child([&] {
    db.query("INSERT INTO t VALUES (1)");
    Child::wait();
    db.query("INSERT INTO t VALUES (2)");
    of.close();
    return "";
  });
  while (db.query("SELECT count(*) FROM t").value<int>() == 0) std::this_thread::yield();
  of.close();
  CHECK(std::filesystem::exists(file + "-wal"));  // whoever closes it last takes it away
  child.go_on();
  CHECK(child.answer() == "");
  CHECK_FALSE(std::filesystem::exists(file + "-wal"));
  of.connect("db");
  CHECK(db.query("SELECT count(*) FROM t").value<int>() == 2);
}

TEST_CASE("a child of a process that computes in SQLite uses it") {
  const registry of = registry::parse(
      "[connections.db]\ndriver = 'sqlite'\ndatabase = ':memory:'\n"
      "[connections.other]\ndriver = 'sqlite'\ndatabase = ':memory:'\n");
  const trunkline::connection db = of.on("db");
  trunkline::operation operation = of.operation();
  std::thread busy([&] {
    try {
      db.query({.cancel_by = &operation},
               "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
               "SELECT max(printf('%d', i)) FROM n");
    } catch (const trunkline::error&) {
    }
  });
  auto leased = [&] {
    auto table = of.inspect("leases");
    return table.next().has_value();
  };
  while (!leased()) std::this_thread::yield();
  fork_while_busy([&] { return of.on("other").query("SELECT 1").value<int>() == 1 ? "" : "another answer"; },
                  rounds(100));
  operation.cancel();
  busy.join();
}

TEST_CASE("where SQLite was not left in time its connections in a child say so") {
  const registry of = registry::parse("[connections.db]\ndriver = 'sqlite'\ndatabase = ':memory:'\n");
  const trunkline::connection db = of.on("db");
  db.query("SELECT 1");
  std::atomic<int> stage = 0;
  std::thread inside([&] {
    sqlite3_mutex* const mutex = sqlite3_mutex_alloc(SQLITE_MUTEX_STATIC_PRNG);
    sqlite3_mutex_enter(mutex);
    stage = 1;
    while (stage == 1) std::this_thread::yield();
    sqlite3_mutex_leave(mutex);
  });
  while (stage == 0) std::this_thread::yield();
  const auto time_of_a_fork = [] {
    const Clock::time_point before = Clock::now();
    const Child child([] { return ""; });
    return Clock::now() - before;
  };
  const Clock::time_point began = Clock::now();
  Child child([&]() -> std::string {
    if (std::min({time_of_a_fork(), time_of_a_fork(), time_of_a_fork()}) > 150ms) return "its own forks wait again";
    try {
      db.query("SELECT 1");
      return "it answers";
    } catch (const trunkline::error& error) {
      return error.status() == TL_E_UNAVAILABLE ? error.what() : "another error";
    }
  });
  CHECK(Clock::now() - began < 2s);
  CHECK(child.answer().find("another thread of its parent was inside SQLite") != std::string::npos);
  stage = 2;
  inside.join();
  CHECK(db.query("SELECT 1").value<int>() == 1);
  CHECK(in_child([&] { return db.query("SELECT 1").value<int>() == 1 ? "" : "another answer"; }) == "");
}

}  // namespace forking
