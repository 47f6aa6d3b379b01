// Another process, and what is said between it and the test, line by line.
#pragma once
#include <doctest/doctest.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

namespace processes {

class OtherProcess {
 public:
  explicit OtherProcess(const std::vector<std::string>& command);
  ~OtherProcess();  // ends it, if it has not
  OtherProcess(const OtherProcess&) = delete;
  OtherProcess& operator=(const OtherProcess&) = delete;

  [[nodiscard]] int number() const noexcept { return pid_; }
  void say(const std::string& line) const;
  [[nodiscard]] std::string heard();  // the next line, without its end; "": there is none any more
  [[nodiscard]] bool ended_well();    // waits for its end

 private:
  int pid_ = -1;
  int to_ = -1;
  std::FILE* from_ = nullptr;
};

// Empty, and gone with the test.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::string file(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace processes
