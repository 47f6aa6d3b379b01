// How verbs are run.
#pragma once
#include <chrono>

#include "exception.hpp"

namespace trunkline {

enum class mode : int32_t {
  dual = TL_DUAL,    // reads to a replica where there is one, writes to the primary
  read = TL_READ,    // reads only; a write is TL_E_READ_ONLY
  write = TL_WRITE,  // everything to the primary
};

// What the caller says of a statement whose text does not show it.
enum class intent : uint32_t { unsaid = 0, read = TL_CALL_READ, write = TL_CALL_WRITE };

// What a server was when it began with a statement.
enum class role : int32_t {
  none = TL_NO_ROLE,     // nobody served it
  primary = TL_PRIMARY,  // it took the writes
  replica = TL_REPLICA,  // of a SQLite file: a session that only reads
};

inline constexpr std::chrono::milliseconds no_timeout{-1};
inline constexpr std::chrono::milliseconds however_far{-1};  // a max_lag

// Names one verb, so that another thread can cancel it: it then throws TL_E_CANCELLED as soon as it can. For one verb
// only; must outlive it. [any thread]
class operation {
 public:
  explicit operation(std::shared_ptr<tl_registry> registry)
      : registry_(std::move(registry)), id_(tl_op_new(registry_.get())) {
    if (id_ == 0) throw std::bad_alloc();
  }
  operation(const operation&) = delete;
  operation& operator=(const operation&) = delete;
  ~operation() { tl_op_release(registry_.get(), id_); }

  // Harmless where the verb has ended. One that has not begun is cancelled when it begins.
  void cancel() const noexcept { static_cast<void>(tl_cancel(registry_.get(), id_)); }
  [[nodiscard]] tl_op id() const noexcept { return id_; }

 private:
  std::shared_ptr<tl_registry> registry_;
  tl_op id_;
};

// How to run a verb: db.query({.timeout = 2s, .stream = true}, "SELECT …", …).
struct options {
  // For all of it: waiting, dialling, running; 0: the connection's default, no_timeout.
  std::chrono::milliseconds timeout{0};
  bool stream = false;  // do not read the answer whole: rows come as they are read
  trunkline::intent intent = trunkline::intent::unsaid;
  uint32_t batch_rows = 0;               // a batch ends at either; 0: 65536
  uint32_t batch_bytes = 0;              // 0: 4 MiB
  const operation* cancel_by = nullptr;  // lets another thread cancel it
  // Replicas further behind are not read; 0: the connection's, however_far. Of query, stream and explain.
  std::chrono::milliseconds max_lag{0};
  // The connection that serves it while no server of its own can be reached or lent; null: as configured. Of query,
  // stream, execute_many and load; see tl_call.
  const char* fallback = nullptr;
};

enum class isolation : uint32_t {
  standard = 0,  // the database's
  read_committed = TL_BEGIN_READ_COMMITTED,
  repeatable_read = TL_BEGIN_REPEATABLE_READ,
  serializable = TL_BEGIN_SERIALIZABLE,
};

struct transaction_options {
  trunkline::isolation isolation = trunkline::isolation::standard;
  bool read_only = false;
  std::chrono::milliseconds timeout{0};  // to begin: waiting for a session, dialling
  std::chrono::milliseconds max_lag{0};  // of one that only reads, as options'
  // Of transaction(): how often it is run again, from BEGIN on, where it certainly had no effect and may succeed now:
  // after a deadlock, a serialization failure, or the loss of its session before COMMIT was sent. Pauses between, from
  // some 10 ms on, doubling up to 1 s.
  uint32_t retry = 0;
};

namespace detail {

inline tl_call call_of(std::chrono::milliseconds timeout, std::chrono::milliseconds max_lag = {}) noexcept {
  tl_call call{};
  call.struct_size = sizeof call;
  call.timeout_ms = timeout.count();
  call.max_lag_ms = max_lag.count();
  return call;
}

inline tl_call call_of(const options& how) noexcept {
  tl_call call = call_of(how.timeout, how.max_lag);
  call.flags = static_cast<uint32_t>(how.intent) | (how.stream ? TL_CALL_STREAM : 0U);
  call.batch_rows = how.batch_rows;
  call.batch_bytes = how.batch_bytes;
  call.op = how.cancel_by == nullptr ? 0 : how.cancel_by->id();
  call.fallback = how.fallback;
  return call;
}

}  // namespace detail
}  // namespace trunkline
