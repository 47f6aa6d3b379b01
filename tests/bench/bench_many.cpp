#include "bench_many.hpp"

#include <poll.h>

#include <algorithm>
#include <charconv>
#include <vector>

#include "bench_clients.hpp"

namespace bench {
namespace {

constexpr size_t rows = 100'000;
constexpr size_t width = 4;
constexpr const char* table =
    "CREATE TABLE bench_many (id bigint, n integer, price double precision, name varchar(60))";
constexpr const char* insert = "INSERT INTO bench_many VALUES (?, ?, ?, ?)";

struct Item {
  int64_t id;
  int32_t n;
  double price;
  std::string name;
};

const std::vector<Item>& items() {
  static const std::vector<Item> all = [] {
    std::vector<Item> made;
    for (size_t i = 0; i < rows; ++i) {
      const auto number = static_cast<int64_t>(i);
      made.push_back({number * 1'000'003, static_cast<int32_t>(i % 1000), static_cast<double>(i) / 7.0,
                      "text number " + std::to_string(i)});
    }
    return made;
  }();
  return all;
}

// Runs `empty`, then `fill` under the clock, for about `seconds` of the latter, once before that. The median unit: now
// and then a server writes its log to the disk in one of them.
template <class Empty, class Fill>
void measure_filling(double seconds, const Empty& empty, const Fill& fill) {
  using Clock = std::chrono::steady_clock;
  empty();
  fill();
  std::vector<double> units;
  for (double spent = 0; units.size() < 3 || spent < seconds; spent += units.back()) {
    empty();
    const auto began = Clock::now();
    fill();
    units.push_back(std::chrono::duration<double>(Clock::now() - began).count());
  }
  std::sort(units.begin(), units.end());
  tell(units[units.size() / 2] * 1e9);
}

// ---- trunkline ------------------------------------------------------------------------------------------------------

void run(const Ours& ours, const char* sql) { tl_result_release(ours.query(sql, std::strlen(sql), nullptr, 0)); }

struct Values {
  Values() {
    for (const Item& item : items()) {
      integer(item.id);
      integer(item.n);
      tl_value price{};
      price.type = TL_FLOAT64;
      price.v.f64 = item.price;
      all.push_back(price);
      text(all, item.name);
    }
    for (const char* name : {"id", "n", "price", "name"}) text(columns, name);
  }
  void integer(int64_t of) {
    tl_value value{};
    value.type = TL_INT64;
    value.v.i64 = of;
    all.push_back(value);
  }
  void text(std::vector<tl_value>& to, const std::string& of) {
    tl_value value{};
    value.type = TL_TEXT;
    value.length = static_cast<uint32_t>(of.size());
    value.v.offset = arena.size();
    arena += of;
    to.push_back(value);
  }
  std::vector<tl_value> all;
  std::vector<tl_value> columns;
  std::string arena;
};

void our_filling(const char* name, bool load, double seconds) {
  const Ours ours(name);
  const Values values;
  const auto empty = [&] {
    run(ours, "DROP TABLE IF EXISTS bench_many");
    run(ours, table);
  };
  measure_filling(seconds, empty, [&] {
    tl_result* result = nullptr;
    tl_error* error = nullptr;
    const tl_status status =
        load ? tl_load(ours.conn, "bench_many", std::strlen("bench_many"), values.columns.data(), width,
                       values.all.data(), rows, values.arena.data(), values.arena.size(), nullptr, &result, &error)
             : tl_execute_many(ours.conn, insert, std::strlen(insert), values.all.data(), width, rows,
                               values.arena.data(), values.arena.size(), nullptr, &result, &error);
    if (status != TL_OK) die(tl_error_message(error));
    check(tl_result_affected(result) == rows, "not all rows");
    tl_result_release(result);
  });
}

void our_pg_many(double seconds) { our_filling("pg", false, seconds); }
void our_pg_load(double seconds) { our_filling("pg", true, seconds); }
void our_mariadb_many(double seconds) { our_filling("mariadb", false, seconds); }
void our_sqlite_many(double seconds) { our_filling("sqlite", false, seconds); }

// ---- libpq ----------------------------------------------------------------------------------------------------------

void execute(PGconn* conn, const char* sql, ExecStatusType wanted = PGRES_COMMAND_OK) {
  PGresult* result = PQexec(conn, sql);
  check(PQresultStatus(result) == wanted, PQerrorMessage(conn));
  PQclear(result);
}

void empty_pg(PGconn* conn) {
  execute(conn, "SET client_min_messages = error");
  execute(conn, "DROP TABLE IF EXISTS bench_many");
  execute(conn, table);
}

// What has come, without waiting; and, at the end, to the sync.
struct PipelineAnswers {
  PGconn* conn;
  size_t sent = 0;
  bool ended = false;  // the sync was sent, too
  size_t inserted = 0;
  bool synced = false;

  void take() {
    check(PQconsumeInput(conn) == 1, "libpq lost the server");
    while (!synced && PQisBusy(conn) == 0) {
      PGresult* result = PQgetResult(conn);
      if (result == nullptr) {
        if (inserted == sent && !ended) return;
        continue;
      }
      const ExecStatusType status = PQresultStatus(result);
      check(status == PGRES_COMMAND_OK || status == PGRES_PIPELINE_SYNC, PQerrorMessage(conn));
      status == PGRES_COMMAND_OK ? void(inserted += std::strtoull(PQcmdTuples(result), nullptr, 10))
                                 : void(synced = true);
      PQclear(result);
    }
  }
};

void wait_for(PGconn* conn, short what) {
  pollfd waited{PQsocket(conn), what, 0};
  check(poll(&waited, 1, -1) == 1, "poll");
}

void libpq_many(double seconds) {
  PGconn* conn = connect_pg();
  const Oid types[] = {20, 23, 701, 25};
  const auto fill = [&] {
    PGresult* prepared = PQprepare(conn, "", "INSERT INTO bench_many VALUES ($1, $2, $3, $4)", width, types);
    check(PQresultStatus(prepared) == PGRES_COMMAND_OK, "cannot prepare");
    PQclear(prepared);
    check(PQsetnonblocking(conn, 1) == 0 && PQenterPipelineMode(conn) == 1, "no pipeline");
    PipelineAnswers answers{conn};
    for (const Item& item : items()) {
      const auto id = __builtin_bswap64(static_cast<uint64_t>(item.id));
      const auto n = __builtin_bswap32(static_cast<uint32_t>(item.n));
      uint64_t price = 0;
      std::memcpy(&price, &item.price, sizeof price);
      price = __builtin_bswap64(price);
      const char* const values[] = {reinterpret_cast<const char*>(&id), reinterpret_cast<const char*>(&n),
                                    reinterpret_cast<const char*>(&price), item.name.c_str()};
      const int lengths[] = {8, 4, 8, 0};
      const int formats[] = {1, 1, 1, 0};
      check(PQsendQueryPrepared(conn, "", width, values, lengths, formats, 0) == 1, PQerrorMessage(conn));
      if (++answers.sent % 80 != 0) continue;  // before libpq tries to send after every message
      while (PQflush(conn) == 1) {
        wait_for(conn, POLLIN | POLLOUT);
        answers.take();
      }
    }
    check(PQpipelineSync(conn) == 1, "no sync");
    answers.ended = true;
    while (!answers.synced) {
      const bool unsent = PQflush(conn) == 1;
      wait_for(conn, static_cast<short>(unsent ? POLLIN | POLLOUT : POLLIN));
      answers.take();
    }
    check(answers.inserted == rows, "not all rows");
    check(PQexitPipelineMode(conn) == 1 && PQsetnonblocking(conn, 0) == 0, "the pipeline does not end");
  };
  measure_filling(
      seconds, [&] { empty_pg(conn); }, fill);
  PQfinish(conn);
}

void libpq_copy(double seconds) {
  PGconn* conn = connect_pg();
  const auto fill = [&] {
    execute(conn, "COPY bench_many (id, n, price, name) FROM STDIN", PGRES_COPY_IN);
    std::string chunk;
    char number[40];
    const auto append = [&](auto value, char behind) {
      chunk.append(number, std::to_chars(number, number + sizeof number, value).ptr);
      chunk += behind;
    };
    for (const Item& item : items()) {
      append(item.id, '\t');
      append(item.n, '\t');
      append(item.price, '\t');
      chunk += item.name;  // which is known to hold nothing to be escaped
      chunk += '\n';
      if (chunk.size() < 65'536) continue;
      check(PQputCopyData(conn, chunk.data(), static_cast<int>(chunk.size())) == 1, PQerrorMessage(conn));
      chunk.clear();
    }
    check(PQputCopyData(conn, chunk.data(), static_cast<int>(chunk.size())) == 1, PQerrorMessage(conn));
    check(PQputCopyEnd(conn, nullptr) == 1, PQerrorMessage(conn));
    PGresult* result = PQgetResult(conn);
    check(PQresultStatus(result) == PGRES_COMMAND_OK, PQerrorMessage(conn));
    PQclear(result);
    check(PQgetResult(conn) == nullptr, "more than one answer");
  };
  measure_filling(
      seconds, [&] { empty_pg(conn); }, fill);
  PQfinish(conn);
}

// ---- Connector/C ----------------------------------------------------------------------------------------------------

// Each column as the array that bulk parameters are bound to.
struct Columns {
  Columns() {
    for (const Item& item : items()) {
      ids.push_back(item.id);
      ns.push_back(item.n);
      prices.push_back(item.price);
      names.push_back(item.name.c_str());
      lengths.push_back(item.name.size());
    }
  }
  std::vector<int64_t> ids;
  std::vector<int32_t> ns;
  std::vector<double> prices;
  std::vector<const char*> names;
  std::vector<unsigned long> lengths;
};

void connector_many(double seconds) {
  const Connector setting("SET @nothing = 0");
  const auto empty = [&] {
    for (const char* sql : {"DROP TABLE IF EXISTS bench_many", table}) check(mysql_query(setting.conn, sql) == 0, sql);
  };
  empty();
  const Connector raw(insert);
  Columns columns;
  MYSQL_BIND binds[width] = {};
  const auto bind = [&](size_t i, enum enum_field_types type, void* values) {
    binds[i].buffer_type = type;
    binds[i].buffer = values;
  };
  bind(0, MYSQL_TYPE_LONGLONG, columns.ids.data());
  bind(1, MYSQL_TYPE_LONG, columns.ns.data());
  bind(2, MYSQL_TYPE_DOUBLE, columns.prices.data());
  bind(3, MYSQL_TYPE_STRING, columns.names.data());
  binds[3].length = columns.lengths.data();
  const unsigned size = rows;
  mysql_stmt_attr_set(raw.statement, STMT_ATTR_ARRAY_SIZE, &size);
  check(mysql_stmt_bind_param(raw.statement, binds) == 0, "cannot bind");
  measure_filling(seconds, empty, [&] {
    check(mysql_stmt_execute(raw.statement) == 0, mysql_stmt_error(raw.statement));
    check(mysql_stmt_affected_rows(raw.statement) == rows, "not all rows");
  });
}

// ---- SQLite ---------------------------------------------------------------------------------------------------------

void run(sqlite3* db, const char* sql) { check(sqlite3_exec(db, sql, nullptr, nullptr, nullptr) == SQLITE_OK, sql); }

void sqlite_loop(double seconds) {
  const Raw raw("SELECT 1");
  run(raw.db, "PRAGMA synchronous = NORMAL");
  const auto empty = [&] {
    run(raw.db, "DROP TABLE IF EXISTS bench_many");
    run(raw.db, table);
  };
  measure_filling(seconds, empty, [&] {
    sqlite3_stmt* statement = nullptr;
    run(raw.db, "BEGIN IMMEDIATE");
    check(sqlite3_prepare_v2(raw.db, insert, -1, &statement, nullptr) == SQLITE_OK, "cannot prepare");
    for (const Item& item : items()) {
      sqlite3_bind_int64(statement, 1, item.id);
      sqlite3_bind_int(statement, 2, item.n);
      sqlite3_bind_double(statement, 3, item.price);
      sqlite3_bind_text(statement, 4, item.name.data(), static_cast<int>(item.name.size()), SQLITE_STATIC);
      check(sqlite3_step(statement) == SQLITE_DONE, "cannot insert");
      sqlite3_reset(statement);
    }
    sqlite3_finalize(statement);
    run(raw.db, "COMMIT");
  });
}

constexpr ManyCase cases[] = {
    {"pg_many", our_pg_many, libpq_many},
    {"pg_load", our_pg_load, libpq_copy},
    {"mariadb_many", our_mariadb_many, connector_many},
    {"sqlite_many", our_sqlite_many, sqlite_loop},
};

}  // namespace

const ManyCase* find_many(const std::string& name) {
  for (const ManyCase& each : cases) {
    if (name == each.name) return &each;
  }
  return nullptr;
}

}  // namespace bench
