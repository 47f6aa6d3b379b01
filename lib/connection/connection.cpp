#include "connection.hpp"

#include "condition.hpp"
#include "drivers.hpp"

namespace tl::connection {
namespace {

constexpr size_t statement_bytes = size_t{4} << 20;  // per connection, over all its texts
constexpr Nanos drain_poll = std::chrono::milliseconds(2);

sql::Dialect dialect_of(const driver::Driver* driver) noexcept {
  return driver == nullptr ? sql::Dialect::sqlite : driver->dialect();
}

std::string told_rest(const std::vector<std::shared_ptr<Endpoints>>& rest) {
  uint32_t leased = 0;
  for (const auto& endpoints : rest) leased += endpoints->leased();
  if (leased == 0) return "sessions of it are still being opened or closed";
  return std::to_string(leased) + (leased == 1 ? " session of it is" : " sessions of it are") + " still in use";
}

}  // namespace

std::string_view state_name(State state) noexcept {
  switch (state) {
    case State::registered: return "registered";
    case State::open: return "open";
    case State::closed: return "closed";
  }
  return "";
}

Connection::Connection(config::Connection settings, std::shared_ptr<observe::Hub> hub,
                       std::shared_ptr<pool::SessionLimit> limit, State state)
    : settings_(std::move(settings)),
      hub_(std::move(hub)),
      limit_(std::move(limit)),
      driver_(drivers::find(settings_.driver)),
      statements_(dialect_of(driver_), statement_bytes),
      state_(state) {}

Connection::~Connection() { (void)lock(); }

Connection::Lock Connection::lock() const {
  Lock locked(mutex_);
  if (used_here_) return locked;
  used_here_ = {};
  abandon(endpoints_);
  abandon(leaving_);
  if (state_ != State::closed) state_ = State::registered;
  return locked;
}

State Connection::state() const {
  const Lock locked = lock();
  return state_;
}

std::shared_ptr<Endpoints> Connection::peek() const {
  const Lock locked = lock();
  return endpoints_;
}

Result<std::shared_ptr<Endpoints>> Connection::endpoints() {
  Lock locked = lock();
  if (state_ == State::open) return endpoints_;
  if (state_ == State::closed) return closed_locked();
  return open(std::move(locked));
}

Failure Connection::closed_locked() const {
  const char* const how =
      released_ ? "\" was closed for good, and its name released" : "\" is closed; connect() opens it again";
  return told(fail(Status::closed, "connection \"" + name() + how, Phase::acquire));
}

Result<std::shared_ptr<Endpoints>> Connection::open(Lock locked) {
  auto opened = open_locked();
  locked.unlock();
  if (opened) observe::tell_state(*hub_, name(), state_name(State::open));
  return opened;
}

Result<std::shared_ptr<Endpoints>> Connection::open_locked() {
  if (driver_ == nullptr) {
    return told(fail(Status::unavailable,
                     "this build of trunkline has no driver for " + std::string(config::driver_name(settings_.driver)),
                     Phase::connect));
  }
  endpoints_ = Endpoints::make(settings_, *driver_, hub_, limit_);
  state_ = State::open;
  endpoints_->open();
  return endpoints_;
}

Result<void> Connection::connect(const CallOptions& options) {
  std::shared_ptr<Endpoints> endpoints;
  {
    Lock locked = lock();
    endpoints = endpoints_;
    if (released_) return closed_locked();
    if (state_ != State::open) {
      auto opened = open(std::move(locked));
      if (!opened) return opened.take_error();
      endpoints = opened.take();
    }
  }
  const Holder holder{std::make_shared<const std::string>("connect"), nullptr};
  for (uint32_t i = 0; i < endpoints->size(); ++i) {
    Leased leased(endpoints, holder);
    if (Result<void> done = lease(leased, i, options); !done) return told(done.take_error());
  }
  return {};
}

void Connection::close() {
  std::shared_ptr<Endpoints> endpoints;
  bool closed_before = false;
  {
    const Lock locked = lock();
    if (endpoints_ != nullptr) leaving_.push_back(endpoints_);
    endpoints = std::move(endpoints_);
    endpoints_.reset();
    closed_before = std::exchange(state_, State::closed) == State::closed;
  }
  if (endpoints != nullptr) endpoints->close();
  if (!closed_before) observe::tell_state(*hub_, name(), state_name(State::closed));
}

void Connection::release() {
  {
    const Lock locked = lock();
    released_ = true;
  }
  close();
}

std::vector<std::shared_ptr<Endpoints>> Connection::leaving() {
  const Lock locked = lock();
  std::erase_if(leaving_, [](const auto& endpoints) { return endpoints->drained(); });
  return leaving_;
}

Result<void> Connection::await_home(Deadline until, const runtime::Ticket* ticket) {
  for (;;) {
    const std::vector<std::shared_ptr<Endpoints>> rest = leaving();
    if (rest.empty()) return {};
    const bool cancelled = ticket != nullptr && ticket->cancelled();
    if (cancelled || until.passed(steady_clock().now())) {
      return told(fail(cancelled ? Status::cancelled : Status::busy,
                       "connection \"" + name() + "\" is closed, but " + told_rest(rest)));
    }
    runtime::sleep_for(drain_poll);
  }
}

Failure Connection::told(Failure failure) const {
  failure->connection = name();
  return failure;
}

}  // namespace tl::connection
