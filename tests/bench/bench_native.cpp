// The C ABI against the client libraries themselves: bench_native CASE ours|theirs SECONDS.
#include <cstdint>
#include <vector>

#include "bench_clients.hpp"
#include "bench_many.hpp"
#include "bench_mariadb.hpp"
#include "bench_queue.hpp"

namespace {

using bench::connect_pg;
using bench::Ours;
using bench::Raw;

using bench::check;
using bench::die;
using bench::use;

using bench::points;
using bench::Row;

constexpr const char* pg_point = "SELECT id, name FROM bench_points WHERE id = $1";
constexpr const char* sqlite_point = "SELECT id, name FROM bench_points WHERE id = ?";
constexpr const char* pg_rows = "SELECT a, b, c, d, e, f FROM bench_rows";
constexpr const char* sqlite_rows = "SELECT a, b, c, d, e, f FROM bench_rows";

// ---- trunkline ------------------------------------------------------------------------------------------------------

void our_point(const char* name, const char* sql, double seconds) {
  const Ours ours(name);
  const size_t length = std::strlen(sql);
  bench::tell(bench::measure(seconds, [&](int64_t i) {
    tl_value id{};
    id.type = TL_INT64;
    id.v.i64 = i * 7919 % points;
    bench::read_point(ours.query(sql, length, &id, 1), id.v.i64);
  }));
}

// The values come to rest in columns: reading them there is what a caller does next, on either side.
void our_rows(const char* name, const char* sql, double seconds) {
  const Ours ours(name);
  const size_t length = std::strlen(sql);
  bench::tell(bench::measure(seconds, [&](int64_t) {
    tl_result* result = ours.query(sql, length, nullptr, 0);
    tl_batch* batch = nullptr;
    int64_t sum = 0;
    while (tl_result_next(result, nullptr, &batch, nullptr) == TL_OK && batch != nullptr) {
      tl_column columns[6];
      columns[0].struct_size = sizeof(tl_column);
      int64_t rows = 0;
      check(tl_batch_columns(batch, columns, 6, &rows) == TL_OK, "no columns");
      sum += rows;
      use(columns);
      tl_batch_release(batch);
    }
    check(sum == 100'000, "not all rows");
    tl_result_release(result);
  }));
}

// ---- libpq ----------------------------------------------------------------------------------------------------------

template <class T>
T big_endian(const char* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  if constexpr (sizeof(T) == 4) return static_cast<T>(__builtin_bswap32(static_cast<uint32_t>(value)));
  return static_cast<T>(__builtin_bswap64(static_cast<uint64_t>(value)));
}

double float_of(const char* bytes) {
  const auto bits = big_endian<int64_t>(bytes);
  double value = 0;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

void libpq_point(double seconds) {
  PGconn* conn = connect_pg();
  const Oid int4 = 23;
  PQclear(PQprepare(conn, "point", pg_point, 1, &int4));
  bench::tell(bench::measure(seconds, [&](int64_t i) {
    const auto id = static_cast<int32_t>(i * 7919 % points);
    const auto sent = static_cast<int32_t>(__builtin_bswap32(static_cast<uint32_t>(id)));
    const char* values[] = {reinterpret_cast<const char*>(&sent)};
    const int lengths[] = {4};
    const int formats[] = {1};
    PGresult* result = PQexecPrepared(conn, "point", 1, values, lengths, formats, 1);
    check(PQntuples(result) == 1 && big_endian<int32_t>(PQgetvalue(result, 0, 0)) == id, "another row");
    use(PQgetvalue(result, 0, 1));
    PQclear(result);
  }));
  PQfinish(conn);
}

void libpq_rows(double seconds) {
  PGconn* conn = connect_pg();
  PQclear(PQprepare(conn, "rows", pg_rows, 0, nullptr));
  bench::tell(bench::measure(seconds, [&](int64_t) {
    PGresult* result = PQexecPrepared(conn, "rows", 0, nullptr, nullptr, nullptr, 1);
    const int n = PQntuples(result);
    check(n == 100'000, "not all rows");
    std::vector<Row> rows;
    rows.reserve(static_cast<size_t>(n));
    for (int i = 0; i < n; ++i) {
      rows.push_back({big_endian<int64_t>(PQgetvalue(result, i, 0)), big_endian<int32_t>(PQgetvalue(result, i, 1)),
                      float_of(PQgetvalue(result, i, 2)),
                      std::string(PQgetvalue(result, i, 3), static_cast<size_t>(PQgetlength(result, i, 3))),
                      *PQgetvalue(result, i, 4) != 0, big_endian<int64_t>(PQgetvalue(result, i, 5))});
    }
    use(rows);
    PQclear(result);
  }));
  PQfinish(conn);
}

// ---- SQLite ---------------------------------------------------------------------------------------------------------

void raw_point(double seconds) {
  const Raw raw(sqlite_point);
  bench::tell(bench::measure(seconds, [&](int64_t i) {
    const int64_t id = i * 7919 % points;
    sqlite3_bind_int64(raw.statement, 1, id);
    check(sqlite3_step(raw.statement) == SQLITE_ROW, "no row");
    check(sqlite3_column_int64(raw.statement, 0) == id, "another row");
    use(sqlite3_column_text(raw.statement, 1));
    use(sqlite3_column_bytes(raw.statement, 1));
    check(sqlite3_step(raw.statement) == SQLITE_DONE, "more rows");
    sqlite3_reset(raw.statement);
  }));
}

void raw_rows(double seconds) {
  const Raw raw(sqlite_rows);
  bench::tell(bench::measure(seconds, [&](int64_t) {
    int64_t rows = 0;
    int64_t sum = 0;
    double floats = 0;
    while (sqlite3_step(raw.statement) == SQLITE_ROW) {
      sum += sqlite3_column_int64(raw.statement, 0) + sqlite3_column_int64(raw.statement, 1);
      floats += sqlite3_column_double(raw.statement, 2);
      const unsigned char* text = sqlite3_column_text(raw.statement, 3);
      sum += text[0] + sqlite3_column_bytes(raw.statement, 3);
      sum += sqlite3_column_int64(raw.statement, 4) + sqlite3_column_int64(raw.statement, 5);
      ++rows;
    }
    sqlite3_reset(raw.statement);
    check(rows == 100'000, "not all rows");
    use(sum);
    use(floats);
  }));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) die("bench_native CASE ours|theirs SECONDS");
  const std::string name = argv[1];
  const bool ours = std::strcmp(argv[2], "ours") == 0;
  const double seconds = std::atof(argv[3]);
  if (name == "pg_point") {
    ours ? our_point("pg", pg_point, seconds) : libpq_point(seconds);
  } else if (name == "pg_rows") {
    ours ? our_rows("pg", pg_rows, seconds) : libpq_rows(seconds);
  } else if (name == "mariadb_point") {
    ours ? our_point("mariadb", bench::mariadb_point, seconds) : bench::mariadb_points(seconds);
  } else if (name == "mariadb_rows") {
    ours ? our_rows("mariadb", bench::mariadb_rows, seconds) : bench::mariadb_all_rows(seconds);
  } else if (name == "sqlite_point") {
    ours ? our_point("sqlite", sqlite_point, seconds) : raw_point(seconds);
  } else if (name == "sqlite_rows") {
    ours ? our_rows("sqlite", sqlite_rows, seconds) : raw_rows(seconds);
  } else if (const bench::QueueCase* queue = bench::find_queue_case(name)) {
    ours ? queue->ours(seconds) : queue->theirs(seconds);
  } else if (const bench::ManyCase* many = bench::find_many(name)) {
    ours ? many->ours(seconds) : many->theirs(seconds);
  } else {
    die("no such case: " + name);
  }
}
