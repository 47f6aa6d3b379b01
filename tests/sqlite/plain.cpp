// A program that uses SQLite itself: `plain FILE` runs each line that it reads and answers "ok", or what went wrong.
// The line "sleep MS" is for those who have let go of it meanwhile.
#include <sqlite3.h>

#include <chrono>
#include <iostream>
#include <string>
#include <thread>

int main(int, char** arguments) {
  sqlite3* db = nullptr;
  if (sqlite3_open(arguments[1], &db) != SQLITE_OK) return 1;
  sqlite3_busy_timeout(db, 60'000);
  for (std::string line; std::getline(std::cin, line) && line != "end";) {
    if (line.starts_with("sleep ")) {
      std::this_thread::sleep_for(std::chrono::milliseconds(std::stoi(line.substr(6))));
      continue;
    }
    const int code = sqlite3_exec(db, line.c_str(), nullptr, nullptr, nullptr);
    std::cout << (code == SQLITE_OK ? "ok" : sqlite3_errmsg(db)) << std::endl;
  }
  return sqlite3_close(db);
}
