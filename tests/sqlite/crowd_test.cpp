// Many processes with many threads on one file: at full size in ./dev soak.
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <list>
#include <set>
#include <sstream>
#include <thread>
#include <trunkline/trunkline.hpp>

#include "other_process.hpp"

namespace processes {
namespace {

bool in_soak() noexcept { return std::getenv("TRUNKLINE_SOAK") != nullptr; }

struct Figures {
  int64_t transactions = 0, reads = 0, worst_write = 0, worst_read = 0;
};

Figures read_figures(const std::string& line) {
  Figures figures;
  std::istringstream(line) >> figures.transactions >> figures.reads >> figures.worst_write >> figures.worst_read;
  return figures;
}

// The largest size of a file, looked at as long as this lives.
class Growth {
 public:
  explicit Growth(std::string file)
      : file_(std::move(file)), looking_([this](const std::stop_token& stop) { look(stop); }) {}
  [[nodiscard]] uintmax_t largest() {
    looking_.request_stop();
    looking_.join();
    return largest_;
  }

 private:
  void look(const std::stop_token& stop) {
    for (; !stop.stop_requested(); std::this_thread::sleep_for(std::chrono::milliseconds(20))) {
      std::error_code missing;
      const uintmax_t size = std::filesystem::file_size(file_, missing);
      if (!missing) largest_ = std::max(largest_, size);
    }
  }

  const std::string file_;
  uintmax_t largest_ = 0;
  std::jthread looking_;
};

std::multiset<int64_t> acknowledged(const std::string& file, int processes) {
  std::multiset<int64_t> all;
  for (int i = 0; i < processes; ++i) {
    std::ifstream ids(file + "." + std::to_string(i));
    for (int64_t id = 0; ids >> id;) all.insert(id);
  }
  return all;
}

}  // namespace

TEST_CASE("many processes write and read one file: nobody is locked out, nothing is lost, and all have their turn") {
  constexpr int processes = 8;
  const Folder folder;
  const std::string file = folder.file("shared.db");
  std::list<OtherProcess> crowd;
  for (int i = 0; i < processes; ++i) {
    crowd.emplace_back(std::vector<std::string>{CROWD, file, std::to_string(i), "8", in_soak() ? "60" : "6"});
  }
  for (OtherProcess& process : crowd) REQUIRE(process.heard() == "ready");
  Growth log(file + "-wal");
  for (OtherProcess& process : crowd) process.say("go");

  Figures all;
  std::vector<int64_t> each;
  for (OtherProcess& process : crowd) {
    const Figures figures = read_figures(process.heard());
    CHECK(process.ended_well());
    each.push_back(figures.transactions);
    all.transactions += figures.transactions;
    all.reads += figures.reads;
    all.worst_write = std::max(all.worst_write, figures.worst_write);
    all.worst_read = std::max(all.worst_read, figures.worst_read);
  }
  const auto [least, most] = std::minmax_element(each.begin(), each.end());
  std::string list;
  for (const int64_t n : each) list += ' ' + std::to_string(n);
  const double ratio = static_cast<double>(*most) / static_cast<double>(std::max<int64_t>(*least, 1));
  const uintmax_t largest_log = log.largest();
  MESSAGE("transactions:" << list << ", ratio " << ratio << "; reads: " << all.reads
                          << "; worst wait: " << all.worst_write << " ms, of reads " << all.worst_read
                          << " ms; largest log: " << largest_log / 1024 << " KiB");
  CHECK(ratio < (in_soak() ? 3 : 30));
  CHECK(largest_log < (uintmax_t{512} << 20));  // though there always is somebody who reads

  const std::multiset<int64_t> ids = acknowledged(file, processes);
  const auto db = trunkline::registry::parse("[connections.file]\ndriver = \"sqlite\"\ndatabase = \"" + file + "\"\n");
  std::multiset<int64_t> there;
  for (auto [id] : db.on().query("SELECT id FROM ledger").as<int64_t>()) there.insert(id);
  CHECK(there == ids);
  CHECK(db.on().query("SELECT n FROM total").value<size_t>() == ids.size());
  CHECK(db.on().query("PRAGMA integrity_check").value<std::string>() == "ok");
  db.close();
}

}  // namespace processes
