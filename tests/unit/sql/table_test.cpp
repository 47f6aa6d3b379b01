#include <doctest/doctest.h>

#include <atomic>
#include <map>
#include <string>
#include <thread>

#include "statement.hpp"

using tl::Status;
using tl::sql::Dialect;
using tl::sql::Kind;
using tl::sql::Statement;
using tl::sql::Table;

namespace {

constexpr size_t plenty = 1 << 20;

std::string query(int n) { return "SELECT a, b, c FROM some_table WHERE id = " + std::to_string(n); }

uint64_t id_of(Table& table, std::string_view text, bool named = false) {
  const auto found = table.find(text, named);
  REQUIRE(found);
  CHECK((*found)->text == text);
  return (*found)->id;
}

}  // namespace

TEST_CASE("a text is analysed once") {
  Table table(Dialect::sqlite, plenty);
  CHECK(table.dialect() == Dialect::sqlite);
  const uint64_t id = id_of(table, "SELECT ?");
  CHECK(id_of(table, "SELECT ?") == id);
  CHECK(id_of(table, "SELECT  ?") != id);
  CHECK(table.size() == 2);
  CHECK(table.bytes() > 2 * sizeof(Statement));
}

TEST_CASE("a call with names is another statement") {
  Table table(Dialect::postgresql, plenty);
  const uint64_t id = id_of(table, "SELECT 1");
  CHECK(id_of(table, "SELECT 1", true) != id);
  CHECK(id_of(table, "SELECT 1") == id);
  CHECK(table.size() == 2);
}

TEST_CASE("errors are told each time and not kept") {
  Table table(Dialect::postgresql, plenty);
  for (int i = 0; i < 2; i++) {
    const auto found = table.find("SELECT 'a", false);
    REQUIRE(!found);
    CHECK(found.error().status == Status::misuse);
  }
  CHECK(table.size() == 0);
  CHECK(table.bytes() == 0);
}

TEST_CASE("the table stays within its bytes, and what was not used for longest goes first") {
  Table probe(Dialect::sqlite, plenty);
  id_of(probe, query(100));
  Table table(Dialect::sqlite, probe.bytes() * 10);
  std::map<int, uint64_t> ids;
  for (int n = 100; n < 110; n++) ids[n] = id_of(table, query(n));
  CHECK(table.size() == 10);
  CHECK(id_of(table, query(100)) == ids[100]);  // now 101 is the oldest
  id_of(table, query(110));
  CHECK(table.size() == 10);
  CHECK(id_of(table, query(100)) == ids[100]);
  CHECK(id_of(table, query(102)) == ids[102]);
  CHECK(id_of(table, query(101)) != ids[101]);
  for (int n = 0; n < 5000; n++) {
    id_of(table, query(n));
    CHECK(table.bytes() <= probe.bytes() * 10);
  }
}

TEST_CASE("many small texts make way for one large text") {
  Table table(Dialect::sqlite, 64 << 10);
  for (int n = 0; n < 50; n++) id_of(table, query(n));
  const size_t before = table.size();
  const std::string large = "SELECT '" + std::string(25 << 10, 'x') + "'";
  const uint64_t id = id_of(table, large);
  CHECK(id_of(table, large) == id);
  CHECK(table.size() < before);
  CHECK(table.bytes() <= 64 << 10);
}

TEST_CASE("a text beyond the bound is analysed and not kept") {
  Table table(Dialect::sqlite, 4 << 10);
  const uint64_t small = id_of(table, "SELECT 1");
  const std::string large = "SELECT '" + std::string(8 << 10, 'x') + "'";
  const uint64_t id = id_of(table, large);
  CHECK(id_of(table, large) != id);
  CHECK(table.size() == 1);
  CHECK(id_of(table, "SELECT 1") == small);
  Table none(Dialect::sqlite, 0);
  id_of(none, "SELECT 1");
  CHECK(none.size() == 0);
}

TEST_CASE("a statement outlives its place in the table, and the table") {
  std::shared_ptr<const Statement> kept;
  {
    Table table(Dialect::sqlite, 2 << 10);
    kept = *table.find(query(0), false);
    for (int n = 1; n < 100; n++) id_of(table, query(n));
  }
  CHECK(kept->text == query(0));
  CHECK(kept->kind == Kind::read);
}

TEST_CASE("texts of every length are told apart") {
  Table table(Dialect::sqlite, 8 << 20);
  std::map<std::string, uint64_t> ids;
  std::string text = "SELECT ";
  for (int i = 0; i < 300; i++) {
    text += static_cast<char>('1' + i % 9);
    ids[text] = id_of(table, text);
  }
  for (const auto& [known, id] : ids) CHECK(id_of(table, known) == id);
  CHECK(table.size() == ids.size());
}

TEST_CASE("four threads share a table that is too small for them") {
  Table table(Dialect::postgresql, 32 << 10);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; t++) {
    threads.emplace_back([&, t] {
      uint32_t state = static_cast<uint32_t>(t) * 7919 + 1;
      for (int i = 0; i < 20000; i++) {
        state = state * 1664525 + 1013904223;
        const int n = static_cast<int>(state >> 24) % (i % 3 == 0 ? 200 : 8);
        const std::string text = query(n) + " AND x = ?";
        const auto found = table.find(text, false);
        if (!found || (*found)->text != text || (*found)->parameters != 1) wrong++;
        if (table.bytes() > 32 << 10) wrong++;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(table.size() > 0);
}

TEST_CASE("threads that meet at a new text get one statement") {
  Table table(Dialect::sqlite, plenty);
  for (int round = 0; round < 200; round++) {
    const std::string text = query(round);
    std::atomic<int> ready{0};
    uint64_t ids[4] = {};
    std::vector<std::thread> threads;
    for (uint64_t& id : ids) {
      threads.emplace_back([&] {
        ready++;
        while (ready < 4) std::this_thread::yield();
        const auto found = table.find(text, false);
        if (found) id = (*found)->id;
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(ids[0] != 0);
    for (const uint64_t id : ids) CHECK(id == ids[0]);
  }
}
