#include "questions.hpp"

#include <algorithm>

#include "condition.hpp"
#include "source.hpp"

namespace tl::registry {
namespace {

std::string told(observe::Kind kind, const std::string& subject) {
  return (kind == observe::Kind::ask_name ? "which connection \"" : "the credentials of \"") + subject + '"';
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
  void answer(const std::shared_ptr<const Error>& failure) noexcept {
    const std::lock_guard lock(mutex_);
    answered_ = true;
    failure_ = failure;
    changed_.notify();
  }
  void wait(Deadline until) {
    std::unique_lock lock(mutex_);
    (void)changed_.wait(lock, until, [this] { return answered_ || cancelled_; });
  }
  // Once nobody can answer any more.
  [[nodiscard]] Result<void> result(const Key& key) const {
    if (failure_ != nullptr) return std::make_unique<Error>(*failure_);
    if (answered_) return {};
    const std::string what = "while the application was asked for " + told(key.first, key.second);
    if (cancelled_) return fail(Status::cancelled, "the call was cancelled " + what, Phase::acquire);
    return fail(Status::acquire_timeout, "the time was up " + what + ": nobody has answered", Phase::acquire);
  }

 private:
  std::mutex mutex_;
  runtime::Condition changed_;
  bool answered_ = false;
  bool cancelled_ = false;
  std::shared_ptr<const Error> failure_;
};

Questions::Questions(observe::Hub& hub) : hub_(hub) { join_forks(); }
Questions::~Questions() { leave_forks(); }

void Questions::begin_in_child() noexcept { abandon(open_); }

Failure Questions::nobody_listens(const Key& key) const {
  return fail(Status::not_found, "nobody answers when asked for " + told(key.first, key.second), Phase::acquire);
}

void Questions::give_up() {
  const std::lock_guard lock(mutex_);
  std::erase_if(open_, [this](const auto& known) {
    const auto& [key, question] = known;
    if (hub_.wants(key.first)) return false;
    const std::shared_ptr<const Error> failure = nobody_listens(key);
    for (Asker* const asker : question.askers) asker->answer(failure);
    return true;
  });
}

Result<void> Questions::may_ask(const Key& key, const connection::CallOptions& options) const {
  if (!hub_.wants(key.first)) return nobody_listens(key);
  // On a fiber the thread goes on, and can take the question.
  if (runtime::Fiber::current() == nullptr && options.owner != 0 && hub_.reaches_only(key.first, options.owner)) {
    return fail(Status::busy,
                "the application is asked for " + told(key.first, key.second) +
                    " by the one thread that takes such questions: it would wait for itself",
                Phase::acquire);
  }
  return {};
}

Result<void> Questions::ask(observe::Kind kind, const std::string& subject, Deadline until,
                            const connection::CallOptions& options) {
  const Key key(kind, subject);
  if (Result<void> may = may_ask(key, options); !may) return may;
  Asker asker;
  if (const uint64_t number = join(key, asker)) observe::tell_question(hub_, kind, subject, number);
  if (!hub_.wants(kind)) give_up();  // since it was looked at
  {
    const runtime::Ticket::Attachment attached(options.ticket.get(), asker);
    asker.wait(until);
  }
  leave(key, asker);
  return asker.result(key);
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

std::optional<std::string> Questions::subject(uint64_t number) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [key, question] : open_) {
    if (question.number == number) return key.second;
  }
  return std::nullopt;
}

// With the lock held all the while: until then no asker can leave.
bool Questions::answer(uint64_t number, Result<void> answer) {
  const std::shared_ptr<const Error> failure = answer ? nullptr : std::shared_ptr<const Error>(answer.take_error());
  const std::lock_guard lock(mutex_);
  const auto found =
      std::find_if(open_.begin(), open_.end(), [&](const auto& known) { return known.second.number == number; });
  if (found == open_.end()) return false;
  for (Asker* const asker : found->second.askers) asker->answer(failure);
  open_.erase(found);
  return true;
}

}  // namespace tl::registry
