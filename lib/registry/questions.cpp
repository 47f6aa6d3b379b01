#include "questions.hpp"

#include <algorithm>

#include "changes.hpp"
#include "condition.hpp"
#include "source.hpp"

namespace tl::registry {

using connection::CallOptions;
using observe::Kind;

namespace {

std::string told(Kind kind, const std::string& subject) {
  return (kind == Kind::ask_name ? "which connection \"" : "the credentials of \"") + subject + '"';
}

}  // namespace

// One who waits.
class Questions::Asker final : public runtime::Cancellable {
 public:
  void cancel() noexcept override {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    changed_.notify();
  }
  // `failure` null: it has been answered.
  void answer(const std::shared_ptr<const Error>& failure, const Answer& answer = {}) noexcept {
    const std::lock_guard lock(mutex_);
    answered_ = true;
    failure_ = failure;
    answer_ = answer;
    changed_.notify();
  }
  void wait(Deadline until) {
    std::unique_lock lock(mutex_);
    (void)changed_.wait(lock, until, [this] { return answered_ || cancelled_; });
  }
  // Once nobody can answer any more.
  [[nodiscard]] Result<Answer> result(const Key& key, Deadline until) const {
    if (failure_ != nullptr) return std::make_unique<Error>(*failure_);
    if (answered_) return answer_;
    const std::string what = "while the application was asked for " + told(key.first, key.second);
    const bool in_time = !until.passed(steady_clock().now());
    if (cancelled_ && in_time) return fail(Status::cancelled, "the call was cancelled " + what, Phase::acquire);
    const Status late = key.first == Kind::ask_name ? Status::acquire_timeout : Status::connect_timeout;
    return fail(late, "the time was up " + what + ": nobody has answered", Phase::acquire);
  }

 private:
  std::mutex mutex_;
  runtime::Condition changed_;
  bool answered_ = false;
  bool cancelled_ = false;
  std::shared_ptr<const Error> failure_;
  Answer answer_;
};

Questions::Questions(std::shared_ptr<observe::Hub> hub, Nanos patience) : hub_(std::move(hub)), patience_(patience) {
  join_forks();
}
Questions::~Questions() { leave_forks(); }

void Questions::begin_in_child() noexcept { abandon(open_); }

Failure Questions::nobody_listens(const Key& key) const {
  const Status status = key.first == Kind::ask_name ? Status::not_found : Status::authentication;
  return fail(status, "nobody answers when asked for " + told(key.first, key.second), Phase::acquire);
}

void Questions::give_up() {
  const std::lock_guard lock(mutex_);
  std::erase_if(open_, [this](const auto& known) {
    const auto& [key, question] = known;
    if (hub_->wants(key.first)) return false;
    const std::shared_ptr<const Error> failure = nobody_listens(key);
    for (Asker* const asker : question.askers) asker->answer(failure);
    return true;
  });
}

Result<void> Questions::may_ask(const Key& key, const CallOptions& options) const {
  if (!hub_->wants(key.first)) return nobody_listens(key);
  // On a fiber the thread goes on, and can take the question.
  if (runtime::Fiber::current() == nullptr && options.owner != 0 && hub_->reaches_only(key.first, options.owner)) {
    return fail(Status::busy,
                "the application is asked for " + told(key.first, key.second) +
                    " by the one thread that takes such questions: it would wait for itself",
                Phase::acquire);
  }
  return {};
}

Result<Questions::Answer> Questions::ask(Kind kind, const std::string& subject, const CallOptions& options) {
  const Key key(kind, subject);
  if (Result<void> may = may_ask(key, options); !may) return may.take_error();
  const Deadline patience = Deadline::after(steady_clock().now(), patience_.load(std::memory_order_relaxed));
  const Deadline until = earlier(options.deadline, patience);
  Asker asker;
  if (const uint64_t number = join(key, asker)) observe::tell_question(*hub_, kind, subject, number);
  if (!hub_->wants(kind)) give_up();  // since it was looked at
  {
    const runtime::Ticket::Attachment attached(options.ticket.get(), asker);
    asker.wait(until);
  }
  leave(key, asker);
  return asker.result(key, until);
}

Result<Questions::Answer> Questions::credentials_of(const std::string& connection, const CallOptions& dial) {
  auto answer = ask(Kind::ask_credentials, connection, dial);
  if (answer) return answer;
  Failure failure = answer.take_error();
  failure->phase = Phase::connect;
  return failure;
}

Result<void> Questions::may_ask_credentials(const std::string& connection, const CallOptions& options) const {
  return may_ask(Key(Kind::ask_credentials, connection), options);
}

uint64_t Questions::join(const Key& key, Asker& asker) {
  const std::lock_guard lock(mutex_);
  const auto [found, is_new] = open_.try_emplace(key);
  Question& question = found->second;
  question.askers.push_back(&asker);
  if (!is_new) return 0;
  return question.number = ++last_number_;
}

void Questions::leave(const Key& key, const Asker& asker) {
  const std::lock_guard lock(mutex_);
  const auto found = open_.find(key);
  if (found == open_.end()) return;
  std::erase(found->second.askers, &asker);
  if (found->second.askers.empty()) open_.erase(found);
}

std::optional<Questions::Key> Questions::about(uint64_t number) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [key, question] : open_) {
    if (question.number == number) return key;
  }
  return std::nullopt;
}

// With the lock held all the while: until then no asker can leave.
bool Questions::answer(uint64_t number, Result<Answer> answer) {
  const std::shared_ptr<const Error> failure = answer ? nullptr : std::shared_ptr<const Error>(answer.take_error());
  const Answer given = failure == nullptr ? *answer : Answer();
  const std::lock_guard lock(mutex_);
  const auto found =
      std::find_if(open_.begin(), open_.end(), [&](const auto& known) { return known.second.number == number; });
  if (found == open_.end()) return false;
  for (Asker* const asker : found->second.askers) asker->answer(failure, given);
  open_.erase(found);
  return true;
}

Result<void> Questions::answer_credentials(uint64_t number, const std::string& connection, std::string_view text,
                                           std::optional<Nanos> valid_for) {
  auto login = config::read_login(text, source_of("answer", connection));
  if (!login) {
    (void)answer(number, std::make_unique<Error>(login.error()));
    return login.take_error();
  }
  const Instant now = steady_clock().now();
  (void)answer(number, Answer{std::make_shared<const config::Login>(login.take()), now,
                              valid_for ? Deadline::after(now, *valid_for) : Deadline::never()});
  return {};
}

}  // namespace tl::registry
