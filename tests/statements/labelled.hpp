// Statements with what their database says of them: one text file for each.
//
// A line is `LABEL | text`; lines of `| text` behind it continue the text. Lines that begin with # and empty ones are
// for the reader. The labels:
//   setup             makes the database, in order
//   session           is run in each session before the statement
//   read              a read-only transaction allows it
//   write             a read-only transaction refuses it, or is ended by it
//   primary: REASON   a read-only transaction allows it, and still it belongs on the primary
#pragma once
#include <string>
#include <vector>

#include "statement.hpp"

namespace tl::statements {

enum class Label : uint8_t { read, write, primary };

struct Labelled {
  Label label = Label::read;
  std::string reason;  // of `primary`
  std::string text;
};

struct Corpus {
  std::vector<std::string> setup, session;
  std::vector<Labelled> statements;
};

// Throws std::runtime_error, with file and line, where the file is not as it should be.
[[nodiscard]] Corpus read_corpus(sql::Dialect dialect);

[[nodiscard]] const char* name_of(Label label) noexcept;

}  // namespace tl::statements
