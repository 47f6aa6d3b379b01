// What is made of the statements that the databases themselves have labelled.
#include <doctest/doctest.h>

#include <array>
#include <string>

#include "labelled.hpp"

namespace tl::sql {
namespace {

using statements::Label;
using statements::Labelled;

struct Share {
  size_t reads = 0, known = 0;
};

// Wrong towards the primary costs a replica's help and no more, so it is only counted.
Share share_of_known_reads(Dialect dialect, const std::string& name) {
  Share share;
  for (const Labelled& labelled : statements::read_corpus(dialect).statements) {
    if (labelled.label != Label::read) continue;
    const auto statement = analyse(labelled.text, dialect, false);
    share.reads++;
    if (statement && statement->kind == Kind::read) {
      share.known++;
    } else {
      MESSAGE(name << ", not known as a read: " << labelled.text);
    }
  }
  MESSAGE(name << ": " << share.known << " of " << share.reads << " reads are known");
  return share;
}

struct Named {
  Dialect dialect;
  const char* name;
};

constexpr std::array<Named, 3> dialects = {
    {{Dialect::sqlite, "SQLite"}, {Dialect::postgresql, "PostgreSQL"}, {Dialect::mysql, "MariaDB"}}};

void check_behind(const std::string& before, const std::string& text, Dialect dialect) {
  const auto alone = analyse(text, dialect, false), behind = analyse(before + text, dialect, false);
  REQUIRE(behind.ok() == alone.ok());
  if (!alone) return;
  CHECK(behind->kind == alone->kind);
  CHECK(behind->plain == alone->plain);
  CHECK(behind->parameters == alone->parameters);
}

}  // namespace

TEST_CASE("it does not matter what a statement stands behind") {
  for (const Named& named : dialects) {
    for (const Labelled& labelled : statements::read_corpus(named.dialect).statements) {
      CAPTURE(labelled.text);
      std::string query = "SELECT a";
      for (size_t n = 0; n < 70; n++) {
        CAPTURE(n);
        check_behind(std::string(n, ' '), labelled.text, named.dialect);
        check_behind(query + ';', labelled.text, named.dialect);
        query += ",a";
      }
    }
  }
}

TEST_CASE("what a database takes for a write, or belongs on the primary, is never a read") {
  size_t count = 0;
  for (const Named& named : dialects) {
    for (const Labelled& labelled : statements::read_corpus(named.dialect).statements) {
      CAPTURE(named.name);
      CAPTURE(labelled.text);
      const auto statement = analyse(labelled.text, named.dialect, false);
      REQUIRE(statement.ok());
      if (labelled.label != Label::read) CHECK_MESSAGE(statement->kind != Kind::read, labelled.reason);
      count++;
    }
  }
  CHECK(count >= 600);
}

TEST_CASE("of the reads at least 97 of 100 are known") {
  Share all;
  for (const Named& named : dialects) {
    const Share share = share_of_known_reads(named.dialect, named.name);
    CHECK(share.known * 100 >= share.reads * 97);
    all.reads += share.reads;
    all.known += share.known;
  }
  MESSAGE("altogether " << all.known << " of " << all.reads);
  CHECK(all.known * 100 >= all.reads * 97);
}

}  // namespace tl::sql
