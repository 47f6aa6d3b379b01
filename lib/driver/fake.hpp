// A scripted database for tests of the rooms above: each verb pauses where its script says, on a real socket, a worker
// or a timer, and answers the script's rows or failure. It keeps to the contract of session.hpp to the letter, and
// reads nothing into readiness: whatever it is resumed with, it looks for itself.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "driver.hpp"

namespace tl::driver {

// What a verb waits for before it goes on.
struct Pause {
  On on = On::socket;
  Ready want = Ready::readable;  // of `socket`: readable for one answer(), writable to send one byte
  Nanos after{0};                // of `timer`

  [[nodiscard]] static Pause for_answer() noexcept { return {}; }
  [[nodiscard]] static Pause to_send() noexcept { return {On::socket, Ready::writable, {}}; }
  [[nodiscard]] static Pause for_worker() noexcept { return {On::worker, Ready::start, {}}; }
  [[nodiscard]] static Pause for_timer(Nanos after) noexcept { return {On::timer, Ready::start, after}; }
};

// One result set: a column "n" of int64 unless it has none.
struct FakeSet {
  bool has_column = true;
  std::vector<int64_t> rows;
  int64_t affected = -1;
  std::optional<Error> error;  // in the place of its end
};

// How one verb goes.
struct Script {
  std::vector<Pause> pauses;        // of the verb, in order
  std::optional<Error> error;       // after them
  std::vector<FakeSet> sets;        // of a statement
  std::vector<Pause> fetch_pauses;  // of each fetch and next_set
  State leaves = State::idle;       // the session, when the answer is complete or failed
  bool stale = false;               // a ride fails with `error` and is to be run again
};

// The connection between a session and its server. Bytes: '.' is an answer, 'c' says that the statement was cancelled.
class FakeWire {
 public:
  FakeWire();
  ~FakeWire();
  FakeWire(const FakeWire&) = delete;
  FakeWire& operator=(const FakeWire&) = delete;

  // The server's side. [any thread]
  void answer(size_t n = 1) noexcept;  // lets `n` pauses for an answer end
  void cancel() noexcept;
  void await_sent() noexcept;    // until the session has sent something
  void hang_up() noexcept;       // the session reads the end of the stream
  void stop_reading() noexcept;  // fills the socket, so that nothing can be sent
  void read_on() noexcept;       // and empties it

  [[nodiscard]] int client_fd() const noexcept { return ends_[0]; }

 private:
  void put(char byte) noexcept;
  int ends_[2];
};

// What sessions of one driver share with the test: scripts by statement text; "PING" and "RESET" for those verbs
// (without a script they answer at once).
struct FakeServer {
  std::map<std::string, Script, std::less<>> scripts;
  std::vector<std::string> resumed;  // "SELECT 1: readable", … of all its sessions, in order
};

class FakeSession final : public Session {
 public:
  explicit FakeSession(std::shared_ptr<FakeServer> server);
  ~FakeSession() override;

  [[nodiscard]] std::unique_ptr<Run> run(Request request) override;
  [[nodiscard]] std::unique_ptr<Run> next_set() override;
  // A plain read whose script has one pause, for an answer, and at most one set. It sends a byte, like a pause
  // to_send().
  [[nodiscard]] bool rides(const Request& request) const noexcept override;
  [[nodiscard]] std::unique_ptr<Run> ride(Request request) override;
  [[nodiscard]] std::unique_ptr<Fetch> fetch(FetchLimits limits) override;
  [[nodiscard]] std::unique_ptr<Many> run_many(ManyRequest request) override;  // as a set that affects one row each
  [[nodiscard]] std::unique_ptr<Operation> ping() override;
  [[nodiscard]] std::unique_ptr<Operation> reset() override;
  [[nodiscard]] std::shared_ptr<Canceller> canceller() override;

  [[nodiscard]] State state() const noexcept override { return state_; }
  [[nodiscard]] bool changed() const noexcept override { return changed_; }
  [[nodiscard]] bool looks_alive() noexcept override;
  [[nodiscard]] std::string backend_id() const override;

  [[nodiscard]] FakeWire& wire() noexcept { return *wire_; }

 protected:
  void move_bytes(Ready got) noexcept override;

 private:
  template <class Verb>
  class Scripted;
  class RunVerb;
  class RideVerb;
  class NextSetVerb;
  class FetchVerb;
  class ManyVerb;
  class PlainVerb;

  enum class Came : uint8_t { nothing, answer, cancelled, hang_up };
  [[nodiscard]] Came take_answer() noexcept;
  [[nodiscard]] bool send_byte() noexcept;
  void receive() noexcept;
  void flush() noexcept;
  [[nodiscard]] Script script_of(std::string_view name) const;
  [[nodiscard]] const FakeSet* set() const noexcept;
  [[nodiscard]] Then end_set() noexcept;
  void describe_set(Reply& reply);
  [[nodiscard]] Result<Then> read(columnar::Batch& batch, FetchLimits limits, int64_t& affected);
  void end_answer(State state) noexcept;

  const std::shared_ptr<FakeServer> server_;
  const std::shared_ptr<FakeWire> wire_;
  std::string inbox_;  // received, not yet taken
  size_t unsent_ = 0;  // bytes of rides
  bool hung_up_ = false;
  State state_ = State::idle;
  bool changed_ = false;

  // The answer in progress.
  Script answer_;
  std::shared_ptr<const columnar::Schema> schema_;
  size_t set_ = 0;
  size_t row_ = 0;  // of the set, the next to fetch
};

class FakeDriver final : public Driver {
 public:
  explicit FakeDriver(std::shared_ptr<FakeServer> server) : server_(std::move(server)) {}

  [[nodiscard]] sql::Dialect dialect() const noexcept override { return sql::Dialect::postgresql; }
  // The script "OPEN": pauses for an answer wait for accept(), others are passed over.
  [[nodiscard]] Result<std::unique_ptr<Session>> open(const config::Address& address, Dial& dial) override;
  [[nodiscard]] std::string begin_text(const TransactionOptions& options) const override;

  void accept(size_t n = 1) noexcept { door_.answer(n); }  // [any thread]

 private:
  const std::shared_ptr<FakeServer> server_;
  FakeWire door_;
};

}  // namespace tl::driver
