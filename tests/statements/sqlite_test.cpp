#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <memory>

#include "checking.hpp"

namespace tl::statements {
namespace {

using Connection = std::unique_ptr<sqlite3, decltype(&sqlite3_close)>;
using Prepared = std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)>;

class Database {
 public:
  explicit Database(const Corpus& corpus) {
    REQUIRE(mkdtemp(folder_.data()) != nullptr);
    const Connection connection = open(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    for (const std::string& text : corpus.setup) must(connection.get(), text);
  }
  ~Database() { std::filesystem::remove_all(folder_); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  [[nodiscard]] Connection open(int flags) const {
    sqlite3* opened = nullptr;
    const int status = sqlite3_open_v2((folder_ + "/db").c_str(), &opened, flags, nullptr);
    Connection connection(opened, &sqlite3_close);
    REQUIRE(status == SQLITE_OK);
    return connection;
  }

  static void must(sqlite3* connection, const std::string& text) {
    CAPTURE(text);
    REQUIRE(sqlite3_exec(connection, text.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
  }

 private:
  std::string folder_ = (std::filesystem::temp_directory_path() / "tl-statements-XXXXXX").string();
};

struct Outcome {
  int status = SQLITE_OK;
  bool readonly = true;  // by sqlite3_stmt_readonly, which says of an EXPLAIN what it says of the statement explained
};

// Runs the text's statements one after the other, since one may need what another has made.
Outcome run(sqlite3* connection, const std::string& text) {
  Outcome outcome;
  for (const char* at = text.c_str(); *at != '\0';) {
    sqlite3_stmt* made = nullptr;
    outcome.status = sqlite3_prepare_v2(connection, at, -1, &made, &at);
    const Prepared statement(made, &sqlite3_finalize);
    if (outcome.status != SQLITE_OK) return outcome;
    if (made == nullptr) continue;
    for (int i = sqlite3_bind_parameter_count(made); i > 0; --i) sqlite3_bind_int(made, i, 1);
    if (sqlite3_stmt_readonly(made) == 0 && sqlite3_stmt_isexplain(made) == 0) outcome.readonly = false;
    do outcome.status = sqlite3_step(made);
    while (outcome.status == SQLITE_ROW);
    if (outcome.status != SQLITE_DONE) return outcome;
  }
  outcome.status = SQLITE_OK;
  return outcome;
}

// The file is opened for reading: the read-only transaction of SQLite.
Answer ask(const Database& database, const Corpus& corpus, const sql::Statement& statement) {
  const Connection connection = database.open(SQLITE_OPEN_READONLY);
  for (const std::string& text : corpus.session) Database::must(connection.get(), text);
  const Outcome outcome = run(connection.get(), statement.native);
  if (outcome.status == SQLITE_READONLY) {
    CHECK_FALSE(outcome.readonly);
    return Answer::refused;
  }
  CHECK_MESSAGE(outcome.status == SQLITE_OK, sqlite3_errmsg(connection.get()));
  return Answer::allowed;
}

// One opcode asks and sets it, so SQLite does not call it one that only reads.
constexpr std::string_view asks_by_a_setter = "PRAGMA journal_mode";

}  // namespace

TEST_CASE("the labels are SQLite's") {
  const Corpus corpus = read_corpus(sql::Dialect::sqlite);
  const Database made(corpus);
  check_labels(corpus, sql::Dialect::sqlite,
               [&](const sql::Statement& statement) { return ask(made, corpus, statement); });
}

TEST_CASE("the reads are what SQLite calls readonly") {
  const Corpus corpus = read_corpus(sql::Dialect::sqlite);
  const Database made(corpus);
  for (const Labelled& labelled : corpus.statements) {
    if (labelled.label != Label::read || labelled.text == asks_by_a_setter) continue;
    CAPTURE(labelled.text);
    const Connection connection = made.open(SQLITE_OPEN_READONLY);
    CHECK(run(connection.get(), native(labelled.text, sql::Dialect::sqlite).native).readonly);
  }
}

}  // namespace tl::statements
