// A session on one MariaDB or MySQL server, over Connector/C's non-blocking calls. One call at a time may be suspended
// on it; a second would corrupt the first one's stack.
#pragma once
#include "driver.hpp"
#include "mariadb_error.hpp"
#include "mariadb_params.hpp"
#include "mariadb_prepared.hpp"
#include "mariadb_sigpipe.hpp"

namespace tl::mariadb {

// Of the name of a time zone; "" is that which sessions are given where none is configured.
[[nodiscard]] bool is_utc(std::string_view timezone) noexcept;

// Of a text by which the driver begins a transaction with an isolation of its own: what its first statement sets holds
// for that transaction alone.
[[nodiscard]] bool begins_isolated(std::string_view text);

// MySQL is not.
[[nodiscard]] bool is_mariadb(MYSQL* conn) noexcept;

// Of a list of GTIDs; empty where it is none.
[[nodiscard]] driver::Position position_of(std::string_view gtids);

class MariadbSession final : public driver::Session {
 public:
  [[nodiscard]] static Result<std::unique_ptr<driver::Session>> open(const config::Address& address,
                                                                     driver::Dial& dial);
  ~MariadbSession() override;

  [[nodiscard]] std::unique_ptr<driver::Run> run(driver::Request request) override;
  [[nodiscard]] std::unique_ptr<driver::Run> next_set() override;
  [[nodiscard]] std::unique_ptr<driver::Fetch> fetch(driver::FetchLimits limits) override;
  [[nodiscard]] std::unique_ptr<driver::Many> run_many(driver::ManyRequest request) override;
  [[nodiscard]] std::unique_ptr<driver::Operation> ping() override;
  [[nodiscard]] std::unique_ptr<driver::Operation> reset() override;
  [[nodiscard]] std::shared_ptr<driver::Canceller> canceller() override { return canceller_; }
  [[nodiscard]] std::unique_ptr<driver::Look> look() override;
  [[nodiscard]] std::unique_ptr<driver::Reach> reach(driver::Position wanted, Deadline until) override;
  [[nodiscard]] driver::Position written() const override { return written_; }

  [[nodiscard]] driver::State state() const noexcept override;
  [[nodiscard]] bool changed() const noexcept override { return changed_; }
  [[nodiscard]] bool looks_alive() noexcept override;
  [[nodiscard]] int descriptor() const noexcept override { return mysql_get_socket(conn_.get()); }
  [[nodiscard]] std::string backend_id() const override { return std::to_string(mysql_thread_id(conn_.get())); }

 private:
  template <class Verb>
  class Steps;
  class RunOperation;
  class FetchOperation;
  class ManyOperation;
  class PingOperation;
  class ResetOperation;
  template <class Verb>
  class SightSteps;
  class LookOperation;
  class ReachOperation;

  MariadbSession(Conn conn, std::shared_ptr<driver::Canceller> canceller, const config::Address& address,
                 std::string restoring, uint64_t most_sent);

  // A call into Connector/C by its two functions: starts it, or goes on with it where it is suspended. True: it has
  // returned, and `came` is what it answered. `came` belongs to the session, which may end before the call does.
  template <auto Start, auto Continue, class Came, class Handle, class... Arguments>
  [[nodiscard]] bool call(Came& came, Handle* handle, Arguments... arguments) {
    if (encrypted_) forget_tls_errors();
    if (suspended_ == nullptr) {
      wants_ = Start(&came, handle, arguments...);
    } else {
      const int ready = std::exchange(ready_, 0) & wants_;
      if (ready == 0) return false;
      wants_ = Continue(&came, handle, ready);
    }
    came_ = &came;
    target_ = handle;
    suspended_ = wants_ == 0 ? nullptr : +[](MariadbSession& session, int ready) {
      return Continue(static_cast<Came*>(session.came_), static_cast<Handle*>(session.target_), ready);
    };
    return wants_ == 0;
  }
  [[nodiscard]] driver::Wait socket_wait() const noexcept;
  // Ends a suspended call, whose session is of no further use.
  void unwind() noexcept;

  // mariadb_sight.cpp: what look() asks.
  [[nodiscard]] const std::string& question();

  // mariadb_rows.cpp
  // The answer's next set has come: its columns. False: they are not those of the prepared statement's last answer.
  bool begin_set();
  void read_as_text(unsigned columns);
  // One row, into the batch unless it is null. False: it waits. Otherwise row_came_ tells what came.
  [[nodiscard]] bool next_row(columnar::Batch* batch, uint64_t& bytes);
  static void on_value(void* self, unsigned column, unsigned char** at) noexcept;
  void read_text_row(columnar::Batch& batch) noexcept;
  void row_read(columnar::Batch& batch, uint64_t& bytes) noexcept;
  [[nodiscard]] Failure wrong_value(const columnar::Batch& batch) const;

  // Learns from what the server said at the end of a statement.
  void note_status() noexcept;
  void note_variable(std::string_view name, std::string_view value) noexcept;
  void note_written(std::string_view gtid) noexcept;
  // Before a statement of the caller's.
  void want_place(const sql::Statement& statement, bool wanted) noexcept {
    const bool only_reads = statement.plain && statement.kind == sql::Kind::read;
    place_ = wanted && !only_reads ? Place::told : Place::unwanted;
  }
  // Null, or why the answer that has been read is not to be trusted.
  [[nodiscard]] Failure doubts();
  [[nodiscard]] Failure error_here(Phase phase);
  // Errors (misuse, statement): an answer is pending, or the transaction takes no other statement.
  [[nodiscard]] Result<void> ready_for(const sql::Statement& statement) const;
  // Uses a statement of its own for the answer to come, which is still to be prepared.
  void use_unkept(uint64_t id);
  [[nodiscard]] Failure beyond_packet(const std::string& what) const;  // which "is" or "are"
  void end_answer() noexcept;

  Conn conn_;
  const std::shared_ptr<driver::Canceller> canceller_;
  // Statements after a reset that make the session what it was when it was opened; "": there are none.
  const std::string restoring_;
  const bool opened_in_utc_;
  const bool encrypted_;
  static constexpr uint64_t packet_overhead = 64;
  const uint64_t most_sent_;  // bytes that the server takes at once
  PreparedCache prepared_;
  BoundParams params_;
  std::string question_;  // look()'s, once it was asked
  bool utc_ = false;
  bool broken_ = false;
  bool changed_ = false;
  bool swollen_ = false;
  bool database_moved_ = false;   // since statements were prepared, each of which runs in that of its preparation
  bool foreign_charset_ = false;  // texts come, or are taken, in another than UTF-8
  driver::Position written_;      // as the server has told
  bool stopped_ = false;          // a statement of the transaction was, and it goes on no further

  // The suspended call.
  int (*suspended_)(MariadbSession&, int ready) = nullptr;
  int wants_ = 0;
  int ready_ = 0;
  void* came_ = nullptr;
  void* target_ = nullptr;
  int failed_ = 0;           // what most calls answer
  my_bool freed_ = 0;        // mysql_stmt_free_result
  MYSQL_ROW row_ = nullptr;  // mysql_fetch_row

  // The answer in progress.
  enum class Source : uint8_t { none, prepared, text };
  Source source_ = Source::none;
  Prepared* using_ = nullptr;                        // prepared: the statement
  Prepared unkept_;                                  // where it is kept by nobody else
  ResultHandle result_;                              // text: the set that is being read
  std::shared_ptr<const sql::Statement> statement_;  // that the server is running, or has
  std::shared_ptr<const Plan> plan_;                 // of the set; null: it has no columns
  bool in_rows_ = false;                             // it has not been read to its end
  bool told_timestamps_ = false;                     // some set had a column of that type
  bool zone_moved_ = false;                          // after that
  bool head_came_ = false;                           // of a further set, and it has not been told
  int64_t rows_ = 0;                                 // read of the set
  // Whether the place that the statement has written to is wanted, and has to be asked for: where it gives rows the
  // server does not tell.
  enum class Place : uint8_t { unwanted, told, asked_for, coming };
  Place place_ = Place::unwanted;
  MYSQL_RES* place_came_ = nullptr;
  enum class RowCame : uint8_t { row, end, error, unreadable };
  RowCame row_came_ = RowCame::end;

  // While a row is read by Connector/C's calls to on_value().
  columnar::Batch* reading_ = nullptr;
  Complaint complaint_ = nullptr;
  unsigned complained_ = 0;  // the column
  bool no_memory_ = false;
  uint64_t row_bytes_ = 0;
};

}  // namespace tl::mariadb
