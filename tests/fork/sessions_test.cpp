// What a forked child does with connections, and what it leaves alone.
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "arrow_abi.hpp"
#include "forking.hpp"
#include "proxy.hpp"

namespace forking {
namespace {

using trunkline::mode;
using trunkline::registry;
using trunkline::result;

int64_t backend(const trunkline::connection& db, const Database& of) { return db.query(of.backend).value<int64_t>(); }

// Everything that a process may have of a connection.
struct Everything {
  Everything(const registry& of, const Database& database)
      : db(of.on("db")),
        pinned(of.on("db", mode::read).pin()),
        running(db.begin()),
        reading(db.begin({.read_only = true})),
        whole(db.query("SELECT 41 UNION ALL SELECT 42")),
        streamed(db.query({.stream = true}, database.stream)),
        queue(of.queue()),
        queued(of.on(queue, "db")),
        pending(queued.query("SELECT 7")),
        ids{backend(pinned, database), backend(running, database)} {
    while (!pending.ready()) (void)queue.run_one();
  }

  // "": in the parent all of it goes on; else what does not.
  [[nodiscard]] std::string go_on(const Database& database) {
    std::string wrong;
    if (backend(pinned, database) != ids[0] || backend(running, database) != ids[1]) wrong += "other sessions; ";
    running.commit();
    int64_t rows = 0;
    while (const auto batch = streamed.next()) rows += batch->rows();
    if (rows != 100'000) wrong += std::to_string(rows) + " rows; ";
    if (pending.get().value<int>() != 7) wrong += "another answer; ";
    return wrong;
  }
  // "": in a child what can go on does, and the rest says why it does not.
  [[nodiscard]] std::string go_on_in_child(const registry& of, const Database& database) {
    std::string wrong;
    const int64_t own = backend(db, database);
    if (!database.end.empty() && (own == ids[0] || own == ids[1])) wrong += "the parent's session; ";
    if (whole.next()->get<int64_t>(0, 0) != 41) wrong += "what had been read cannot be; ";
    wrong += belongs_to_parent([&] { pinned.query("SELECT 1"); });
    wrong += belongs_to_parent([&] { running.query("SELECT 1"); });
    wrong += belongs_to_parent([&] { static_cast<void>(running.begin()); });
    wrong += belongs_to_parent([&] { reading.query("INSERT INTO nowhere VALUES (1)"); });
    wrong += belongs_to_parent([&] { reading.query("COMMIT"); });
    wrong += belongs_to_parent([&] { running.commit(); });
    wrong += belongs_to_parent([&] {
      while (streamed.next()) continue;
    });
    wrong += belongs_to_parent([&] { static_cast<void>(queued.query("SELECT 1")); });
    wrong += belongs_to_parent([&] { static_cast<void>(queue.run_one()); });
    if (pending.get().value<int>() != 7) wrong += "what had arrived cannot be read; ";
    if (queue.fd() != -1) wrong += "the queue has a descriptor; ";
    const trunkline::queue fresh = of.queue();
    if (of.on(fresh, "db").query("SELECT 8").get().value<int>() != 8) wrong += "a queue answers another; ";
    const trunkline::transaction transaction = db.begin({.read_only = true});
    if (transaction.query("SELECT 9").value<int>() != 9) wrong += "a transaction answers another; ";
    return wrong;
  }

  trunkline::connection db, pinned;
  trunkline::transaction running, reading;
  result whole, streamed;
  trunkline::queue queue;
  trunkline::async_connection queued;
  trunkline::pending<result> pending;
  std::vector<int64_t> ids;
};

std::string sessions_of(const registry& of) {
  auto table = of.inspect("sessions");
  int64_t rows = 0;
  while (const auto batch = table.next()) rows += batch->rows();
  return std::to_string(rows);
}

}  // namespace

TEST_CASE("a child has sessions of its own, and the parent keeps its") {
  for (const Database& database : databases()) {
    CAPTURE(database.name);
    const registry of = opened(database);
    Everything had(of, database);
    CHECK(in_child([&] { return sessions_of(of); }) == "0");
    CHECK(in_child([&] { return had.go_on_in_child(of, database); }) == "");
    CHECK(in_child([&] {  // a child's child, with sessions in both
            const trunkline::connection own = of.on("db", mode::read).pin();
            own.query("SELECT 1");
            return in_child(
                [&] { return had.go_on_in_child(of, database) + belongs_to_parent([&] { own.query("SELECT 1"); }); });
          }) == "");
    CHECK(had.go_on(database) == "");
  }
}

TEST_CASE("a child that lets go of all, and ends, says no word to the parent's servers") {
  for (const Database& database : databases()) {
    if (database.end.empty()) continue;
    CAPTURE(database.name);
    faults::Proxy proxy(database.port);
    const registry of = opened_at(database, proxy.port());
    auto had = std::make_unique<Everything>(of, database);
    const faults::Traffic before = proxy.traffic();
    const int held = proxy.held();
    CHECK(in_child([&] {
            had.reset();
            return "";
          }) == "");
    std::fflush(nullptr);
    const pid_t exiting = ::fork();
    if (exiting == 0) std::exit(0);
    int status = 0;
    REQUIRE(waitpid(exiting, &status, 0) == exiting);
    CHECK(status == 0);
    CHECK(proxy.traffic().client_bytes == before.client_bytes);
    CHECK(proxy.traffic().connections == before.connections);
    CHECK(proxy.held() == held);
    CHECK(had->go_on(database) == "");
  }
}

// Sockets of a child's own, among whose numbers are those of its parent's sessions.
class OwnSockets {
 public:
  OwnSockets() {
    for (auto& pair : pairs_) REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
  }
  [[nodiscard]] std::string what_happened() const {
    for (const auto& pair : pairs_) {
      for (const int each : pair) {
        struct stat status {};
        char byte = 0;
        if (fstat(each, &status) != 0) return "one was closed";
        if (recv(each, &byte, 1, 0) > 0) return "something was written into one";
      }
    }
    return "";
  }

 private:
  int pairs_[16][2];
};

TEST_CASE("an Arrow stream that is released in a child ends no session of the parent's") {
  for (const Database& database : databases()) {
    if (database.end.empty()) continue;
    CAPTURE(database.name);
    std::string toml = "[limits]\nmax_open = 2\n";
    for (const char* const name : {"streams", "rests", "first", "second", "third"}) {
      toml += std::string("[connections.") + name + "]\n" + database.lines;
    }
    const registry of = registry::parse(toml);
    ArrowArrayStream stream;
    of.on("streams").query({.stream = true}, database.stream).export_stream(&stream);
    of.on("rests").query("SELECT 1");
    CHECK_THROWS_AS(static_cast<void>(of.remove("streams", 1ms)), trunkline::error);  // as long as it is read
    CHECK(in_child([&] {
            const OwnSockets sockets;
            const trunkline::connection first = of.on("first").pin();
            ArrowArray array;
            while (stream.get_next(&stream, &array) == 0) {  // what had been read
              if (array.release == nullptr) return std::string("it can be read to its end");
              array.release(&array);
            }
            if (std::string(stream.get_last_error(&stream)).find("parent process") == std::string::npos)
              return std::string("another error");
            stream.release(&stream);
            const trunkline::connection second = of.on("second").pin();
            try {
              of.on("third").query({.timeout = 500ms}, "SELECT 1");
              return std::string("the limit does not hold");
            } catch (const trunkline::error&) {
            }
            return sockets.what_happened();
          }) == "");
    CHECK(of.on("rests").query("SELECT 2").value<int>() == 2);
    int64_t rows = 0;
    for (;;) {
      ArrowArray array;
      REQUIRE(stream.get_next(&stream, &array) == 0);
      if (array.release == nullptr) break;
      rows += array.length;
      array.release(&array);
    }
    CHECK(rows == 100'000);
    stream.release(&stream);
  }
}

TEST_CASE("a stream that another thread reads belongs to the parent in a child") {
  const registry of = registry::parse("[connections.db]\ndriver = 'sqlite'\ndatabase = ':memory:'\n");
  trunkline::operation operation = of.operation();
  result streamed = of.on("db").query({.stream = true, .batch_rows = 1, .cancel_by = &operation},
                                      "SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT * FROM (WITH RECURSIVE n (i) AS "
                                      "(SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n)");
  CHECK(streamed.next()->get<int64_t>(0, 0) == 1);
  std::thread reader([&] { CHECK_THROWS_AS(while (streamed.next()) continue, trunkline::error); });
  const auto computes = [&] {
    clockid_t clock{};
    timespec used{};
    (void)pthread_getcpuclockid(reader.native_handle(), &clock);
    (void)clock_gettime(clock, &used);
    return used.tv_sec > 0 || used.tv_nsec > 50'000'000;
  };
  while (!computes()) std::this_thread::yield();
  CHECK(in_child([&] { return belongs_to_parent([&] { static_cast<void>(streamed.next()); }); }) == "");
  operation.cancel();
  reader.join();
}

TEST_CASE("a queue that threads of the parent drive is closed in a child, and goes without a wait") {
  const registry of = registry::parse("[connections.db]\ndriver = 'sqlite'\ndatabase = ':memory:'\n");
  auto queue = std::make_unique<trunkline::queue>(of.queue());
  auto queued = std::make_unique<trunkline::async_connection>(of.on(*queue, "db"));
  trunkline::pending<result> ready = queued->query("SELECT 7");
  while (!ready.ready()) (void)queue->run_one();
  auto endless = std::make_unique<trunkline::pending<result>>(
      queued->query("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"));
  std::vector<std::thread> drivers;
  for (int i = 0; i < 2; ++i) drivers.emplace_back([&] { queue->run(); });
  for (int i = 0; i < 10; ++i) {
    const std::string wrong = in_child([&] {
      std::string told;
      told += belongs_to_parent([&] { queue->run(); });
      told += belongs_to_parent([&] { static_cast<void>(queue->run_one()); });
      told += belongs_to_parent([&] { static_cast<void>(queue->poll()); });
      told += belongs_to_parent([&] { static_cast<void>(queued->query("SELECT 1")); });
      told += belongs_to_parent([&] { static_cast<void>(endless->get()); });
      told += belongs_to_parent([&] { std::move(*endless).then([](auto) {}); });
      if (ready.get().value<int>() != 7) told += "what had arrived cannot be read; ";
      if (queue->fd() != -1) told += "it has a descriptor; ";
      queue->wake();
      queue->shutdown();
      endless.reset();
      queued.reset();
      queue.reset();
      const trunkline::queue fresh = of.queue();
      if (of.on(fresh, "db").query("SELECT 8").get().value<int>() != 8) told += "a queue answers another; ";
      return told;
    });
    CHECK(wrong == "");
    if (!wrong.empty()) break;
  }
  endless->cancel();
  for (std::thread& each : drivers) each.join();
  CHECK_THROWS_AS(static_cast<void>(endless->get()), trunkline::error);
  CHECK(ready.get().value<int>() == 7);
}

TEST_CASE("closing in a child closes nothing of the parent's") {
  for (const Database& database : databases()) {
    CAPTURE(database.name);
    const registry of = opened(database);
    Everything had(of, database);
    CHECK(in_child([&] {
            of.close();
            of.connect("db");
            (void)of.remove("db");
            return of.has("db") ? "still there" : "";
          }) == "");
    CHECK(had.go_on(database) == "");
  }
}

TEST_CASE("a child that sleeps costs the parent nothing when the server ends its sessions") {
  for (const Database& database : databases()) {
    if (database.end.empty()) continue;
    CAPTURE(database.name);
    const registry of = opened(database, "min = 4\nmax = 8\n");
    const trunkline::queue queue = of.queue();
    const trunkline::async_connection queued = of.on(queue, "db");
    (void)queued.query("SELECT 1").get();
    const trunkline::connection pinned = of.on("db").pin();
    const int64_t id = backend(pinned, database);
    Child child([] {
      Child::wait();
      return "";
    });
    const registry other = opened(database);
    std::string end = database.end;
    try {
      other.on("db").query(end.replace(end.find("{id}"), 4, std::to_string(id)));
    } catch (const trunkline::error& error) {
      MESSAGE(error.what());
    }
    const auto used = [] {
      rusage usage{};
      getrusage(RUSAGE_SELF, &usage);
      return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
             1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    };
    const double before = used();
    CHECK_FALSE(queue.run_one(500ms));
    CHECK(used() - before < 0.1);
    child.go_on();
    CHECK(child.answer() == "");
  }
}

TEST_CASE("a child and its programs have no descriptor of the parent's sessions, queues and threads") {
  std::vector<registry> all;
  std::vector<std::unique_ptr<Everything>> had;
  const int before = open_descriptors();
  for (const Database& database : databases()) {
    all.push_back(opened(database));
    had.push_back(std::make_unique<Everything>(all.back(), database));
    trunkline::operation operation = all.back().operation();
    had.back()->db.query({.cancel_by = &operation}, "SELECT 1");
  }
  CHECK(open_descriptors() > before + 8);
  const auto kinds = [] {
    std::string found;
    for (const auto& each : std::filesystem::directory_iterator("/proc/self/fd")) {
      std::error_code gone;
      const std::string is = std::filesystem::read_symlink(each.path(), gone).string();
      if (is.starts_with("socket:") || is.starts_with("anon_inode:")) found += is + "; ";
    }
    return found;
  };
  CHECK(kinds() != "");
  CHECK(in_child(kinds) == "");
  const std::string list = faults::folder() + "/descriptors";
  REQUIRE(std::system(("ls /proc/self/fd | wc -l >" + list).c_str()) == 0);
  int count = 0;
  std::ifstream(list) >> count;
  CHECK(count <= 4);  // standard ones, and that of the folder
}

TEST_CASE("the limit over all sessions is of each process") {
  for (const Database& database : databases()) {
    CAPTURE(database.name);
    const registry of = registry::parse("[limits]\nmax_open = 1\n[connections.db]\n" + database.lines);
    const auto ask = [&] {
      const trunkline::connection pinned = of.on("db").pin();
      return pinned.query("SELECT 1").value<int>() == 1 ? "" : "another answer";
    };
    const trunkline::connection pinned = of.on("db").pin();
    CHECK(in_child(ask) == "");
    CHECK(pinned.query("SELECT 1").value<int>() == 1);
  }
}

TEST_CASE("names and settings that were added are a child's, too, and what it adds is its own") {
  const registry of = registry::parse("[connections.a]\ndriver = 'sqlite'\ndatabase = ':memory:'\n");
  const std::string settings = "driver = 'sqlite'\ndatabase = ':memory:'";
  (void)of.add("b", settings);
  of.on("a").query("CREATE TABLE here (a)");
  of.close("b");
  CHECK(in_child([&] {
          if (of.on("a").query("SELECT count(*) FROM sqlite_master").value<int>() != 0) return "the parent's memory";
          (void)of.add("c", settings);
          if (of.on("c").query("SELECT 3").value<int>() != 3) return "another answer";
          try {
            of.on("b").query("SELECT 1");
            return "what was closed is open";
          } catch (const trunkline::error& error) {
            return error.status() == TL_E_CLOSED ? "" : "another error";
          }
        }) == "");
  CHECK_FALSE(of.has("c"));
  CHECK(of.on("a").query("SELECT count(*) FROM here").value<int>() == 0);
}

TEST_CASE("in a child nobody is subscribed, what ends a subscription waits for nobody, and it may subscribe anew") {
  using trunkline::event;
  using trunkline::event_kind;
  for (const Database& database : databases()) {
    CAPTURE(database.name);
    const registry of = opened(database);
    std::atomic<int> told = 0;
    const auto count = [&](const event&) { ++told; };
    const auto settings = [&](std::string_view) { return database.lines; };
    const auto await = [&](int wanted) {
      const auto until = faults::Clock::now() + 20s;
      while (told < wanted && faults::Clock::now() < until) sched_yield();
      return told >= wanted;
    };
    auto listening = of.subscribe(event_kind::query, count);
    auto answering = of.resolver(settings);
    CHECK(of.on("of_parent").query("SELECT 1").value<int>() == 1);
    CHECK(await(1));
    for (int i = 0; i < 5; ++i) {
      CHECK(in_child([&] {
              told = 0;
              of.on("db").query("SELECT 1");
              listening.close();
              if (told != 0) return "it was told to the parent's listener";
              const auto own = of.subscribe(event_kind::query, count);
              answering = of.resolver(settings);
              if (of.on("of_child").query("SELECT 1").value<int>() != 1) return "another answer";
              return await(1) ? "" : "nothing was told";
            }) == "");
    }
    CHECK(of.on("of_parent_again").query("SELECT 1").value<int>() == 1);
    CHECK(await(2));
  }
}

}  // namespace forking
