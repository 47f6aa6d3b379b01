// What the tests of forks share: children, and databases that both processes use.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "faults.hpp"

namespace forking {

using namespace std::chrono_literals;
using faults::Clock;

// A forked child that runs `what`, and ends with what that answers.
class Child {
 public:
  explicit Child(const std::function<std::string()>& what);
  ~Child();  // ends it, if it has not
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  // Its answer; what it threw; or that it has crashed, or not ended in time.
  [[nodiscard]] std::string answer(std::chrono::milliseconds within = 20s);
  // One that is to wait() goes on.
  void go_on() const;
  static void wait();  // [in the child] until go_on()

 private:
  int pid_ = -1;
  int from_ = -1;
  int to_ = -1;
};
[[nodiscard]] std::string in_child(const std::function<std::string()>& what);

struct Database {
  std::string name;
  std::string lines;    // of its connection
  std::string backend;  // a query for the server's number of the session; of SQLite, for something
  std::string stream;   // a query of many rows
  std::string end;      // ends the session {id} at the server, "": there is no server
  int port;             // of its server
};
[[nodiscard]] const std::vector<Database>& databases();  // servers with TLS and without, and a file
[[nodiscard]] trunkline::registry opened(const Database& database, const std::string& pool = "");
// The same through somebody else's port.
[[nodiscard]] trunkline::registry opened_at(const Database& database, int port);

// "": it throws an error of this class, whose message tells of the parent.
[[nodiscard]] std::string belongs_to_parent(const std::function<void()>& act);

[[nodiscard]] int open_descriptors();
[[nodiscard]] int rounds(int in_soak);  // of ./dev test a tenth

}  // namespace forking
