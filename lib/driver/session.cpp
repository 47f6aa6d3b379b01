#include "session.hpp"

namespace tl::driver {
namespace {

std::atomic<uint64_t> next_number{1};

}  // namespace

Session::Session() : number_(next_number.fetch_add(1, std::memory_order_relaxed)) {}

void Session::submit(Operation& operation) noexcept {
  operation.next_in_line_ = nullptr;
  operation.finished_ = false;
  (tail_ == nullptr ? head_ : tail_->next_in_line_) = &operation;
  tail_ = &operation;
  ++depth_;
  const Step step = operation.resume(Ready::start);
  if (head_ != &operation) return;  // it sent what it could and waits for its turn
  waiting_ = step;
  if (step.is == Step::Is::waiting) return;
  finish_head();
  if (head_ != nullptr) pump(Ready::turn);
}

Step Session::pump(Ready got) noexcept {
  if (!has(got, Ready::turn)) move_bytes(got);
  while (head_ != nullptr) {
    waiting_ = head_->resume(got);
    if (waiting_.is == Step::Is::waiting) return waiting_;
    finish_head();
    got = Ready::turn;  // its answer may already lie in the client library's buffer
  }
  return Step::done();
}

void Session::finish_head() noexcept {
  Operation* done = head_;
  head_ = done->next_in_line_;
  if (head_ == nullptr) tail_ = nullptr;
  --depth_;
  done->finished_ = true;
}

}  // namespace tl::driver
