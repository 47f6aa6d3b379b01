#include "questions.hpp"

#include <algorithm>

#include "changes.hpp"
#include "condition.hpp"
#include "source.hpp"

namespace tl::registry {

using connection::CallOptions;
using observe::Kind;

namespace {

std::string told(const Questions::Key& key) {
  return (key.first == Kind::ask_name ? "which connection \"" : "the credentials of \"") + key.second + '"';
}

Failure nobody_listens(const Questions::Key& key) {
  const Status status = key.first == Kind::ask_name ? Status::not_found : Status::authentication;
  return fail(status, "nobody answers when asked for " + told(key), Phase::acquire);
}

}  // namespace

// One who waits.
class Questions::Asker final : public runtime::Cancellable {
 public:
  enum class End : uint8_t { none, answered, nobody_listens, no_memory };

  void cancel() noexcept override {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    changed_.notify();
  }
  void end(End end) noexcept { finish(end, nullptr, {}); }
  // `failure` null: it has been answered.
  void answer(const std::shared_ptr<const Error>& failure, const Answer& answer) noexcept {
    finish(End::answered, failure, answer);
  }
  void wait(Deadline until) {
    std::unique_lock lock(mutex_);
    (void)changed_.wait(lock, until, [this] { return is_over(); });
  }
  // Once nobody can answer any more.
  [[nodiscard]] bool is_over() const noexcept { return end_ != End::none || cancelled_; }
  [[nodiscard]] Result<Answer> result(const Key& key, Deadline until) const {
    if (failure_ != nullptr) return std::make_unique<Error>(*failure_);
    if (end_ == End::answered) return answer_;
    if (end_ == End::nobody_listens) return nobody_listens(key);
    const std::string what = "while the application was asked for " + told(key);
    if (end_ == End::no_memory) {
      return fail(Status::resource, "there was no memory, or too many questions that nobody takes, " + what,
                  Phase::acquire);
    }
    const bool in_time = !until.passed(steady_clock().now());
    if (cancelled_ && in_time) return fail(Status::cancelled, "the call was cancelled " + what, Phase::acquire);
    const Status late = key.first == Kind::ask_name ? Status::acquire_timeout : Status::connect_timeout;
    return fail(late, "the time was up " + what + ": nobody has answered", Phase::acquire);
  }

  std::list<Asker*> place{this};  // with the questions' lock; empty: it is among those of its question

 private:
  void finish(End end, const std::shared_ptr<const Error>& failure, const Answer& answer) noexcept {
    const std::lock_guard lock(mutex_);
    end_ = end;
    failure_ = failure;
    answer_ = answer;
    changed_.notify();
  }

  std::mutex mutex_;
  runtime::Condition changed_;
  End end_ = End::none;
  bool cancelled_ = false;
  std::shared_ptr<const Error> failure_;
  Answer answer_;
};

// For as long as it lives somebody asks one question, which is new or open already.
class Questions::Asking {
 public:
  Asking(Questions& questions, const Key& key, Asker& asker) : questions_(questions), asker_(asker) {
    const Instant now = steady_clock().now();
    const std::lock_guard lock(questions_.mutex_);
    auto question = questions_.find_open(key, now);
    is_new = question == questions_.open_.end();
    if (is_new) question = questions_.open(key, now);
    number = question->first;
    until = question->second.until;
    if (question->second.late) {
      asker_.answer(nullptr, *question->second.late);
      questions_.close(question);
    } else {
      question->second.askers.splice(question->second.askers.end(), asker_.place);
    }
  }
  ~Asking() {
    const std::lock_guard lock(questions_.mutex_);
    if (!asker_.place.empty()) return;
    const auto question = questions_.open_.find(number);
    if (question == questions_.open_.end()) return;  // in a forked child
    asker_.place.splice(asker_.place.begin(), question->second.askers, place_);
  }
  Asking(const Asking&) = delete;
  Asking& operator=(const Asking&) = delete;

  bool is_new;
  uint64_t number;
  Deadline until;  // for as long it stays open

 private:
  Questions& questions_;
  Asker& asker_;
  const std::list<Asker*>::iterator place_ = asker_.place.begin();
};

Questions::Questions(std::shared_ptr<observe::Hub> hub, Nanos patience) : hub_(std::move(hub)), patience_(patience) {
  join_forks();
}
Questions::~Questions() { leave_forks(); }

void Questions::begin_in_child() noexcept {
  abandon(open_);
  abandon(numbers_);
}

// ---- what is open

Questions::Open::iterator Questions::find_open(const Key& key, Instant now) {
  const auto known = numbers_.find(key);
  if (known == numbers_.end()) return open_.end();
  const auto question = open_.find(known->second);
  if (!question->second.until.passed(now)) return question;
  close(question);
  return open_.end();
}

// Those before it whose time is up are closed: nobody may ever ask them again. What needs memory comes first.
Questions::Open::iterator Questions::open(const Key& key, Instant now) {
  while (!open_.empty() && open_.begin()->second.until.passed(now)) close(open_.begin());
  const uint64_t number = ++last_number_;
  Open fresh;
  fresh.emplace(number, Question{key, Deadline::after(now, patience_.load(std::memory_order_relaxed))});
  numbers_.emplace(key, number);
  return open_.insert(fresh.extract(number)).position;
}

// Whoever still waits for it sees by the time that it is over, and may ask again.
Questions::Open::iterator Questions::close(Open::iterator question) noexcept {
  std::list<Asker*>& askers = question->second.askers;
  while (!askers.empty()) {
    std::list<Asker*>& place = askers.front()->place;
    place.splice(place.begin(), askers, askers.begin());
  }
  numbers_.erase(question->second.key);
  return open_.erase(question);
}

void Questions::give_up() noexcept {
  const std::lock_guard lock(mutex_);
  for (auto question = open_.begin(); question != open_.end();) {
    if (hub_->wants(question->second.key.first)) {
      ++question;
      continue;
    }
    for (Asker* const asker : question->second.askers) asker->end(Asker::End::nobody_listens);
    question = close(question);
  }
}

void Questions::fail_for_want_of_memory(uint64_t number) noexcept {
  const std::lock_guard lock(mutex_);
  const auto question = open_.find(number);
  if (question == open_.end()) return;
  for (Asker* const asker : question->second.askers) asker->end(Asker::End::no_memory);
  close(question);
}

// ---- asking

Result<void> Questions::may_ask(const Key& key, const CallOptions& options) const {
  if (!hub_->wants(key.first)) return nobody_listens(key);
  // On a fiber the thread goes on, and can take the question.
  if (runtime::Fiber::current() == nullptr && options.owner != 0 && hub_->reaches_only(key.first, options.owner)) {
    return fail(Status::busy,
                "the application is asked for " + told(key) +
                    " by the one thread that takes such questions: it would wait for itself",
                Phase::acquire);
  }
  return {};
}

// Again where others had asked before, and the time for that is up.
Result<Questions::Answer> Questions::ask(Kind kind, const std::string& subject, const CallOptions& options) {
  const Key key(kind, subject);
  if (Result<void> may = may_ask(key, options); !may) return may.take_error();
  const Deadline patience = Deadline::after(steady_clock().now(), patience_.load(std::memory_order_relaxed));
  const Deadline until = earlier(options.deadline, patience);
  Asker asker;
  do {
    const Asking asking(*this, key, asker);
    const bool lost = asking.is_new && !observe::tell_question(*hub_, kind, subject, asking.number);
    if (!hub_->wants(kind)) {
      give_up();  // since it was looked at
    } else if (lost) {
      fail_for_want_of_memory(asking.number);
    }
    const runtime::Ticket::Attachment attached(options.ticket.get(), asker);
    asker.wait(earlier(until, asking.until));
  } while (!asker.is_over() && !until.passed(steady_clock().now()));
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

// ---- answers

std::optional<Questions::Key> Questions::about(uint64_t number) const {
  const std::lock_guard lock(mutex_);
  const auto question = open_.find(number);
  if (question == open_.end() || question->second.late) return std::nullopt;
  if (question->second.until.passed(steady_clock().now())) return std::nullopt;
  return question->second.key;
}

// With the lock held all the while: until then no asker can leave.
void Questions::answer(uint64_t number, Result<Answer> answer) {
  const std::shared_ptr<const Error> failure = answer ? nullptr : std::shared_ptr<const Error>(answer.take_error());
  const Answer given = failure == nullptr ? *answer : Answer();
  const std::lock_guard lock(mutex_);
  const auto found = open_.find(number);
  if (found == open_.end()) return;
  Question& question = found->second;
  if (question.askers.empty() && given.login != nullptr) {
    question.late = given;
    question.until = earlier(question.until, given.until);
    return;
  }
  for (Asker* const asker : question.askers) asker->answer(failure, given);
  close(found);
}

Result<void> Questions::answer_credentials(uint64_t number, const std::string& connection, std::string_view text,
                                           std::optional<Nanos> valid_for) {
  auto login = config::read_login(text, source_of("answer", connection));
  if (!login) {
    answer(number, std::make_unique<Error>(login.error()));
    return login.take_error();
  }
  const Instant now = steady_clock().now();
  answer(number, Answer{std::make_shared<const config::Login>(login.take()), now,
                        valid_for ? Deadline::after(now, *valid_for) : Deadline::never()});
  return {};
}

}  // namespace tl::registry
