// A session on one PostgreSQL server, in libpq's pipeline mode with a sync after each statement, so that errors stay
// apart, or after a batch of those that share the session. It is left only for texts of several statements, which the
// simple protocol alone takes.
#pragma once
#include "driver.hpp"
#include "postgresql_error.hpp"
#include "postgresql_params.hpp"
#include "postgresql_peer.hpp"
#include "postgresql_prepared.hpp"

namespace tl::postgresql {

// A log sequence number; nothing where it is none.
[[nodiscard]] std::optional<uint64_t> place_of(std::string_view text) noexcept;

// The time line of a file of the log, by its name; 0 where it is none.
[[nodiscard]] uint32_t timeline_of(std::string_view file) noexcept;

// Of a question of the library's own; behind a text of several statements it comes in libpq's single-row mode.
[[nodiscard]] bool has_one_row(const PGresult& result) noexcept;

// Whether they stand somewhere in the text, in capitals or not; `letters` are small.
[[nodiscard]] bool has_letters(std::string_view text, std::string_view letters) noexcept;

class PostgresqlSession final : public driver::Session {
 public:
  [[nodiscard]] static Result<std::unique_ptr<driver::Session>> open(const config::Address& address,
                                                                     driver::Dial& dial);

  [[nodiscard]] std::unique_ptr<driver::Run> run(driver::Request request) override;
  [[nodiscard]] std::unique_ptr<driver::Run> next_set() override;
  [[nodiscard]] bool rides(const driver::Request& request) const noexcept override;
  [[nodiscard]] std::unique_ptr<driver::Run> ride(driver::Request request) override;
  [[nodiscard]] std::unique_ptr<driver::Fetch> fetch(driver::FetchLimits limits) override;
  [[nodiscard]] std::unique_ptr<driver::Many> run_many(driver::ManyRequest request) override;
  [[nodiscard]] std::unique_ptr<driver::Operation> ping() override;
  [[nodiscard]] std::unique_ptr<driver::Operation> reset() override;
  [[nodiscard]] std::shared_ptr<driver::Canceller> canceller() override { return canceller_; }
  [[nodiscard]] std::unique_ptr<driver::Look> look() override;
  [[nodiscard]] std::unique_ptr<driver::Reach> reach(driver::Position wanted, Deadline until) override;
  [[nodiscard]] driver::Position written() const override;

  [[nodiscard]] driver::State state() const noexcept override;
  [[nodiscard]] bool changed() const noexcept override { return changed_; }
  [[nodiscard]] bool looks_alive() noexcept override;
  [[nodiscard]] int descriptor() const noexcept override { return PQsocket(conn_.get()); }
  // A proxy's number is of no server, and the servers behind it change.
  [[nodiscard]] std::string backend_id() const override {
    return footing_.peer == Peer::proxy ? "" : std::to_string(PQbackendPID(conn_.get()));
  }

 protected:
  void move_bytes(driver::Ready got) noexcept override;

 private:
  template <class Verb>
  class Steps;
  class RunOperation;
  class RideOperation;
  class FetchOperation;
  class ManyOperation;
  class CopyOperation;
  class PingOperation;
  template <class Verb>
  class SightSteps;
  class LookOperation;
  class ReachOperation;
  class ResetOperation;

  PostgresqlSession(Conn conn, std::shared_ptr<driver::Canceller> canceller, const config::Address& address,
                    Footing footing);
  static void on_notice(void* self, const PGresult* notice) noexcept;

  [[nodiscard]] std::unique_ptr<driver::Many> copy(driver::ManyRequest request);
  // Before a statement of the caller's: what it may leave behind.
  void note_changes(const sql::Statement& statement);

  // postgresql_position.cpp: where in the log what a statement has written is, asked in the same flush behind it.
  // Before a statement of the caller's. Whether its place can be asked for before its answer is there: when that is,
  // the session is in no transaction, whose snapshot the question would take.
  [[nodiscard]] bool expects_position(const sql::Statement& statement, bool wanted) noexcept;
  // Behind a statement that was sent: now, or when its answer has ended and no transaction is open.
  [[nodiscard]] Result<void> ask_position(bool now);
  [[nodiscard]] bool send_position() noexcept;
  void take_position(const PGresult& result) noexcept;
  void take_row(const PGresult& row) noexcept;
  // A statement has been answered; the place that was asked for is still to be read.
  void end_statement() noexcept;

  // libpq keeps them for whoever asks, and nobody does.
  void drop_notifications() noexcept;

  // What the answer that is being read consists of.
  enum class Protocol : uint8_t { extended, simple };

  // postgresql_exchange.cpp: sending, and what comes back.
  enum class Came : uint8_t { nothing_yet, result, end };
  // The next result of the answer; `end` once: the session is ready for another statement. Never waits.
  [[nodiscard]] Came next_result(ResultHandle& result) noexcept;
  // `has_more`: to send, beside what libpq has been given.
  [[nodiscard]] driver::Wait socket_wait(bool has_more) noexcept;
  [[nodiscard]] Result<void> sent(int accepted);
  [[nodiscard]] Result<void> encode(const columnar::Params& params, const std::vector<Oid>& types);
  // `several`: the caller's text of several statements, null for the library's own.
  [[nodiscard]] Result<void> send_simple(const char* text, std::shared_ptr<const sql::Statement> several);
  // Of several statements.
  [[nodiscard]] Result<void> send_text(const std::shared_ptr<const sql::Statement>& several);
  [[nodiscard]] Result<void> send_unprepared(const driver::Request& request);
  [[nodiscard]] Result<void> send_prepare(const sql::Statement& statement, const Prepared& prepared);
  [[nodiscard]] Result<void> send_prepared(const Prepared& prepared, const columnar::Params& params);
  [[nodiscard]] Result<void> send_execute(const Prepared& prepared);
  // The same for many rows, by the unnamed statement, with no sync before send_ping() or abort_many().
  [[nodiscard]] Result<void> send_many_prepare(const sql::Statement& statement, const std::vector<Oid>& types);
  [[nodiscard]] Result<void> send_many_row(const columnar::Params& row, const std::vector<Oid>& types);
  // Has the server undo the rows that it was sent.
  [[nodiscard]] Result<void> abort_many();
  [[nodiscard]] Result<void> send_ping();
  // Those of the footing: in front of what is a transaction of its own, and behind what begins one. What comes of
  // it in front is read over; `single_rows`: what follows comes in libpq's single-row mode.
  [[nodiscard]] bool wants_settings(const sql::Statement& statement) const noexcept;
  [[nodiscard]] bool wants_settings_behind(const sql::Statement& statement) const noexcept;
  [[nodiscard]] Result<void> send_settings_behind();
  // Error: unsupported; it may commit on its way, and what comes then would run without them.
  [[nodiscard]] Result<void> keeps_settings(const sql::Statement& statement) const;
  [[nodiscard]] Result<void> lead(const sql::Statement& statement, bool single_rows);
  // Whether the result is of what leads, and nobody's affair.
  [[nodiscard]] bool is_leading(const PGresult* result) noexcept;
  // A question of the library's own, which leaves nothing behind.
  [[nodiscard]] Result<void> send_own(const char* question);
  [[nodiscard]] Result<void> sync();
  // `statement`: that it is about, null if it has none of its own.
  [[nodiscard]] Failure error_of(const PGresult* result, Phase phase, const sql::Statement* statement);
  [[nodiscard]] Failure gone(Phase phase, Outcome outcome);

  // postgresql_ride.cpp
  // Sends the rides that are held back as one batch with one sync: where one of them fails, those behind it do not run.
  void send_held_back() noexcept;

  // postgresql_rows.cpp
  [[nodiscard]] Result<void> begin_set(const PGresult* head);
  [[nodiscard]] Result<void> read_row(columnar::Batch& batch, const PGresult* row, uint64_t& bytes);
  // `where`: "" or the column, of the type.
  [[nodiscard]] Failure wrong_row(const std::string& where, Complaint complaint, const TypeInfo* type) const;
  // The caller has not changed how texts are encoded.
  [[nodiscard]] Result<void> same_encoding();
  // libpq's buffers never shrink: a session with large ones is not worth keeping.
  void note_size(uint64_t bytes) noexcept;

  Conn conn_;
  const Footing footing_;
  const std::shared_ptr<driver::Canceller> canceller_;
  const bool arrays_as_text_;
  const bool opened_read_only_;
  const int encoding_;
  PreparedCache prepared_;
  EncodedParams params_;
  bool broken_ = false;
  bool changed_ = false;
  bool swollen_ = false;
  uint64_t unsent_ = 0;                 // bytes of values of rides, at most: none once libpq has sent all
  RideOperation* held_back_ = nullptr;  // the first ride that has not been sent; nor have those behind it
  Instant batch_sent_;                  // when those before it were
  size_t question_ = 0;                 // that the server understands, of those that look() knows
  bool has_prepared_by_text_ = false;   // statements prepared by the caller's own PREPARE

  // Positions. What the server is and does not change while the session lasts comes with the first.
  bool tells_position_;  // it has not refused to
  uint64_t system_ = 0;  // 0: it has not been told yet
  uint32_t timeline_ = 0;
  uint64_t segment_size_ = 0;
  uint64_t page_size_ = 0;
  uint64_t written_ = 0;  // 0: not known
  enum class Asked : uint8_t { no, after, behind, reading };
  Asked position_ = Asked::no;

  // The answer in progress.
  bool answering_ = false;
  Protocol protocol_ = Protocol::extended;
  std::shared_ptr<const sql::Statement> several_;  // simple: the caller's text
  enum class Leads : uint8_t { nothing, results, single_rows };
  Leads leads_ = Leads::nothing;      // settings do, before it; and what follows them
  size_t led_ = 0;                    // simple: so many characters before the caller's text
  uint32_t syncs_ = 0;                // extended: of those sent, how many have not come back
  bool ends_without_sync_ = false;    // a ride's, that others of its batch follow
  std::shared_ptr<const Plan> plan_;  // of its rows; extended: null until they come if they were not described before
  bool binary_ = false;               // they come in the binary format
  int64_t rows_ = 0;                  // of its set, how many have been read
  ResultHandle pending_;              // has come, and has not been read
};

}  // namespace tl::postgresql
