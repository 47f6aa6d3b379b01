// PostgresqlSession: what the server tells of itself, and waiting for a replica.
#include <charconv>

#include "postgresql_steps.hpp"

namespace tl::postgresql {

using driver::ServerRole;
using driver::Sight;

namespace {

// What is asked, the most telling first. Servers that speak the protocol but are not PostgreSQL, old ones, and those
// whose administrator keeps functions to himself do not answer all of it.
//
// Of a replica's time line an ordinary user is told what it was at the last restart point, those who may read
// statistics (pg_monitor) also what it is being sent.
constexpr std::array questions = {
    "SELECT pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('default_transaction_read_only'), "
    "pg_catalog.date_part('epoch', CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.clock_timestamp() "
    "OPERATOR(pg_catalog.-) pg_catalog.pg_last_xact_replay_timestamp() END), "
    "CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn() "
    "ELSE pg_catalog.pg_current_wal_flush_lsn() END, "
    "CASE WHEN pg_catalog.pg_is_in_recovery() THEN NULL "
    "ELSE pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_flush_lsn()) END, "
    "GREATEST(c.timeline_id, r.min_recovery_end_timeline, "
    "(SELECT w.received_tli FROM pg_catalog.pg_stat_wal_receiver w)), s.system_identifier "
    "FROM pg_catalog.pg_control_system() s, pg_catalog.pg_control_checkpoint() c, pg_catalog.pg_control_recovery() r",
    "SELECT pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('default_transaction_read_only'), "
    "pg_catalog.date_part('epoch', CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.clock_timestamp() "
    "OPERATOR(pg_catalog.-) pg_catalog.pg_last_xact_replay_timestamp() END)",
    "SELECT false, pg_catalog.current_setting('default_transaction_read_only')", "SELECT false, 'off'"};
constexpr size_t knows_recovery = 2;  // questions that ask for it
constexpr size_t of_anybody = questions.size() - 1;

enum Column : int { in_recovery, read_only, seconds_behind, come_to, file, timeline, system_number };

std::string_view text_of(const PGresult& row, int column) noexcept {
  if (column >= PQnfields(&row) || PQgetisnull(&row, 0, column) != 0) return {};
  return {PQgetvalue(&row, 0, column), static_cast<size_t>(PQgetlength(&row, 0, column))};
}

template <class Number>
bool read(std::string_view text, Number& number) noexcept {
  return std::from_chars(text.data(), text.data() + text.size(), number).ec == std::errc();
}

bool is_on(std::string_view text) noexcept { return text == "t" || text == "on"; }

// How long ago the last transaction that was replayed had been committed; the servers' clocks may differ.
std::optional<Nanos> lag_of(std::string_view text) noexcept {
  double seconds = 0;
  if (!read(text, seconds)) return std::nullopt;
  return std::chrono::duration_cast<Nanos>(std::chrono::duration<double>(std::max(seconds, 0.0)));
}

driver::Position position_of(const PGresult& row) {
  driver::Position position;
  const std::optional<uint64_t> at = place_of(text_of(row, come_to));
  if (!at || !read(text_of(row, system_number), position.system)) return {};
  // A primary's time line stands in the name of the file that it writes.
  const std::string_view name = text_of(row, file);
  if (!name.empty()) position.timeline = timeline_of(name);
  if (name.empty() && !read(text_of(row, timeline), position.timeline)) return {};
  position.kind = driver::Position::Kind::postgresql;
  position.marks.push_back({.at = *at});
  return position;
}

}  // namespace

// Asks the question that the server understands; which that is, is found out by the session's first look.
template <class Verb>
class PostgresqlSession::SightSteps : public Steps<Verb> {
 public:
  using Steps<Verb>::Steps;

 protected:
  Result<void> begin() override {
    if (session_.answering_) return fail(Status::misuse, "an answer is still being read", Phase::send);
    if (session_.footing_.peer == Peer::redshift) session_.question_ = of_anybody;
    return ask();
  }

  Result<void> ask() { return session_.send_own(questions[session_.question_]); }

  // False: the answer has not come yet.
  Result<bool> read_sight(Sight& into) {
    ResultHandle result;
    for (;;) {
      switch (session_.next_result(result)) {
        case Came::nothing_yet: return false;
        case Came::result:
          if (has_one_row(*result)) {
            into = sight_of(*result);
          } else if (PQresultStatus(result.get()) == PGRES_FATAL_ERROR) {
            too_much_ = is_not_understood(result.get()) && session_.question_ + 1 < questions.size();
            if (!too_much_) this->note(*result);
          }
          break;
        case Came::end:
          if (this->wrong_ != nullptr) return std::move(this->wrong_);
          if (session_.broken_) return session_.gone(Phase::receive, Outcome::unknown);
          if (!std::exchange(too_much_, false)) return true;
          if (this->cancel_requested()) return this->not_sent();
          ++session_.question_;
          if (Result<void> asked = ask(); !asked) return asked.take_error();
      }
    }
  }

  using Steps<Verb>::session_;

 private:
  [[nodiscard]] Sight sight_of(const PGresult& row) const {
    Sight seen;
    const bool replays = is_on(text_of(row, in_recovery));
    // What this library's own setting refuses says nothing of the server.
    const bool refuses = is_on(text_of(row, read_only)) && !session_.opened_read_only_;
    seen.role = replays || refuses ? ServerRole::replica : ServerRole::primary;
    seen.is_certain = seen.role == ServerRole::replica || session_.question_ < knows_recovery;
    seen.lag = lag_of(text_of(row, seconds_behind));
    seen.position = position_of(row);
    return seen;
  }

  bool too_much_ = false;  // was asked
};

class PostgresqlSession::LookOperation final : public SightSteps<driver::Look> {
 public:
  using SightSteps::SightSteps;

 private:
  Result<bool> advance() override { return read_sight(sight); }
};

// Asks again and again: PostgreSQL has nothing that waits for a place in its log.
class PostgresqlSession::ReachOperation final : public SightSteps<driver::Reach> {
 public:
  ReachOperation(PostgresqlSession& session, driver::Position wanted, Deadline until)
      : SightSteps(session), wanted_(std::move(wanted)), until_(until) {}

 private:
  static constexpr Nanos first_pause = std::chrono::milliseconds(1);
  static constexpr Nanos longest_pause = std::chrono::milliseconds(10);

  Result<bool> advance() override {
    if (!pause_.is_never()) {
      if (cancel_requested()) return not_sent();
      if (!pause_.passed(steady_clock().now())) return false;
      pause_ = Deadline::never();
      if (Result<void> sent = ask(); !sent) return sent.take_error();
    }
    Sight now_seen;
    Result<bool> told = read_sight(now_seen);
    if (!told || !*told) return told;
    position = std::move(now_seen.position);
    reached = standing(position, wanted_) == driver::Standing::there;
    return reached || !may_come() || !pause();
  }

  // Its time line is known late, but grows only.
  [[nodiscard]] bool may_come() const noexcept {
    switch (standing(position, wanted_)) {
      case driver::Standing::there:
      case driver::Standing::behind: return true;
      case driver::Standing::other: return position.timeline < wanted_.timeline;
      case driver::Standing::foreign: return false;
    }
    return false;
  }

  // False: it has waited long enough.
  bool pause() noexcept {
    const Instant now = steady_clock().now();
    if (until_.passed(now)) return false;
    pause_ = earlier(Deadline::after(now, next_pause_), until_);
    next_pause_ = std::min(2 * next_pause_, longest_pause);
    return true;
  }

  const driver::Position wanted_;
  const Deadline until_;
  Nanos next_pause_ = first_pause;
};

std::unique_ptr<driver::Look> PostgresqlSession::look() { return std::make_unique<LookOperation>(*this); }

std::unique_ptr<driver::Reach> PostgresqlSession::reach(driver::Position wanted, Deadline until) {
  return std::make_unique<ReachOperation>(*this, std::move(wanted), until);
}

}  // namespace tl::postgresql
