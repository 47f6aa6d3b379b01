// One process of many that write and read one file: `crowd FILE PROCESS THREADS SECONDS` says "ready", begins at a line
// from its parent, and ends with a line of figures. FILE.PROCESS then has each id that it wrote and the library
// acknowledged. What goes wrong is told on stderr, and by its end.
#include <atomic>
#include <chrono>
#include <fstream>
#include <iostream>
#include <mutex>
#include <string>
#include <thread>
#include <trunkline/trunkline.hpp>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct Figures {
  int64_t transactions = 0, reads = 0;
  Clock::duration worst_write{0}, worst_read{0};
};

std::atomic<int> failures = 0;
std::mutex telling;

void tell(const std::string& what) {
  const std::lock_guard lock(telling);
  if (++failures <= 20) std::cerr << what << '\n';
}

// One thread's. Its ids are consecutive, and nobody else's.
class Member {
 public:
  Member(const trunkline::registry& registry, int64_t first) : db_(registry.on("file")), next_(first), first_(first) {}

  void run(Clock::time_point until) {
    for (int turn = 0; Clock::now() < until; ++turn) {
      const Clock::time_point began = Clock::now();
      const bool writes = turn % 8 < 5;
      try {
        act(turn % 8, turn);
      } catch (const trunkline::error& e) {
        tell("kind " + std::to_string(turn % 8) + ": " + e.status_name() + ": " + e.what());
        next_ = acknowledged_.empty() ? first_ : acknowledged_.back() + 1;
      }
      Clock::duration& worst = writes ? figures.worst_write : figures.worst_read;
      worst = std::max(worst, Clock::now() - began);
      ++(writes ? figures.transactions : figures.reads);
    }
  }
  [[nodiscard]] const std::vector<int64_t>& acknowledged() const { return acknowledged_; }

  Figures figures;

 private:
  void act(int kind, int turn) {
    switch (kind) {
      case 0: write_alone(); return;
      case 1: write_in_transaction(); return;
      case 2: write_many(); return;
      case 3: load(); return;
      case 4: write_in_text(); return;
      case 5: read_back(); return;
      case 6: read_twice(); return;
      default:
        if (turn % 64 == 7) read_total();
    }
  }

  void write_alone() {
    db_.query("INSERT INTO ledger VALUES (?)", next_);
    acknowledge(1);
  }
  void write_in_transaction() {
    db_.transaction([this](trunkline::connection& tx) {
      if (tx.query("SELECT count(*) FROM ledger WHERE id = ?", next_).value<int64_t>() != 0) tell("an id is there");
      tx.query("INSERT INTO ledger VALUES (?)", next_);
      tx.query("INSERT INTO ledger VALUES (?)", next_ + 1);
    });
    acknowledge(2);
  }
  void write_many() {
    db_.execute_many("INSERT INTO ledger VALUES (?)",
                     std::vector{std::tuple{next_}, std::tuple{next_ + 1}, std::tuple{next_ + 2}});
    acknowledge(3);
  }
  void load() {
    db_.load("ledger", {"id"}, std::vector{std::tuple{next_}, std::tuple{next_ + 1}});
    acknowledge(2);
  }
  void write_in_text() {
    const auto pinned = db_.pin();
    pinned.query("BEGIN IMMEDIATE");
    pinned.query("INSERT INTO ledger VALUES (?)", next_);
    pinned.query("COMMIT");
    acknowledge(1);
  }
  // What was acknowledged is seen by whoever asks afterwards, once.
  void read_back() {
    const int64_t from = std::max(first_, next_ - 50);
    const auto seen = db_.query("SELECT count(*) FROM ledger WHERE id >= ? AND id < ?", from, next_).value<int64_t>();
    if (seen != next_ - from) tell("of " + std::to_string(next_ - from) + " ids " + std::to_string(seen) + " are seen");
  }
  // A transaction that reads sees one state of the file.
  void read_twice() {
    db_.transaction({.read_only = true}, [](trunkline::connection& tx) {
      const auto before = tx.query("SELECT n FROM total").value<int64_t>();
      std::this_thread::yield();
      if (tx.query("SELECT n FROM total").value<int64_t>() != before) tell("a snapshot has changed");
    });
  }
  void read_total() {
    const auto off = db_.query("SELECT (SELECT n FROM total) - (SELECT count(*) FROM ledger)").value<int64_t>();
    if (off != 0) tell("the count is off by " + std::to_string(off));
  }
  void acknowledge(int64_t n) {
    for (; n > 0; --n) acknowledged_.push_back(next_++);
  }

  trunkline::connection db_;
  int64_t next_;
  int64_t first_;
  std::vector<int64_t> acknowledged_;
};

void make_tables(const trunkline::connection& db) {
  db.query("CREATE TABLE IF NOT EXISTS ledger (id INTEGER PRIMARY KEY)");
  db.transaction([](trunkline::connection& tx) {
    tx.query("CREATE TABLE IF NOT EXISTS total (n)");
    tx.query("INSERT INTO total SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM total)");
    tx.query("CREATE TRIGGER IF NOT EXISTS counted AFTER INSERT ON ledger BEGIN UPDATE total SET n = n + 1; END");
  });
}

int64_t milliseconds(Clock::duration time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
}

int run(const std::string& file, int process, int threads, int seconds) {
  const auto registry =
      trunkline::registry::parse("[connections.file]\ndriver = \"sqlite\"\ndatabase = \"" + file + "\"\n");
  std::cout << "ready" << std::endl;
  std::string go;
  std::getline(std::cin, go);
  make_tables(registry.on("file"));
  std::vector<Member> members;
  for (int i = 0; i < threads; ++i) members.emplace_back(registry, int64_t{process * threads + i} * 1'000'000'000);
  {
    std::vector<std::jthread> running;
    const Clock::time_point until = Clock::now() + std::chrono::seconds(seconds);
    for (Member& member : members) running.emplace_back([&member, until] { member.run(until); });
  }
  Figures all;
  std::ofstream ids(file + "." + std::to_string(process));
  for (const Member& member : members) {
    for (const int64_t id : member.acknowledged()) ids << id << '\n';
    all.transactions += member.figures.transactions;
    all.reads += member.figures.reads;
    all.worst_write = std::max(all.worst_write, member.figures.worst_write);
    all.worst_read = std::max(all.worst_read, member.figures.worst_read);
  }
  std::cout << all.transactions << ' ' << all.reads << ' ' << milliseconds(all.worst_write) << ' '
            << milliseconds(all.worst_read) << std::endl;
  return failures == 0 && ids.flush() ? 0 : 1;
}

}  // namespace

int main(int, char** arguments) {
  try {
    return run(arguments[1], std::stoi(arguments[2]), std::stoi(arguments[3]), std::stoi(arguments[4]));
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}
