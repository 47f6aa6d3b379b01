#include "labelled.hpp"

#include <fstream>
#include <stdexcept>

namespace tl::statements {
namespace {

std::string path_of(sql::Dialect dialect) {
  const std::string folder = TRUNKLINE_STATEMENTS;
  switch (dialect) {
    case sql::Dialect::sqlite: return folder + "/sqlite.txt";
    case sql::Dialect::postgresql: return folder + "/postgresql.txt";
    case sql::Dialect::mysql: return folder + "/mariadb.txt";
  }
  return folder;
}

class Reader {
 public:
  explicit Reader(std::string path) : path_(std::move(path)), file_(path_) {
    if (!file_) throw std::runtime_error(path_ + " cannot be read");
  }

  Corpus read() {
    for (std::string line; std::getline(file_, line);) {
      ++number_;
      if (!line.empty() && line.front() != '#') take(line);
    }
    return std::move(corpus_);
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw std::runtime_error(path_ + ":" + std::to_string(number_) + ": " + what);
  }

  void take(const std::string& line) {
    const size_t bar = line.find("| ");
    if (bar == std::string::npos) refuse("there is no \"| \"");
    const size_t end = line.find_last_not_of(' ', bar == 0 ? 0 : bar - 1);
    const std::string text = line.substr(bar + 2);
    if (bar == 0 || end == std::string::npos) {
      if (last_ == nullptr) refuse("it continues nothing");
      *last_ += '\n' + text;
    } else {
      add(line.substr(0, end + 1), text);
    }
  }

  void add(const std::string& label, const std::string& text) {
    const std::string primary = "primary: ";
    if (label == "setup") {
      last_ = &corpus_.setup.emplace_back(text);
    } else if (label == "session") {
      last_ = &corpus_.session.emplace_back(text);
    } else if (label == "read" || label == "write") {
      last_ = &corpus_.statements.emplace_back(label == "read" ? Label::read : Label::write, "", text).text;
    } else if (label.starts_with(primary)) {
      last_ = &corpus_.statements.emplace_back(Label::primary, label.substr(primary.size()), text).text;
    } else {
      refuse("there is no label \"" + label + "\"");
    }
  }

  std::string path_;
  std::ifstream file_;
  size_t number_ = 0;
  Corpus corpus_;
  std::string* last_ = nullptr;
};

}  // namespace

Corpus read_corpus(sql::Dialect dialect) { return Reader(path_of(dialect)).read(); }

const char* name_of(Label label) noexcept {
  switch (label) {
    case Label::read: return "read";
    case Label::write: return "write";
    case Label::primary: return "primary";
  }
  return "";
}

}  // namespace tl::statements
