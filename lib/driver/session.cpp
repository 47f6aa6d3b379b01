#include "session.hpp"

namespace tl::driver {
namespace {

std::atomic<uint64_t> next_number{1};

}  // namespace

Result<void> Request::check() const {
  if (statement->statements > 1 && params.count != 0) {
    return fail(Status::misuse, "several statements in one text take no parameters", Phase::send);
  }
  if (statement->parameters != params.count) {
    return fail(Status::misuse,
                "the statement has " + std::to_string(statement->parameters) + " parameters, and " +
                    std::to_string(params.count) + " values were given",
                Phase::send);
  }
  return {};
}

Failure answer_is_pending() {
  return fail(Status::misuse, "the answer of the statement before is still being read", Phase::send);
}

Failure answer_too_large(uint64_t bytes) {
  Failure failure =
      fail(Status::too_large,
           "the answer is larger than result_bytes (" + std::to_string(bytes) + "); stream it, or raise the limit",
           Phase::receive);
  failure->outcome = Outcome::unknown;  // the statement has run, or was stopped on its way
  return failure;
}

Session::Session() : number_(next_number.fetch_add(1, std::memory_order_relaxed)) {}

Session::~Session() {
  while (dropped_ != nullptr) {
    const std::unique_ptr<Operation> gone(dropped_);
    dropped_ = gone->next_dropped_;
  }
}

void Session::submit(Operation& operation) noexcept {
  operation.next_in_line_ = nullptr;
  operation.finished_ = false;
  Operation* const before = tail_;
  (before == nullptr ? head_ : before->next_in_line_) = &operation;
  tail_ = &operation;
  ++depth_;
  const Step step = operation.resume(Ready::start);
  if (before == nullptr) {
    waiting_ = step;
  } else if (step.wait.on == On::socket && waiting_.wait.on == On::socket) {
    waiting_.wait.want = waiting_.wait.want | step.wait.want;
  }
  if (step.is != Step::Is::waiting) finish(operation, before);
}

Step Session::pump(Ready got) noexcept {
  if (!has(got, Ready::turn)) move_bytes(got);
  while (head_ != nullptr) {
    waiting_ = head_->resume(got);
    if (waiting_.is == Step::Is::waiting) return waiting_;
    finish(*head_, nullptr);
    got = Ready::turn;  // its answer may already lie in the client library's buffer
  }
  return Step::done();
}

const Operation* Session::unwanted() const noexcept {
  for (const Operation* at = head_; at != nullptr; at = at->next_in_line_) {
    if (at != head_ && !at->hides_answers()) break;
    if (at->cancel_requested()) return at;
  }
  return nullptr;
}

void Session::finish(Operation& operation, Operation* before) noexcept {
  (before == nullptr ? head_ : before->next_in_line_) = operation.next_in_line_;
  if (tail_ == &operation) tail_ = before;
  --depth_;
  operation.finished_ = true;
  if (operation.dropped_) {
    destroy_dropped(operation);
  } else if (operation.listener != nullptr) {
    operation.listener->finished(operation);
  }
}

void Session::drop(std::unique_ptr<Operation> operation) noexcept {
  if (operation->finished_) return;
  operation->request_cancel();
  operation->dropped_ = true;
  operation->next_dropped_ = dropped_;
  dropped_ = operation.release();
}

void Session::destroy_dropped(Operation& operation) noexcept {
  Operation** at = &dropped_;
  while (*at != &operation) at = &(*at)->next_dropped_;
  *at = operation.next_dropped_;
  const std::unique_ptr<Operation> gone(&operation);
}

}  // namespace tl::driver
