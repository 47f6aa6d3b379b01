// PostgresqlSession: where in the server's log what a statement has written is.
#include <array>
#include <charconv>

#include "fork.hpp"
#include "postgresql_session.hpp"

namespace tl::postgresql {

namespace {

// Commits that are answered before they have been flushed lie before the insertion point alone. Otherwise that is not
// taken: a replica is not sent what has not been flushed.
constexpr const char* flushed =
    "SELECT CASE pg_catalog.current_setting('synchronous_commit') WHEN 'off' "
    "THEN pg_catalog.pg_current_wal_insert_lsn() ELSE pg_catalog.pg_current_wal_flush_lsn() END";
constexpr const char* inserted = "SELECT pg_catalog.pg_current_wal_insert_lsn()";

enum Column : int { place, file, system_number, segment_size, page_size };

// With what does not change while the session lasts.
std::string with_server(const char* question) {
  return std::string(question) +
         ", pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_flush_lsn()), s.system_identifier, "
         "i.bytes_per_wal_segment, i.wal_block_size "
         "FROM pg_catalog.pg_control_system() s, pg_catalog.pg_control_init() i";
}

const char* question(bool by_insertion, bool with_the_server) {
  using Questions = std::array<std::string, 4>;
  static constinit PerProcess<const Questions> all;
  const Questions& made = all.get([] {
    return new Questions{flushed, inserted, with_server(flushed), with_server(inserted)};
  });
  return made[(by_insertion ? 1 : 0) + (with_the_server ? 2 : 0)].c_str();
}

uint64_t number_of(const PGresult& row, int column) noexcept {
  uint64_t number = 0;
  const char* const text = PQgetvalue(&row, 0, column);
  (void)std::from_chars(text, text + PQgetlength(&row, 0, column), number);
  return number;
}

// The insertion point lies behind the header of a page that has nothing else yet, where no replica comes before
// something follows.
uint64_t end_of_records(uint64_t at, uint64_t segment_size, uint64_t page_size) noexcept {
  constexpr uint64_t long_header = 40;  // of a segment's first page
  constexpr uint64_t header = 24;
  if (at % segment_size == long_header) return at - long_header;
  return at % page_size == header ? at - header : at;
}

}  // namespace

std::optional<uint64_t> place_of(std::string_view text) noexcept {
  uint32_t high = 0;
  uint32_t low = 0;
  const char* const end = text.data() + text.size();
  const auto [slash, wrong] = std::from_chars(text.data(), end, high, 16);
  if (wrong != std::errc() || slash == end || *slash != '/') return std::nullopt;
  if (std::from_chars(slash + 1, end, low, 16).ec != std::errc()) return std::nullopt;
  return uint64_t{high} << 32 | low;
}

uint32_t timeline_of(std::string_view file) noexcept {
  uint32_t number = 0;
  const std::string_view digits = file.substr(0, 8);
  (void)std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
  return number;
}

bool has_one_row(const PGresult& result) noexcept {
  const ExecStatusType status = PQresultStatus(&result);
  return (status == PGRES_TUPLES_OK || status == PGRES_SINGLE_TUPLE) && PQntuples(&result) == 1;
}

bool PostgresqlSession::expects_position(const sql::Statement& statement, bool wanted) noexcept {
  const bool idle = state() == driver::State::idle;
  const bool commits = !idle && (statement.verb == "COMMIT" || statement.verb == "END");
  if (idle || commits) written_ = 0;
  // A proxy gives the session's server to others at the first sync that it sees answered.
  if (!wanted || statement.statements > 1 || footing_.peer == Peer::proxy) return false;
  return idle ? statement.verb != "BEGIN" && statement.verb != "START"
              : commits && !has_letters(statement.native, "chain");
}

Result<void> PostgresqlSession::ask_position(bool now) {
  if (!tells_position_) return {};
  position_ = now ? Asked::behind : Asked::after;
  if (now && !send_position()) return gone(Phase::send, Outcome::unknown);
  return {};
}

bool PostgresqlSession::send_position() noexcept {
  protocol_ = Protocol::extended;
  const char* const text = question(changed_, system_ == 0);
  const bool accepted = PQsendQueryParams(conn_.get(), text, 0, nullptr, nullptr, nullptr, nullptr, 0) == 1 &&
                        PQpipelineSync(conn_.get()) == 1;
  if (!accepted) broken_ = true;
  return accepted;
}

void PostgresqlSession::end_statement() noexcept {
  answering_ = false;
  if (broken_) return;
  const bool now = position_ == Asked::after && PQtransactionStatus(conn_.get()) == PQTRANS_IDLE && send_position();
  answering_ = now || position_ == Asked::behind;
  position_ = answering_ ? Asked::reading : Asked::no;
}

// What fails here is the question alone: a replica answers it so, and whoever may not ask.
void PostgresqlSession::take_position(const PGresult& result) noexcept {
  if (has_one_row(result)) return take_row(result);
  switch (PQresultStatus(&result)) {
    case PGRES_PIPELINE_SYNC:
      answering_ = false;
      position_ = Asked::no;
      break;
    case PGRES_FATAL_ERROR:
      if (ends_session(&result)) broken_ = true;
      if (is_not_understood(&result)) tells_position_ = false;
      break;
    default: break;
  }
}

void PostgresqlSession::take_row(const PGresult& row) noexcept {
  if (PQnfields(&row) > page_size) {
    system_ = number_of(row, system_number);
    timeline_ = timeline_of(PQgetvalue(&row, 0, file));
    segment_size_ = number_of(row, segment_size);
    page_size_ = number_of(row, page_size);
  }
  const std::optional<uint64_t> at = place_of(PQgetvalue(&row, 0, place));
  if (at && segment_size_ != 0 && page_size_ != 0) written_ = end_of_records(*at, segment_size_, page_size_);
}

driver::Position PostgresqlSession::written() const {
  driver::Position position;
  if (written_ == 0) return position;
  position.kind = driver::Position::Kind::postgresql;
  position.system = system_;
  position.timeline = timeline_;
  position.marks.push_back({.at = written_});
  return position;
}

}  // namespace tl::postgresql
