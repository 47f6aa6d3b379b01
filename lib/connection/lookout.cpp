#include "lookout.hpp"

#include <algorithm>

#include "probe.hpp"
#include "retry.hpp"

namespace tl::connection {
namespace {

using driver::ServerRole;
using driver::Standing;

constexpr Nanos patience = std::chrono::seconds(1);      // for one answer
constexpr Nanos quiet_after = std::chrono::seconds(10);  // without use nobody looks
constexpr Nanos shortest_interval = std::chrono::milliseconds(100);
constexpr Nanos while_nobody_writes = std::chrono::milliseconds(100);  // every server, until one is the primary
constexpr Nanos longest_pause = std::chrono::seconds(2);               // between looks at one that does not answer
constexpr Nanos least_pause = std::chrono::milliseconds(20);           // between looks that failures ask for

ServerRole server_role(Role role) noexcept { return role == Role::primary ? ServerRole::primary : ServerRole::replica; }

// Files, and servers that are alone, do not change places.
bool has_several_servers(const Endpoints& endpoints) {
  return endpoints.size() > 1 && endpoints.settings().driver != config::DriverKind::sqlite;
}

Nanos interval_of(const config::Connection& settings) noexcept {
  Nanos interval = settings.probe_interval;
  if (settings.max_lag) interval = std::min(interval, *settings.max_lag / 4);
  return std::max(interval, shortest_interval);
}

// What says nothing of the server: no session was to be had, or nobody wanted it any more.
bool tells_nothing(Status status) noexcept {
  return status == Status::acquire_timeout || status == Status::busy || status == Status::closed ||
         status == Status::cancelled || status == Status::no_memory || status == Status::shutdown;
}

// What the mark counts in; never 0.
uint64_t line_of(const driver::Position& position) noexcept {
  uint64_t line = static_cast<uint64_t>(position.kind);
  for (const uint64_t part : {position.system, uint64_t{position.timeline}, uint64_t{position.marks.front().domain}}) {
    line = (line ^ part) * 0x9e3779b97f4a7c15 + 1;
  }
  return line | 1;
}

// PostgreSQL tells ordinary users of a replica's timeline late: after a promotion it is the old one for minutes.
bool has_come_to(const driver::Position& have, driver::Position place) noexcept {
  if (place.empty()) return false;
  place.timeline = have.timeline;
  return standing(have, place) == Standing::there;
}

std::unique_ptr<driver::Operation> look_of(driver::Session& session) { return session.look(); }

}  // namespace

class Lookout::Job final : public runtime::Job {
 public:
  Job(std::shared_ptr<Endpoints> owner, Lookout& lookout, uint32_t index, Deadline deadline)
      : runtime::Job((*owner)[index].server_group(), deadline),
        owner_(std::move(owner)),
        lookout_(lookout),
        index_(index) {
    options_.ticket = std::make_shared<runtime::Ticket>();
  }
  ~Job() override {
    Instant next;
    {
      const Lock lock(lookout_.mutex_);
      Subject& subject = lookout_.subjects_[index_];
      subject.looking = false;
      next = subject.due;
    }
    lookout_.wake_at(next);
  }
  void run() noexcept override {
    try {
      (void)lookout_.look(index_, options_);
    } catch (const std::bad_alloc&) {
      return;  // the next look will see it
    }
  }
  void interrupt() noexcept override { options_.ticket->cancel(); }

 private:
  const std::shared_ptr<Endpoints> owner_;
  Lookout& lookout_;
  const uint32_t index_;
  CallOptions options_;
};

Lookout::Lookout(Endpoints& endpoints, const std::vector<Role>& roles)
    : endpoints_(endpoints),
      looks_regularly_(has_several_servers(endpoints)),
      interval_(interval_of(endpoints.settings())),
      words_(std::make_unique<std::atomic<uint64_t>[]>(roles.size())),
      reached_(std::make_unique<Reached[]>(roles.size())),
      asleep_(looks_regularly_),
      subjects_(roles.size()) {
  for (size_t i = 0; i < roles.size(); ++i) {
    subjects_[i].due = Deadline::never().at;
    subjects_[i].is.role = server_role(roles[i]);
    words_[i] = routing::pack({.role = subjects_[i].is.role});
  }
}

// ---- when to look

void Lookout::wake_at(Instant at) noexcept {
  if (const std::shared_ptr<Endpoints> owner = endpoints_.self()) {
    try {
      runtime::housekeeper().wake_at(std::shared_ptr<runtime::Task>(owner, this), at);
    } catch (const std::bad_alloc&) {
      return;  // the next use asks again
    }
  }
}

void Lookout::wake() noexcept {
  const Instant now = steady_clock().now();
  {
    const Lock lock(mutex_);
    if (stopped_ || !asleep_.exchange(false, std::memory_order_relaxed)) return;
    used_at_ = now;
    hurry_all(now);
    for (uint32_t i = 0; i < subjects_.size(); ++i) set_reached(i, {});  // nobody has looked for a while
  }
  wake_at(now);
}

// One that has failed is asked at its own pace, whoever else fails there.
void Lookout::hurry(Subject& subject, Instant now) noexcept {
  if (subject.is.is_aside && subject.due != Deadline::never().at) return;
  subject.due = std::min(subject.due, std::max(now, subject.looked_at + least_pause));
}

void Lookout::hurry_all(Instant now) noexcept {
  for (Subject& subject : subjects_) hurry(subject, now);
}

Instant Lookout::next_look(const Subject& subject, Instant now) const noexcept {
  if (!looks_regularly_) return Deadline::never().at;
  const Subject& writer = subjects_[writer_.load(std::memory_order_relaxed)];
  const bool somebody_writes = writer.is.role == ServerRole::primary && !writer.is.is_aside;
  const Nanos pause = somebody_writes ? interval_ : std::min(interval_, while_nobody_writes);
  if (subject.failures == 0) return now + pause;
  const int doublings = static_cast<int>(std::min(subject.failures - 1, 10U));
  return now + std::min(while_nobody_writes * (int64_t{1} << doublings), longest_pause);
}

Instant Lookout::run() noexcept {
  const Instant now = steady_clock().now();
  Instant next = Deadline::never().at;
  std::vector<std::shared_ptr<Job>> jobs;
  const std::shared_ptr<Endpoints> owner = endpoints_.self();
  if (owner == nullptr) return next;
  try {
    const Lock lock(mutex_);
    if (stopped_) return next;
    if (const uint64_t uses = endpoints_.uses(); uses != std::exchange(uses_, uses)) used_at_ = now;
    if (looks_regularly_ && now - used_at_ > quiet_after) {
      for (Subject& subject : subjects_) subject.due = next;
      asleep_.store(true, std::memory_order_relaxed);
      return next;
    }
    jobs.reserve(subjects_.size());
    for (uint32_t i = 0; i < subjects_.size(); ++i) {
      Subject& subject = subjects_[i];
      if (subject.looking) continue;  // its end asks for the next one
      if (subject.due <= now) {
        jobs.push_back(std::make_shared<Job>(owner, *this, i, Deadline::after(now, patience)));
        subject.looking = true;
        subject.due = now + patience + interval_;  // where nobody does
      }
      next = std::min(next, subject.due);
    }
  } catch (const std::bad_alloc&) {
    next = now + interval_;
  }
  for (auto& job : jobs) {
    const std::shared_ptr<runtime::Job> submitted = std::move(job);
    runtime::lookouts().submit(submitted);
  }
  return next;
}

void Lookout::stop() noexcept {
  {
    const Lock lock(mutex_);
    stopped_ = true;
    asleep_.store(false, std::memory_order_relaxed);
  }
  end_pauses();
}

// ---- looking

std::optional<driver::Position> Lookout::look(uint32_t index, const CallOptions& options) {
  const std::shared_ptr<Endpoints> owner = endpoints_.self();
  if (owner == nullptr) return {};
  bool is_aside = false;
  const Instant began = steady_clock().now();
  {
    const Lock lock(mutex_);
    if (stopped_) return {};
    subjects_[index].looked_at = began;
    is_aside = subjects_[index].is.is_aside;
  }
  if (is_aside) endpoints_[index].pool().retry_dials();  // these looks keep their own pace
  CallOptions own = options;
  own.deadline = earlier(options.deadline, Deadline::after(began, patience));
  auto asked = ask(owner, index, "lookout", look_of, own);
  if (!asked) {
    const bool tells = over(options) == runtime::Ended::finished;  // else it was the caller who had no time
    if (tells) missed(index, asked.error());
    return {};
  }
  looks_.fetch_add(1, std::memory_order_relaxed);
  driver::Sight& sight = static_cast<driver::Look&>(*asked->operation).sight;
  std::optional<driver::Position> place;
  if (sight.role == ServerRole::primary) place = sight.position;
  saw(index, began, std::move(sight));
  return place;
}

void Lookout::look_at_all(const CallOptions& options) {
  for (uint32_t i = 0; i < endpoints_.size(); ++i) {
    if (!seen(i, steady_clock().coarse()).is_aside) (void)look(i, options);
  }
}

void Lookout::saw(uint32_t index, Instant began, driver::Sight sight) noexcept {
  const Instant now = steady_clock().now();
  Lock lock(mutex_);
  Subject& subject = subjects_[index];
  if (began < subject.told_at) return;  // another look began later, and has ended before
  subject.told_at = began;
  if (sight.role != ServerRole::unknown) {
    subject.is.role = sight.role;
    subject.is.is_certain = sight.is_certain;
  }
  subject.is.was_replica = subject.is.was_replica || sight.role == ServerRole::replica;
  subject.is.is_aside = false;
  subject.is.timeline = sight.position.timeline;
  subject.position = std::move(sight.position);
  // A replica may have fallen back, made anew; of a primary writes tell more than it does itself.
  if (subject.is.role != ServerRole::primary || !has(index, subject.position)) set_reached(index, subject.position);
  subject.at = now;
  subject.why_aside.clear();
  subject.failures = 0;
  if (subject.is.role == ServerRole::primary) {
    try {
      Sample sample{began, subject.position};
      std::rotate(subject.had.begin(), subject.had.end() - 1, subject.had.end());
      subject.had.front() = std::move(sample);
    } catch (const std::bad_alloc&) {
      subject.had.front().at = began;  // the next look tells; until then the place before it counts
    }
  }
  measure_lag(subject, sight.lag, now);
  end_look(subject, std::move(lock), now);
}

void Lookout::end_look(Subject& subject, Lock lock, Instant now) noexcept {
  const Instant next = subject.due = next_look(subject, now);
  publish(std::move(lock), now);
  wake_at(next);
}

// A replica is behind only where the primary has something that it has not: what the replica itself says grows while
// nobody writes. Its own word counts where it is the shorter one, or the only one.
void Lookout::measure_lag(Subject& subject, std::optional<Nanos> told, Instant now) noexcept {
  subject.lag = told;
  if (subject.is.role != ServerRole::replica) return;
  const Subject& primary = subjects_[writer_.load(std::memory_order_relaxed)];
  for (const Sample& sample : primary.had) {
    if (!has_come_to(subject.position, sample.position)) continue;
    if (&sample == primary.had.data()) {
      subject.lag = Nanos(0);
      subject.caught = now;
      return;
    }
    subject.caught = std::max(subject.caught.value_or(sample.at), sample.at);
    break;
  }
  if (subject.caught) subject.lag = std::min(subject.lag.value_or(now - *subject.caught), now - *subject.caught);
}

void Lookout::missed(uint32_t index, const Error& failure) noexcept {
  const Instant now = steady_clock().now();
  Lock lock(mutex_);
  if (!tells_nothing(failure.status)) put_aside(index, failure);
  end_look(subjects_[index], std::move(lock), now);
}

// It may be another server, or made anew, when it answers again.
void Lookout::put_aside(uint32_t index, const Error& failure) noexcept {
  Subject& subject = subjects_[index];
  ++subject.failures;
  subject.is.is_aside = true;
  set_reached(index, {});
  try {
    subject.why_aside = failure.message;
  } catch (const std::bad_alloc&) {
    subject.why_aside.clear();
  }
}

void Lookout::set_aside(uint32_t index, const Error& failure) noexcept {
  if (!looks_regularly_) return;
  const Instant now = steady_clock().now();
  {
    Lock lock(mutex_);
    if (stopped_ || subjects_[index].is.is_aside) return;
    put_aside(index, failure);
    hurry_all(now);
    publish(std::move(lock), now);
  }
  wake_at(now);
}

void Lookout::heed(uint32_t index, const Error& failure) noexcept {
  if (endpoints_.settings().driver == config::DriverKind::sqlite) return;
  // A server that is alone has no other in its place; but its name may mean another one by now.
  const bool may_be_gone = failure.status == Status::unavailable && looks_regularly_;
  if (failure.status != Status::read_only && !may_be_gone) return;
  const Instant now = steady_clock().now();
  {
    const Lock lock(mutex_);
    if (stopped_) return;
    hurry(subjects_[index], now);
    if (index == writer()) hurry_all(now);
  }
  wake_at(now);
}

// ---- how far they have come

bool Lookout::has(uint32_t index, const driver::Position& position) const noexcept {
  if (position.marks.size() != 1) return false;
  const Reached& reached = reached_[index];
  const uint64_t line = line_of(position);
  if (reached.line.load(std::memory_order_acquire) != line) return false;
  const uint64_t at = reached.at.load(std::memory_order_acquire);
  return at >= position.marks.front().at && reached.line.load(std::memory_order_relaxed) == line;
}

bool Lookout::may_reach(uint32_t index, const driver::Position& position) const noexcept {
  const uint64_t line = reached_[index].line.load(std::memory_order_relaxed);
  return line == 0 || position.marks.size() != 1 || line == line_of(position);
}

void Lookout::set_reached(uint32_t index, const driver::Position& position) noexcept {
  Reached& reached = reached_[index];
  const uint64_t line = position.marks.size() == 1 ? line_of(position) : 0;
  if (reached.line.load(std::memory_order_relaxed) != line) reached.line.store(0, std::memory_order_release);
  if (line == 0) return;
  reached.at.store(position.marks.front().at, std::memory_order_release);
  reached.line.store(line, std::memory_order_release);
}

void Lookout::note_position(uint32_t index, const driver::Position& position) noexcept {
  const Lock lock(mutex_);
  if (!has(index, position)) set_reached(index, position);
}

// ---- what has changed

void Lookout::publish(Lock lock, Instant now) noexcept {
  std::array<routing::Contender, routing::most_endpoints> contenders;
  const auto n = static_cast<uint32_t>(subjects_.size());
  for (uint32_t i = 0; i < n; ++i) contenders[i] = subjects_[i].is;
  const uint32_t before = writer();
  const uint32_t writer = routing::choose_writer({contenders.data(), n}, before);
  writer_.store(writer, std::memory_order_relaxed);
  std::array<routing::Seen, routing::most_endpoints> was;
  std::array<routing::Seen, routing::most_endpoints> is;
  for (uint32_t i = 0; i < n; ++i) {
    const Subject& subject = subjects_[i];
    was[i] = seen(i, now);
    is[i] = {subject.is.role, subject.is.is_aside, subject.lag, subject.at};
    words_[i].store(routing::pack(is[i]), std::memory_order_relaxed);
    if (looks_regularly_) endpoints_[i].take_role(i == writer ? Role::primary : Role::replica);
  }
  lock.unlock();
  bool may_serve_now = writer != before;
  for (uint32_t i = 0; i < n; ++i) {
    Endpoint& endpoint = endpoints_[i];
    const bool may_write_now = is[i].role == ServerRole::primary && was[i].role != ServerRole::primary;
    may_serve_now = may_serve_now || may_write_now || (was[i].is_aside && !is[i].is_aside);
    // One that was a primary has sessions whose callers believe that it is.
    if (was[i].role == ServerRole::primary && is[i].role == ServerRole::replica) endpoint.pool().expire_all();
    if (is[i].is_aside != was[i].is_aside) endpoint.tell_role(is[i].is_aside ? "set aside" : "serves again");
  }
  if (writer != before) {
    endpoints_[before].tell_role("replica");
    endpoints_[writer].tell_role("primary");
  }
  if (may_serve_now) end_pauses();
}

void Lookout::attach(Pause& pause, Instant since) {
  const std::lock_guard lock(pauses_mutex_);
  pauses_.push_back(&pause);
  if (changed_at_ > since) pause.end();
}

void Lookout::detach(Pause& pause) noexcept {
  const std::lock_guard lock(pauses_mutex_);
  std::erase(pauses_, &pause);
}

void Lookout::end_pauses() noexcept {
  const std::lock_guard lock(pauses_mutex_);
  changed_at_ = steady_clock().now();
  for (Pause* const pause : pauses_) pause->end();
}

void Lookout::take_over(const Lookout& before) {
  std::vector<Subject> known;
  {
    const Lock lock(before.mutex_);
    known = before.subjects_;
  }
  const Instant now = steady_clock().now();
  Lock lock(mutex_);
  for (uint32_t i = 0; i < subjects_.size(); ++i) {
    subjects_[i] = std::move(known[i]);
    subjects_[i].looking = false;
    subjects_[i].due = Deadline::never().at;
  }
  writer_.store(before.writer(), std::memory_order_relaxed);
  publish(std::move(lock), now);
}

Lookout::Told Lookout::told(uint32_t index) const {
  const Lock lock(mutex_);
  const Subject& subject = subjects_[index];
  return {seen(index, steady_clock().now()), index == writer(), subject.position, subject.why_aside};
}

}  // namespace tl::connection
