// MariadbSession: what the server tells of itself, and waiting for a replica.
#include <array>
#include <charconv>

#include "mariadb_steps.hpp"

namespace tl::mariadb {

using driver::ServerRole;

namespace {

// What is asked, and behind it, for those who may know, whether the server replicates. MySQL has other GTIDs.
constexpr std::string_view of_mariadb = "SELECT @@global.read_only, @@global.gtid_slave_pos, @@global.gtid_binlog_pos";
constexpr std::string_view of_others = "SELECT @@global.read_only, NULL, NULL";
enum Column : unsigned { read_only, replayed, logged };

constexpr unsigned first_with_replica_status = 80022;  // MySQL

bool is_off(std::string_view text) noexcept { return text == "0" || text == "OFF"; }

bool is_one_of(std::string_view name, const std::array<std::string_view, 2>& names) noexcept {
  return name == names[0] || name == names[1];
}

}  // namespace

driver::Position position_of(std::string_view gtids) {
  driver::Position position;
  const char* at = gtids.data();
  const char* const end = at + gtids.size();
  const auto take = [&](auto& number, char behind) {
    const auto [stop, wrong] = std::from_chars(at, end, number);
    if (wrong != std::errc() || (stop == end ? behind != ',' : *stop != behind)) return false;
    at = stop == end ? stop : stop + 1;
    return true;
  };
  while (at != end) {
    driver::Position one{.kind = driver::Position::Kind::mariadb};
    driver::Position::Mark mark;
    if (!take(mark.domain, '-') || !take(mark.server, '-') || !take(mark.at, ',')) return {};
    one.marks.push_back(mark);
    take_later(position, one);
  }
  return position;
}

// Reads an answer of several sets, of which the last may be refused.
template <class Verb>
class MariadbSession::SightSteps : public Steps<Verb> {
 public:
  using Steps<Verb>::Steps;

 protected:
  Result<void> begin() override {
    if (session_.source_ == Source::none) return {};
    return fail(Status::misuse, "an answer is still being read", Phase::send);
  }

  // Of each row, in session_.row_ and session_.result_; `set` counts from 0.
  virtual void take_row(unsigned set) = 0;

  // False: it waits. What was refused is in wrong_.
  bool ask(std::string_view text) {
    if (!asked_) {
      MYSQL* const conn = session_.conn_.get();
      if (!session_.template call<mysql_real_query_start, mysql_real_query_cont>(session_.failed_, conn, text.data(),
                                                                                 text.size()))
        return false;
      asked_ = true;
      set_ = 0;
      this->failed_ = false;
      if (session_.failed_ != 0) {
        this->note_error();
      } else {
        session_.source_ = Source::text;
        session_.begin_set();
      }
    }
    if (session_.source_ != Source::none && !read()) return false;
    asked_ = false;
    return true;
  }

  [[nodiscard]] std::string_view text_of(unsigned column) const noexcept {
    const char* const text = session_.row_[column];
    return text == nullptr ? std::string_view() : std::string_view(text);
  }

  using Steps<Verb>::session_;

 private:
  bool read() {
    uint64_t ignored = 0;
    for (;;) {
      while (session_.in_rows_) {
        if (!session_.next_row(nullptr, ignored)) return false;
        if (session_.row_came_ == RowCame::row) take_row(set_);
        if (session_.row_came_ == RowCame::error) this->note_error();
      }
      if (!this->has_more()) break;
      if (!this->next_head()) return false;
      ++set_;
    }
    session_.end_answer();
    return true;
  }

  bool asked_ = false;
  unsigned set_ = 0;
};

class MariadbSession::LookOperation final : public SightSteps<driver::Look> {
 public:
  using SightSteps::SightSteps;

 private:
  Result<bool> advance() override {
    if (!ask(session_.question())) return false;
    if (wrong_ == nullptr || (told_ && is_refusal(static_cast<unsigned>(wrong_->native)))) {
      conclude();
      return true;
    }
    return std::move(wrong_);
  }

  void take_row(unsigned set) override {
    if (set == 0) {
      take_server();
    } else {
      take_replication();
    }
  }

  void take_server() {
    told_ = true;
    const bool refuses = !is_off(text_of(read_only));
    sight.role = refuses ? ServerRole::replica : ServerRole::primary;
    sight.position = position_of(text_of(refuses ? replayed : logged));
  }

  // Of one of those that it replicates.
  void take_replication() {
    const unsigned n = mysql_num_fields(session_.result_.get());
    for (unsigned i = 0; i < n; ++i) {
      const std::string_view name = mysql_fetch_field_direct(session_.result_.get(), i)->name;
      const std::string_view text = text_of(i);
      if (is_one_of(name, {"Slave_IO_Running", "Replica_IO_Running"}) ||
          is_one_of(name, {"Slave_SQL_Running", "Replica_SQL_Running"})) {
        replicates_ = replicates_ || text != "No";
      } else if (is_one_of(name, {"Seconds_Behind_Master", "Seconds_Behind_Source"})) {
        take_lag(text);
      }
    }
  }

  // That of the one furthest behind; one that has stopped does not say.
  void take_lag(std::string_view text) {
    int64_t seconds = 0;
    lag_is_known_ = lag_is_known_ && std::from_chars(text.data(), text.data() + text.size(), seconds).ec == std::errc();
    const Nanos lag = std::chrono::seconds(seconds);
    sight.lag = lag_is_known_ ? std::optional(std::max(sight.lag.value_or(lag), lag)) : std::nullopt;
  }

  void conclude() noexcept {
    // One that takes writes and replicates is a replica that was never made read-only, or one of two primaries.
    const bool known = wrong_ == nullptr && !replicates_;
    sight.is_certain = sight.role == ServerRole::replica || known;
    wrong_ = {};
  }

  bool told_ = false;
  bool replicates_ = false;
  bool lag_is_known_ = true;
};

// Asks, waits where the place has not been reached, and asks again.
class MariadbSession::ReachOperation final : public SightSteps<driver::Reach> {
 public:
  ReachOperation(MariadbSession& session, driver::Position wanted, Deadline until)
      : SightSteps(session), wanted_(std::move(wanted)), until_(until) {}

 private:
  Result<void> begin() override {
    if (!is_mariadb(session_.conn_.get())) return {};
    text_ = of_mariadb;
    return SightSteps::begin();
  }

  Result<bool> advance() override {
    if (text_.empty()) return true;
    for (;;) {
      if (!ask(text_)) return false;
      // The server's own limit on statements may come before the deadline.
      if (wrong_ != nullptr && wrong_->status != Status::statement_timeout) return std::move(wrong_);
      if (std::exchange(waited_, true) || reached || wrong_ != nullptr || !begin_waiting()) break;
    }
    wrong_ = {};
    return true;
  }

  void take_row(unsigned /*set*/) override {
    if (mysql_num_fields(session_.result_.get()) == 1) return;  // how the waiting ended
    position = position_of(text_of(replayed));
    // What a primary has written itself, it has.
    if (is_off(text_of(read_only))) take_later(position, position_of(text_of(logged)));
    reached = standing(position, wanted_) == driver::Standing::there;
  }

  // False: there is no time for it.
  bool begin_waiting() {
    if (wanted_.kind != driver::Position::Kind::mariadb) return false;
    std::string list;
    for (const driver::Position::Mark& mark : wanted_.marks) {
      list += (list.empty() ? "" : ",") + std::to_string(mark.domain) + '-' + std::to_string(mark.server) + '-' +
              std::to_string(mark.at);
    }
    text_ = "SELECT MASTER_GTID_WAIT('" + list + "'";
    if (!until_.is_never()) {
      const Nanos left = until_.at - steady_clock().now();
      if (left <= Nanos::zero()) return false;
      text_ += ", " + std::to_string(std::chrono::duration<double>(left).count());
    }
    text_ += "); ";
    text_ += of_mariadb;
    return true;
  }

  const driver::Position wanted_;
  const Deadline until_;
  std::string text_;
  bool waited_ = false;
};

const std::string& MariadbSession::question() {
  if (!question_.empty()) return question_;
  MYSQL* const conn = conn_.get();
  const bool mariadb = is_mariadb(conn);
  question_ = mariadb ? of_mariadb : of_others;
  question_ += mariadb                                                       ? "; SHOW ALL SLAVES STATUS"
               : mysql_get_server_version(conn) >= first_with_replica_status ? "; SHOW REPLICA STATUS"
                                                                             : "; SHOW SLAVE STATUS";
  return question_;
}

std::unique_ptr<driver::Look> MariadbSession::look() { return std::make_unique<LookOperation>(*this); }
std::unique_ptr<driver::Reach> MariadbSession::reach(driver::Position wanted, Deadline until) {
  return std::make_unique<ReachOperation>(*this, std::move(wanted), until);
}

}  // namespace tl::mariadb
