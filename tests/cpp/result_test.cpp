#include <thread>

#include "cpp_fixture.hpp"

// Arrow's C data interface as published, as much of it as is looked at:
// https://arrow.apache.org/docs/format/CDataInterface.html
struct ArrowArray {
  int64_t length, null_count, offset, n_buffers, n_children;
  const void** buffers;
  ArrowArray** children;
  ArrowArray* dictionary;
  void (*release)(ArrowArray*);
  void* private_data;
};
struct ArrowArrayStream {
  int (*get_schema)(ArrowArrayStream*, struct ArrowSchema*);
  int (*get_next)(ArrowArrayStream*, ArrowArray*);
  const char* (*get_last_error)(ArrowArrayStream*);
  void (*release)(ArrowArrayStream*);
  void* private_data;
};

namespace {
constexpr const char* endless =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
}

TEST_CASE_FIXTURE(CppFixture, "one row, perhaps one, or all") {
  make_people();
  CHECK(main.query("SELECT id, name FROM people WHERE id = 1").one<int, std::string>() ==
        std::tuple(1, std::string("Ada")));
  CHECK(main.query("SELECT name FROM people WHERE id = ?", 3).maybe<std::string>() == std::tuple(std::string("Grace")));
  CHECK(main.query("SELECT name FROM people WHERE id = ?", 4).maybe<std::string>() == std::nullopt);
  CHECK(main.query("SELECT id FROM people ORDER BY id").all<int>() == std::vector<std::tuple<int>>{{1}, {2}, {3}});
  CHECK(error_of([&] { static_cast<void>(main.query("SELECT id FROM people").value<int>()); }).status() == TL_E_MISUSE);
  CHECK(error_of([&] { static_cast<void>(main.query("SELECT id FROM people").maybe<int>()); }).status() == TL_E_MISUSE);
  CHECK(error_of([&] { static_cast<void>(main.query("SELECT id FROM people WHERE 0").one<int>()); }).status() ==
        TL_E_MISUSE);
}

TEST_CASE_FIXTURE(CppFixture, "a statement tells how many rows it changed, and the id it made") {
  make_people();
  const auto inserted = main.query("INSERT INTO people (name) VALUES ('Hedy')");
  CHECK(inserted.affected() == 1);
  CHECK(inserted.last_id() == 4);
  CHECK(inserted.column_count() == 0);
  CHECK(inserted.columns().empty());
  CHECK(main.query("UPDATE people SET city = 'Rome'").affected() == 4);
  CHECK(contains(inserted.endpoint(), "main.db"));
}

TEST_CASE_FIXTURE(CppFixture, "columns are told also where there are no rows") {
  make_people();
  const auto columns = main.query("SELECT id, name AS who FROM people WHERE 0").columns();
  REQUIRE(columns.size() == 2);
  CHECK(columns[0].name == "id");
  CHECK(columns[0].type == TL_ANY);
  CHECK(columns[0].type_name == "INTEGER");
  CHECK(columns[1].name == "who");
}

TEST_CASE_FIXTURE(CppFixture, "batches give their columns' memory and single values") {
  auto result = main.query({.batch_rows = 2}, "VALUES (1, 'a'), (2, NULL), (3, 'c')");
  std::vector<int64_t> sizes;
  while (const auto batch = result.next()) {
    CHECK(batch->columns().size() == 2);
    CHECK(batch->columns()[0].length == batch->rows());
    CHECK(batch->get<int64_t>(0, 0) == batch->first());
    sizes.push_back(batch->rows());
  }
  CHECK(sizes == std::vector<int64_t>{2, 1});
}

TEST_CASE_FIXTURE(CppFixture, "a batch outlives its result") {
  std::optional<trunkline::batch> batch;
  {
    auto result = main.query("SELECT 'held'");
    batch = result.next();
    CHECK_FALSE(result.next());
  }
  CHECK(batch->get<std::string_view>(0, 0) == "held");
}

TEST_CASE_FIXTURE(CppFixture, "an Arrow stream takes what is left, and outlives the result") {
  ArrowArrayStream stream{};
  {
    auto result = main.query({.batch_rows = 2}, "VALUES (1), (2), (3)");
    CHECK(result.next()->rows() == 2);
    result.export_stream(&stream);
    CHECK_FALSE(result.next());
  }
  ArrowArray array{};
  REQUIRE(stream.get_next(&stream, &array) == 0);
  CHECK(array.length == 1);
  array.release(&array);
  REQUIRE(stream.get_next(&stream, &array) == 0);
  CHECK((array.release == nullptr));  // the end
  stream.release(&stream);
}

TEST_CASE_FIXTURE(CppFixture, "several statements give several result sets, counted from their own first row") {
  auto result = main.query("SELECT 1; SELECT 'a', 'b'; SELECT NULL AS n");
  CHECK(result.value<int>() == 1);
  CHECK(result.next_set());
  CHECK(result.one<std::string, std::string>() == std::tuple(std::string("a"), std::string("b")));
  CHECK(result.next_set());
  CHECK(contains(error_of([&] { static_cast<void>(result.value<int>()); }).what(), "row 1, column \"n\""));
  CHECK_FALSE(result.next_set());
}

TEST_CASE_FIXTURE(CppFixture, "a stream holds its session until it is read or gone") {
  make_people();
  const auto leased = [&] {
    auto table = db.inspect("connections", "main");
    return table.next()->get<int>(0, table.index("leased"));
  };
  auto stream = main.query({.stream = true, .batch_rows = 1}, "SELECT id FROM people");
  CHECK(leased() == 1);
  CHECK(stream.all<int>().size() == 3);
  CHECK(leased() == 0);

  const auto memory = db.on("memory");  // one session, and who holds it is not made to wait for himself
  {
    const auto unread = memory.query({.stream = true, .batch_rows = 1}, "SELECT 1 UNION ALL SELECT 2");
    CHECK(error_of([&] { memory.query("SELECT 1"); }).status() == TL_E_BUSY);
  }
  CHECK(memory.query("SELECT 1").value<int>() == 1);
}

TEST_CASE_FIXTURE(CppFixture, "a statement ends at its timeout") {
  const auto session = main.pin();  // so that the time is the statement's alone
  const auto e = error_of([&] { session.query({.timeout = std::chrono::milliseconds(50)}, endless); });
  CHECK(e.status() == TL_E_STATEMENT_TIMEOUT);
  CHECK(main.query({.timeout = trunkline::no_timeout}, "SELECT 1").value<int>() == 1);
}

TEST_CASE_FIXTURE(CppFixture, "another thread cancels a statement, running or not begun") {
  const auto operation = db.operation();
  std::jthread canceller([&] { operation.cancel(); });
  CHECK(error_of([&] { main.query({.cancel_by = &operation}, endless); }).status() == TL_E_CANCELLED);
}

TEST_CASE_FIXTURE(CppFixture, "what the caller says of a statement counts") {
  make_people();
  CHECK(error_of([&] {
          main.mode(trunkline::mode::read).query({.intent = trunkline::intent::write}, "SELECT 1");
        }).status() == TL_E_READ_ONLY);
  CHECK(main.query({.intent = trunkline::intent::read}, "SELECT 1").value<int>() == 1);
}
