// What happens to connections and sessions, and who is called with it.
#pragma once
#include <exception>
#include <system_error>

#include "batches.hpp"
#include "queue.hpp"

namespace trunkline {

// Several are written connect | query.
enum class event_kind : uint32_t {
  connect = TL_EVENT_CONNECT,            // a session was opened; duration: of the dial
  disconnect = TL_EVENT_DISCONNECT,      // a session leaves its pool, to be closed; duration: its age
  checkout = TL_EVENT_CHECKOUT,          // a session is lent; duration: how long its borrower waited
  checkin = TL_EVENT_CHECKIN,            // a session comes home; duration: how long it was held
  dial_failed = TL_EVENT_DIAL_FAILED,    // a session could not be opened; message: why
  timeout = TL_EVENT_TIMEOUT,            // a caller's time was up: it waited for a session, or for its statement
  query = TL_EVENT_QUERY,                // a statement has ended: read to its end, failed, or given up
  slow_query = TL_EVENT_SLOW_QUERY,      // the same, of one that took the connection's `slow_query` or longer
  role_change = TL_EVENT_ROLE_CHANGE,    // an endpoint takes the writes now, or no longer; failed, or serves again
  retry = TL_EVENT_RETRY,                // a call that did not run is tried once more; duration: of the pause
  fallback = TL_EVENT_FALLBACK,          // it is asked of another connection
  state_change = TL_EVENT_STATE_CHANGE,  // a connection was added, opened, closed or removed; message: its state
  ask_name = TL_ASK_NAME,                // a question, see registry::resolver(): which connection is this name?
  ask_credentials = TL_ASK_CREDENTIALS,  // likewise, see registry::credentials(): what do its sessions log in with?
};
[[nodiscard]] constexpr event_kind operator|(event_kind a, event_kind b) noexcept {
  return static_cast<event_kind>(static_cast<uint32_t>(a) | static_cast<uint32_t>(b));
}

// "" and 0 stand for what there is not. No values of parameters, and no secrets.
struct event {
  event_kind kind{};
  std::chrono::sys_time<std::chrono::microseconds> at;
  std::string connection, endpoint;
  int64_t session = 0;  // a number that is never used again
  std::string backend;  // the server's own number of the session
  std::string tag;      // of the borrower
  std::optional<std::chrono::microseconds> duration;
  std::string status;     // the class of a failure, as tl_status_name says it
  std::string statement;  // its text as it was given
  std::string message;
  uint64_t lost = 0;      // events that were dropped before this one, since too many waited to be told
  uint64_t question = 0;  // the number of a question, which somebody waits to be answered
};

// What sessions log in with.
struct credentials {
  std::string password;
  std::string user;                    // "": that of the connection
  std::chrono::milliseconds valid{0};  // for how long; 0: until the server refuses them
};

namespace detail {

inline std::string toml_text(std::string_view text) {
  std::string quoted = "\"";
  for (const char each : text) {
    const auto code = static_cast<unsigned char>(each);
    if (code < 0x20 || code == 0x7f) {
      constexpr char digits[] = "0123456789abcdef";
      quoted.append("\\u00").append({digits[code >> 4], digits[code & 15]});
    } else {
      if (each == '"' || each == '\\') quoted += '\\';
      quoted += each;
    }
  }
  return quoted + '"';
}
inline std::string toml_of(const credentials& given) {
  const std::string password = "password = " + toml_text(given.password) + '\n';
  return given.user.empty() ? password : password + "user = " + toml_text(given.user) + '\n';
}

// Takes the value.
inline event event_of(tl_completion& from) {
  using text = std::optional<std::string>;
  using moment = std::chrono::sys_time<std::chrono::microseconds>;
  const batch row(static_cast<tl_batch*>(std::exchange(from.value, nullptr)), 11, 1);
  auto [kind, at, connection, endpoint, session, backend, tag, duration, status, statement, message] =
      *row.as<std::string_view, moment, text, text, std::optional<int64_t>, text, text,
              std::optional<std::chrono::microseconds>, text, text, text>()
           .begin();
  const auto filled = [](text& of) { return std::move(of).value_or(""); };
  return {
      .kind = static_cast<event_kind>(from.arg[0]),
      .at = at,
      .connection = filled(connection),
      .endpoint = filled(endpoint),
      .session = session.value_or(0),
      .backend = filled(backend),
      .tag = filled(tag),
      .duration = duration,
      .status = filled(status),
      .statement = filled(statement),
      .message = filled(message),
      .lost = from.arg[1],
      .question = from.arg[2],
  };
}

template <class F>
struct calling_listener final : listener {
  explicit calling_listener(F fn) : fn_(std::move(fn)) {}
  void tell(tl_completion& from) override {
    const event happened = event_of(from);
    std::invoke(fn_, happened);
  }

 private:
  F fn_;
};

}  // namespace detail

// Has a function called with events until this goes, or is closed. Then it is not called any more, and what has
// happened without being told yet is not told: both wait for a call in another thread, but not for one that they are
// made from. It may outlive the queue and all other handles of the registry, which it keeps.
//
// An exception that leaves the function leaves the function that was driving the queue. On a thread of its own the
// first one is kept for close() to throw; the next event is told all the same.
//
// In a forked child nobody is subscribed: there it does nothing, and the child subscribes anew. [one thread at a time]
class [[nodiscard]] subscription {
 public:
  // Used by registry.
  subscription(std::shared_ptr<detail::reactor> on, std::shared_ptr<detail::listener> to)
      : state_(std::make_unique<state>()) {
    state_->on = std::move(on);
    state_->to = std::move(to);
  }
  subscription(subscription&&) noexcept = default;
  subscription& operator=(subscription&& other) noexcept {
    if (this != &other) {
      static_cast<void>(ended());
      state_ = std::move(other.state_);
    }
    return *this;
  }
  ~subscription() { static_cast<void>(ended()); }

  // Ends it. Throws the exception that was kept. Harmless when repeated.
  void close() {
    if (const std::exception_ptr failure = ended()) std::rethrow_exception(failure);
  }

  // Used by registry.
  subscription on_own_thread() && {
    try {
      state_->thread = std::thread(&work, state_->on, state_->failure);
    } catch (const std::system_error& e) {
      throw error(TL_E_RESOURCE, std::string("no thread for events: ") + e.what());
    }
    return std::move(*this);
  }

 private:
  struct state {
    std::shared_ptr<detail::reactor> on;
    std::shared_ptr<detail::listener> to;
    std::thread thread;                                                                    // may be none
    std::shared_ptr<std::exception_ptr> failure = std::make_shared<std::exception_ptr>();  // that thread's, while it is
  };

  static void work(const std::shared_ptr<detail::reactor>& on, const std::shared_ptr<std::exception_ptr>& failure) {
    for (;;) {
      try {
        return on->run();
      } catch (...) {
        if (*failure == nullptr) *failure = std::current_exception();
      }
    }
  }

  std::exception_ptr ended() noexcept {
    if (state_ == nullptr) return nullptr;
    if (!state_->on->is_here()) {  // neither the thread is here, nor who held the locks
      static_cast<void>(state_.release());
      return nullptr;
    }
    const auto gone = std::move(state_);
    gone->on->silence(*gone->to);
    if (gone->thread.get_id() == std::this_thread::get_id()) {
      gone->thread.detach();
    } else if (gone->thread.joinable()) {
      gone->thread.join();
    }
    return std::exchange(*gone->failure, nullptr);
  }

  std::unique_ptr<state> state_;
};

}  // namespace trunkline
