#include <libpq-fe.h>

#include <memory>
#include <set>

#include "checking.hpp"
#include "function_list.hpp"
#include "operator_list.hpp"

namespace tl::statements {
namespace {

using Connection = std::unique_ptr<PGconn, decltype(&PQfinish)>;
using Answers = std::unique_ptr<PGresult, decltype(&PQclear)>;

constexpr const char* database = "labelled_statements";
constexpr const char* read_only_transaction = "25006";
constexpr const char* active_transaction = "25001";

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Connection connect(const std::string& name) {
  const std::string target = "host=" + variable("TL_PG_SOCKET") + " port=" + variable("TL_PG_PORT") +
                             " user=" + variable("TL_PG_USER") + " dbname=" + name +
                             " options='-c client_min_messages=error -c statement_timeout=60s'";
  Connection connection(PQconnectdb(target.c_str()), &PQfinish);
  REQUIRE_MESSAGE(PQstatus(connection.get()) == CONNECTION_OK, PQerrorMessage(connection.get()));
  return connection;
}

void copy_nothing(PGconn* connection, ExecStatusType status) {
  if (status == PGRES_COPY_IN) PQputCopyEnd(connection, "nothing to copy");
  if (status != PGRES_COPY_OUT) return;
  for (char* row = nullptr; PQgetCopyData(connection, &row, 0) > 0;) PQfreemem(row);
}

// The SQLSTATE that ended the text; "" where all of it has run.
std::string run(PGconn* connection, const std::string& text, uint32_t parameters = 0) {
  CAPTURE(text);
  const std::vector<const char*> nulls(parameters, nullptr);
  const int sent = parameters == 0 ? PQsendQuery(connection, text.c_str())
                                   : PQsendQueryParams(connection, text.c_str(), static_cast<int>(parameters), nullptr,
                                                       nulls.data(), nullptr, nullptr, 0);
  REQUIRE(sent == 1);
  std::string state;
  while (const Answers answer{PQgetResult(connection), &PQclear}) {
    const char* given = PQresultErrorField(answer.get(), PG_DIAG_SQLSTATE);
    if (given != nullptr) state = given;
    if (given != nullptr && state != read_only_transaction && state != active_transaction) {
      MESSAGE(PQresultErrorMessage(answer.get()));
    }
    copy_nothing(connection, PQresultStatus(answer.get()));
  }
  return state;
}

void must(PGconn* connection, const std::string& text) { REQUIRE(run(connection, text).empty()); }

Connection session(const Corpus& corpus) {
  Connection connection = connect(database);
  for (const std::string& text : corpus.session) must(connection.get(), text);
  return connection;
}

// What wants a transaction of its own (VACUUM) gets one that only reads.
std::string run_alone(const Corpus& corpus, const sql::Statement& statement) {
  const Connection connection = session(corpus);
  must(connection.get(), "SET default_transaction_read_only = on");
  return run(connection.get(), statement.native);
}

Answer ask(const Corpus& corpus, const sql::Statement& statement) {
  const Connection connection = session(corpus);
  must(connection.get(), "BEGIN READ ONLY");
  std::string state = run(connection.get(), statement.native, statement.parameters);
  if (state == active_transaction) state = run_alone(corpus, statement);
  if (state == read_only_transaction) return Answer::refused;
  CHECK(state == "");
  return PQtransactionStatus(connection.get()) == PQTRANS_IDLE ? Answer::ended : Answer::allowed;
}

struct Database {
  Connection server = connect(variable("TL_PG_DATABASE"));
  explicit Database(const Corpus& corpus) {
    drop();
    must(server.get(), std::string("CREATE DATABASE ") + database);
    const Connection connection = connect(database);
    for (const std::string& text : corpus.setup) must(connection.get(), text);
  }
  ~Database() { drop(); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  void drop() const { (void)run(server.get(), std::string("DROP DATABASE IF EXISTS ") + database + " WITH (FORCE)"); }
};

std::vector<std::string> names(const std::string& query) {
  const Connection connection = connect(variable("TL_PG_DATABASE"));
  const Answers answer(PQexec(connection.get(), query.c_str()), &PQclear);
  REQUIRE(PQresultStatus(answer.get()) == PGRES_TUPLES_OK);
  std::vector<std::string> given;
  for (int row = 0; row < PQntuples(answer.get()); ++row) given.emplace_back(PQgetvalue(answer.get(), row, 0));
  return given;
}

constexpr const char* volatile_functions =
    "SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND provolatile = 'v'";
constexpr const char* other_functions =
    "SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND provolatile <> 'v'";

// They answer something else each time, or wait, and change nothing.
const std::set<std::string> volatile_and_harmless = {"clock_timestamp",
                                                     "current_query",
                                                     "gen_random_uuid",
                                                     "lo_get",
                                                     "pg_blocking_pids",
                                                     "pg_database_size",
                                                     "pg_indexes_size",
                                                     "pg_is_in_recovery",
                                                     "pg_is_wal_replay_paused",
                                                     "pg_jit_available",
                                                     "pg_last_wal_receive_lsn",
                                                     "pg_last_wal_replay_lsn",
                                                     "pg_last_xact_replay_timestamp",
                                                     "pg_lock_status",
                                                     "pg_partition_ancestors",
                                                     "pg_partition_tree",
                                                     "pg_relation_size",
                                                     "pg_sleep",
                                                     "pg_sleep_for",
                                                     "pg_sleep_until",
                                                     "pg_table_size",
                                                     "pg_tablespace_size",
                                                     "pg_total_relation_size",
                                                     "random",
                                                     "timeofday"};

}  // namespace

TEST_CASE("no function that the server calls volatile counts as harmless without having been looked at") {
  for (const std::string& name : names(volatile_functions)) {
    CAPTURE(name);
    CHECK(sql::is_harmless_function(name, sql::Dialect::postgresql) == volatile_and_harmless.contains(name));
  }
}

TEST_CASE("a function that is known to do something is volatile") {
  for (const std::string& name : names(other_functions)) {
    CAPTURE(name);
    CHECK(sql::effect_of_function(name, sql::Dialect::postgresql).empty());
  }
}

TEST_CASE("the server's own operators are known") {
  for (std::string name :
       names("SELECT DISTINCT oprname FROM pg_operator WHERE oprnamespace = 'pg_catalog'::regnamespace")) {
    CAPTURE(name);
    if (const size_t at = name.find('?'); at != std::string::npos) name.insert(at, 1, '?');
    const sql::Operator found = sql::find_operator(name, 0);
    CHECK(found.harmless);
    CHECK(found.length == name.size());
  }
}

TEST_CASE("the labels are PostgreSQL's") {
  const Corpus corpus = read_corpus(sql::Dialect::postgresql);
  const Database made(corpus);
  check_labels(corpus, sql::Dialect::postgresql,
               [&](const sql::Statement& statement) { return ask(corpus, statement); });
}

}  // namespace tl::statements
