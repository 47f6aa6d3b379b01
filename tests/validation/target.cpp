#include "target.hpp"

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "left_out.hpp"

namespace tl::validation {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) throw std::runtime_error(std::string(name) + " is not set");
  return value;
}

struct Folder {
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "tl-validation-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path = pattern;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::string path;
};

Target sqlite() {
  return {
      .name = "sqlite",
      .kind = config::DriverKind::sqlite,
      .address = "driver = \"sqlite\"\ndatabase = \"" + folder() + "/db.sqlite\"\n",
      .typed_columns = false,
      .keeps_sessions = true,
      .many_sessions = false,
      .rows =
          "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {n}) "
          "SELECT i, 'row ' || i AS t FROM n",
      .endless_rows = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n",
      .endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
      .change = "CREATE TEMP TABLE change_of_session (a INTEGER)",
      .tell = "SELECT count(*) FROM temp.sqlite_master WHERE name = 'change_of_session'",
      .failing_read =
          "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) "
          "SELECT CASE WHEN i < 3 THEN i ELSE json_extract('{', '$') END AS i FROM n",
      .ends_transaction = "INSERT OR ROLLBACK INTO {table} VALUES (1)",
      .bytes_type = "BLOB",
      .text_type = "TEXT",
      .moment_types = "d DATE, t TIMESTAMP, u TIME",
      .moments = "CAST(d AS TEXT) || '|' || CAST(t AS TEXT) || '|' || CAST(u AS TEXT)",
      .infinite_floats = true,
      .tells_each_row = true,
      .uuid_type = "TEXT",
      .json_type = "TEXT",
      .decimal_type = "TEXT",
      .interval_type = "",
      .array_type = "",
      .unsendable = "NaN",
      .deferred = "DEFERRABLE INITIALLY DEFERRED",
  };
}

Target postgresql() {
  // Of what a session may be set to a proxy keeps little for its client.
  const bool proxy = behind_proxy();
  const std::string setting = proxy ? "TimeZone" : "work_mem";
  const std::string other = proxy ? "Asia/Tokyo" : "77MB";
  return {
      .name = "postgresql",
      .kind = config::DriverKind::postgresql,
      .address = "driver = \"postgresql\"\nsocket = \"" + variable("TL_PG_SOCKET") +
                 "\"\nport = " + variable("TL_PG_PORT") + "\ndatabase = \"" + variable("TL_PG_DATABASE") +
                 "\"\nuser = \"" + variable("TL_PG_USER") + "\"\n",
      .typed_columns = true,
      .keeps_sessions = !proxy,
      .many_sessions = true,
      .rows = "SELECT i, 'row ' || i AS t FROM generate_series(1, {n}) i",
      .endless_rows = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n",
      .endless = "SELECT count(*) FROM generate_series(1, 1000000000000) i",
      .change = "SET " + setting + " = '" + other + "'",
      .tell = "SELECT CASE WHEN current_setting('" + setting + "') = '" + other + "' THEN 1 ELSE 0 END",
      .failing_read = "SELECT 10 / (3 - i) AS i FROM generate_series(1, 3) i",
      .ends_transaction = "",
      .bytes_type = "BYTEA",
      .text_type = "TEXT",
      .moment_types = "d DATE, t TIMESTAMP, u TIME",
      .moments = "CAST(d AS TEXT) || '|' || CAST(t AS TEXT) || '|' || CAST(u AS TEXT)",
      .infinite_floats = true,
      .tells_each_row = true,
      .uuid_type = "UUID",
      .json_type = "JSONB",
      .decimal_type = "NUMERIC",
      .interval_type = "INTERVAL",
      .array_type = "INTEGER[]",
      .unsendable = "NUL",
      .deferred = "DEFERRABLE INITIALLY DEFERRED",
  };
}

Target mariadb() {
  return {
      .name = "mariadb",
      .kind = config::DriverKind::mariadb,
      .address = "driver = \"mariadb\"\nsocket = \"" + variable("TL_MARIADB_SOCKET") + "\"\ndatabase = \"" +
                 variable("TL_MARIADB_DATABASE") + "\"\nuser = \"" + variable("TL_MARIADB_USER") + "\"\n",
      .typed_columns = true,
      .keeps_sessions = true,
      .many_sessions = true,
      .rows = "SELECT seq AS i, CONCAT('row ', seq) AS t FROM seq_1_to_{n}",
      .endless_rows = "SELECT a.seq FROM seq_1_to_1000000 a, seq_1_to_1000000 b",
      .endless = "SELECT count(*) FROM seq_1_to_1000000 a, seq_1_to_1000000 b WHERE a.seq <> b.seq + 0",
      .change = "SET sort_buffer_size = 777216",
      .tell = "SELECT CASE WHEN @@sort_buffer_size = 777216 THEN 1 ELSE 0 END",
      .failing_read = "SELECT CASE WHEN seq < 3 THEN seq ELSE (SELECT 1 UNION SELECT 2) END AS i FROM seq_1_to_3",
      .ends_transaction = "",
      .bytes_type = "LONGBLOB",
      .text_type = "LONGTEXT",
      .moment_types = "d DATE, t DATETIME(6), u TIME(6)",
      .moments = "CONCAT_WS('|', d, t, u)",
      .infinite_floats = false,
      .tells_each_row = false,
      .uuid_type = "UUID",
      .json_type = "JSON",
      .decimal_type = "DECIMAL(60,20)",
      .interval_type = "",
      .array_type = "",
      .unsendable = "NaN",
      .deferred = "",
  };
}

}  // namespace

const std::string& folder() {
  static const Folder made;
  return made.path;
}

const Target& target() {
  static const Target chosen = [] {
    const std::string name = variable("TL_TARGET");
    if (name == "sqlite") return sqlite();
    if (name == "postgresql") return postgresql();
    if (name == "mariadb") return mariadb();
    throw std::runtime_error("TL_TARGET: there is no target " + name);
  }();
  return chosen;
}

config::Config configuration(const std::string& more) {
  config::Surroundings surroundings;
  surroundings.folder = folder();
  auto parsed = config::parse("[connections.db]\n" + target().address + more, "validation.toml", surroundings);
  if (!parsed) throw std::runtime_error(parsed.error().message);
  return parsed.take();
}

std::string with(std::string text, const std::string& placeholder, const std::string& value) {
  const size_t at = text.find(placeholder);
  return at == std::string::npos ? text : text.replace(at, placeholder.size(), value);
}

}  // namespace tl::validation
