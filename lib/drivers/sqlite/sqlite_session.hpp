// A session on one SQLite database. Everything happens on the thread that resumes the operation: operations wait `on
// worker`, which a blocking caller does inline.
#pragma once
#include <sqlite3.h>

#include <list>
#include <optional>
#include <unordered_map>

#include "driver.hpp"
#include "sqlite_kept_lock.hpp"
#include "sqlite_lock.hpp"

namespace tl::sqlite {

constexpr int most_value_bytes = 1'000'000'000;  // SQLite's own default

struct Closer {
  void operator()(sqlite3* db) const noexcept { sqlite3_close_v2(db); }
  std::unique_ptr<KeptLock> lock;  // null: nothing was opened
};
using Handle = std::unique_ptr<sqlite3, Closer>;

// A prepared statement and what was learned about it.
struct Prepared {
  struct Finalizer {
    void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
  };
  std::unique_ptr<sqlite3_stmt, Finalizer> statement;
  bool counts_rows = false;  // INSERT, UPDATE, DELETE, REPLACE: changes() speaks of it
  bool inserts = false;
  bool waits_itself = false;                       // for locks: see on_busy()
  int reprepared = -1;                             // how often SQLite had prepared it anew when `schema` was made
  std::shared_ptr<const columnar::Schema> schema;  // null: it has no columns
};

class SqliteSession final : public driver::Session {
 public:
  // Opens and applies the settings of the address; `dial` bounds it.
  [[nodiscard]] static Result<std::unique_ptr<driver::Session>> open(const config::Address& address,
                                                                     driver::Dial& dial);
  ~SqliteSession() override;

  [[nodiscard]] std::unique_ptr<driver::Run> run(driver::Request request) override;
  [[nodiscard]] std::unique_ptr<driver::Run> next_set() override;
  [[nodiscard]] std::unique_ptr<driver::Fetch> fetch(driver::FetchLimits limits) override;
  [[nodiscard]] std::unique_ptr<driver::Many> run_many(driver::ManyRequest request) override;
  [[nodiscard]] std::unique_ptr<driver::Operation> ping() override;
  [[nodiscard]] std::unique_ptr<driver::Operation> reset() override;
  [[nodiscard]] std::shared_ptr<driver::Canceller> canceller() override { return stop_; }

  [[nodiscard]] driver::State state() const noexcept override;
  [[nodiscard]] bool changed() const noexcept override { return changed_; }
  [[nodiscard]] bool looks_alive() noexcept override { return true; }
  [[nodiscard]] bool lingers() const noexcept override { return db_.get_deleter().lock->is_kept(); }
  void rest() noexcept override { db_.get_deleter().lock->release(); }
  [[nodiscard]] std::string backend_id() const override { return ""; }

 private:
  template <class Verb>
  class StatementOperation;
  class RunOperation;
  class FetchOperation;
  class ManyOperation;
  class ResetOperation;
  class PingOperation;
  // What the progress handler looks at; may outlive the session.
  struct Stop final : driver::Canceller {
    std::atomic<bool> wanted{false};
    [[nodiscard]] bool blocks() const noexcept override { return false; }
    void cancel(driver::Dial&) noexcept override { wanted.store(true, std::memory_order_release); }
  };

  // While one operation computes: until when, and who may stop it. `budget`: what is left of statement_timeout.
  class Running {
   public:
    Running(SqliteSession& session, const driver::Operation& operation, std::optional<Nanos> budget) noexcept;
    ~Running();
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

   private:
    SqliteSession& session_;
    std::optional<Instant> began_;
  };
  // An operation's first step: what was to stop the one before it, and what that waited for, does not concern it.
  [[nodiscard]] driver::Step begin() noexcept;

  // sqlite_open.cpp, sqlite_restore.cpp
  SqliteSession(Handle db, const config::Address& address);
  [[nodiscard]] static Result<Handle> open_handle(const config::Address& address);
  [[nodiscard]] Result<void> configure();
  [[nodiscard]] Result<void> use_write_ahead_log();
  [[nodiscard]] Result<void> remember_settings();
  [[nodiscard]] Result<void> restore();
  [[nodiscard]] Result<void> reopen();
  [[nodiscard]] Result<void> comb();
  [[nodiscard]] Result<void> execute(const char* sql);
  [[nodiscard]] Result<std::vector<std::string>> ask(const char* sql);  // the first column of its rows

  // sqlite_statement.cpp, sqlite_bind.cpp
  // Makes a statement the one that runs.
  [[nodiscard]] Result<void> activate(const std::shared_ptr<const sql::Statement>& statement);
  [[nodiscard]] Result<void> start(const driver::Request& request, driver::Reply& reply);
  [[nodiscard]] Result<void> next(driver::Reply& reply);
  // Where it meets a lock the statement stays the one that runs, and may be stepped again.
  [[nodiscard]] Result<void> first_step(driver::Reply& reply);
  [[nodiscard]] Result<driver::Then> read(columnar::Batch& batch, driver::FetchLimits limits, int64_t& affected);
  [[nodiscard]] Result<Prepared*> prepare(const std::shared_ptr<const sql::Statement>& statement);
  [[nodiscard]] Result<Prepared> prepare_first(std::string_view sql, unsigned flags, std::string_view& rest);
  [[nodiscard]] Prepared* keep(uint64_t id, Prepared prepared);
  // Without a copy: the values' texts are needed until the statement has ended.
  [[nodiscard]] Result<void> bind(sqlite3_stmt* statement, const columnar::Params& given);
  [[nodiscard]] driver::Then end_set() noexcept;
  [[nodiscard]] int64_t affected(const Prepared& prepared) const noexcept;
  void drop_answer() noexcept;
  // Drops the answer because of `failure`; of a text whose earlier statements have run, it says that they may have.
  [[nodiscard]] Failure give_up(Failure failure) noexcept;
  [[nodiscard]] Failure out_of_memory(Phase phase);
  void learn_schema(Prepared& prepared);

  // What SQLite says of `code`, and whether it was told to stop.
  [[nodiscard]] Failure failed(int code, Phase phase);
  [[nodiscard]] Failure reason(int code, Phase phase);
  [[nodiscard]] Failure locked_out(Instant now, Phase phase);
  [[nodiscard]] Failure stopped(Outcome outcome) const;
  // Whether the statement that runs met another session's lock, has had no effect, and may be tried again.
  [[nodiscard]] bool met_lock(const Error& failure) const noexcept;
  // When; none: the time for it is over, or it is not wanted any more.
  [[nodiscard]] std::optional<Deadline> next_try() noexcept;
  [[nodiscard]] Nanos pause() noexcept;
  static int on_progress(void* self) noexcept;
  static int on_busy(void* self, int count) noexcept;
  // sqlite_log.cpp
  static int on_log(void* self, sqlite3* db, const char* name, int pages) noexcept;
  static int on_readers(void* self, int count) noexcept;
  [[nodiscard]] bool should_stop() noexcept;
  void install_handlers() noexcept;

  struct Cached {
    uint64_t id;
    Prepared prepared;
  };
  struct Setting {
    std::string name, value;
  };

  const config::Address address_;
  const std::shared_ptr<Stop> stop_ = std::make_shared<Stop>();
  Handle db_;
  bool changed_ = false;
  std::vector<Setting> settings_;  // of a memory database, as open() left them

  // Prepared statements by id; the most recently used first.
  std::list<Cached> cache_;
  std::unordered_map<uint64_t, std::list<Cached>::iterator> by_id_;

  // The answer in progress.
  Prepared own_;  // a statement that is not kept
  Prepared* active_ = nullptr;
  std::string_view rest_;                       // the statements after it, "": none
  std::shared_ptr<const sql::Statement> text_;  // of `rest_`
  bool later_in_text_ = false;                  // statements of the same text have run before this one
  bool row_waits_ = false;                      // stepped to, not yet read
  int64_t rows_ = 0;
  Nanos spent_{0};     // computing, where a statement_timeout is set
  std::string arena_;  // bound text and blobs of a statement that gives rows

  // The operation that computes, or the opening.
  const driver::Operation* running_ = nullptr;
  const driver::Dial* dial_ = nullptr;
  bool began_inside_ = false;  // a transaction
  Deadline until_;
  LockWait lock_;
  Deadline restart_until_;  // of the log
  int next_restart_ = 0;    // at so many pages
  enum class Stopped : uint8_t { no, deadline, cancelled } stopped_ = Stopped::no;
  uint32_t jitter_;  // never 0
};

}  // namespace tl::sqlite
