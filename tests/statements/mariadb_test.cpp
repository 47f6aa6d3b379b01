#include <mysql.h>

#include <memory>

#include "checking.hpp"

namespace tl::statements {
namespace {

using Connection = std::unique_ptr<MYSQL, decltype(&mysql_close)>;

constexpr const char* database = "statements";
constexpr unsigned int read_only_transaction = 1792;     // ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION
constexpr unsigned int in_read_only_transaction = 8192;  // SERVER_STATUS_IN_TRANS_READONLY

Connection connect(const char* name) {
  Connection connection(mysql_init(nullptr), &mysql_close);
  const unsigned int on = 1;
  mysql_options(connection.get(), MYSQL_OPT_LOCAL_INFILE, &on);
  mysql_options(connection.get(), MYSQL_SET_CHARSET_NAME, "utf8mb4");
  const bool connected = mysql_real_connect(connection.get(), nullptr, std::getenv("TL_MARIADB_USER"), nullptr, name, 0,
                                            std::getenv("TL_MARIADB_SOCKET"), CLIENT_MULTI_STATEMENTS) != nullptr;
  REQUIRE_MESSAGE(connected, mysql_error(connection.get()));
  return connection;
}

// The number of the error that ended the text; 0 where all of it has run.
unsigned int run(MYSQL* connection, const std::string& text) {
  if (mysql_real_query(connection, text.data(), text.size()) != 0) return mysql_errno(connection);
  int more = 0;
  do {
    mysql_free_result(mysql_store_result(connection));
    more = mysql_next_result(connection);
  } while (more == 0);
  return more > 0 ? mysql_errno(connection) : 0;
}

// Each parameter is 1: not every place takes NULL.
unsigned int run_prepared(MYSQL* connection, const sql::Statement& given) {
  const std::unique_ptr<MYSQL_STMT, decltype(&mysql_stmt_close)> statement(mysql_stmt_init(connection),
                                                                           &mysql_stmt_close);
  long long one = 1;
  std::vector<MYSQL_BIND> values(given.parameters);
  for (MYSQL_BIND& value : values) {
    value.buffer_type = MYSQL_TYPE_LONGLONG;
    value.buffer = &one;
  }
  const bool failed = mysql_stmt_prepare(statement.get(), given.native.data(), given.native.size()) != 0 ||
                      mysql_stmt_bind_param(statement.get(), values.data()) != 0 ||
                      mysql_stmt_execute(statement.get()) != 0 || mysql_stmt_store_result(statement.get()) != 0;
  return failed ? mysql_stmt_errno(statement.get()) : 0;
}

void must(MYSQL* connection, const std::string& text) {
  CAPTURE(text);
  REQUIRE_MESSAGE(run(connection, text) == 0, mysql_error(connection));
}

Answer ask(const Corpus& corpus, const sql::Statement& statement) {
  const Connection connection = connect(database);
  for (const std::string& text : corpus.session) must(connection.get(), text);
  must(connection.get(), "START TRANSACTION READ ONLY");
  const unsigned int error =
      statement.parameters == 0 ? run(connection.get(), statement.native) : run_prepared(connection.get(), statement);
  if (error == read_only_transaction) return Answer::refused;
  CHECK_MESSAGE(error == 0, mysql_error(connection.get()));
  const bool goes_on = (connection->server_status & in_read_only_transaction) != 0;
  return goes_on ? Answer::allowed : Answer::ended;
}

class Database {
 public:
  explicit Database(const Corpus& corpus) : corpus_(corpus) { make(); }
  ~Database() { drop(); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  void make() const {
    drop();
    must(server_.get(), std::string("CREATE DATABASE ") + database + " CHARACTER SET utf8mb4");
    const Connection connection = connect(database);
    for (const std::string& text : corpus_.setup) must(connection.get(), text);
  }

 private:
  void drop() const { (void)run(server_.get(), std::string("DROP DATABASE IF EXISTS ") + database); }

  const Corpus& corpus_;
  Connection server_ = connect(nullptr);
};

}  // namespace

TEST_CASE("the labels are MariaDB's") {
  const Corpus corpus = read_corpus(sql::Dialect::mysql);
  const Database made(corpus);
  check_labels(corpus, sql::Dialect::mysql, [&](const sql::Statement& statement) {
    const Answer answer = ask(corpus, statement);
    if (answer == Answer::ended) made.make();  // what ends a transaction is no part of it, and has been done
    return answer;
  });
}

}  // namespace tl::statements
