// The labels are what the server says: each statement is run in a read-only transaction of a session of its own.
#pragma once
#include <doctest/doctest.h>

#include "labelled.hpp"

namespace tl::statements {

// What became of a statement in a read-only transaction.
enum class Answer : uint8_t {
  allowed,
  refused,  // because of the transaction
  ended,    // the statement has ended the transaction
};

// A statement with its placeholders in the database's own style.
[[nodiscard]] inline sql::Statement native(const std::string& text, sql::Dialect dialect) {
  auto statement = sql::analyse(text, dialect, false);
  if (!statement) FAIL(statement.error().message);
  return statement.take();
}

// `ask` gives the Answer to a statement, and lets doctest fail where the server answers anything else.
template <class Ask>
void check_labels(const Corpus& corpus, sql::Dialect dialect, Ask ask) {
  for (const Labelled& labelled : corpus.statements) {
    CAPTURE(labelled.text);
    const Answer answer = ask(native(labelled.text, dialect));
    const std::string label = name_of(labelled.label);
    if (answer == Answer::allowed) {
      CHECK_MESSAGE(labelled.label != Label::write, "labelled write, and allowed in a read-only transaction");
    } else {
      CHECK_MESSAGE(labelled.label == Label::write, "labelled " << label << ", and refused in a read-only transaction");
    }
  }
}

}  // namespace tl::statements
