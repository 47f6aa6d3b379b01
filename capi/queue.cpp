#include "perform.hpp"

namespace {

using tl::capi::Completed;
using tl::capi::guarded;
using tl::capi::misuse;
using tl::capi::report;
using tl::runtime::Queue;

tl::Deadline deadline_of(int64_t timeout_ms) noexcept {
  if (timeout_ms < 0) return tl::Deadline::never();
  if (timeout_ms == 0) return tl::Deadline{tl::Instant{}};  // has passed
  const int64_t most = INT64_MAX / 1'000'000;
  return tl::Deadline::after(tl::steady_clock().now(), std::chrono::milliseconds(std::min(timeout_ms, most)));
}

}  // namespace

void Completed::lie_unread(const std::shared_ptr<tl_result>& result) noexcept {
  const std::optional<tl::Nanos> patience = result->answer.patience();
  if (!patience) return;
  unread_ = result;
  lie_until(tl::Deadline::after(tl::steady_clock().now(), *patience));
}

void Completed::expire() noexcept {
  const std::shared_ptr<tl_result> result = unread_.lock();
  if (result == nullptr || result->read.exchange(true, std::memory_order_acquire)) return;
  result->answer.give_up();
  result->read.store(false, std::memory_order_release);
}

extern "C" {

tl_status tl_queue_new(tl_registry* registry, uint32_t flags, tl_queue** out, tl_error** err) {
  return guarded(err, [&] {
    if (registry == nullptr || out == nullptr) return misuse("registry or out is NULL", err);
    if ((flags & ~TL_QUEUE_THREAD) != 0) return misuse("flags has a bit that this version does not know", err);
    auto queue = Queue::make(flags == 0 ? Queue::Driver::callers : Queue::Driver::own_thread);
    if (!queue) return report(queue.take_error(), err);
    *out = new tl_queue{registry->registry, queue.take()};
    return TL_OK;
  });
}

void tl_queue_release(tl_queue* queue) { tl::capi::destroy(queue); }

int tl_queue_fd(const tl_queue* queue) { return queue == nullptr ? -1 : queue->queue->fd(); }

tl_status tl_queue_wait(tl_queue* queue, tl_completion* out, size_t max, int64_t timeout_ms, size_t* n) {
  if (queue == nullptr || out == nullptr || max == 0 || n == nullptr || timeout_ms < -1) return TL_E_MISUSE;
  *n = 0;
  if (!queue->made_here) return TL_E_CLOSED;
  const std::shared_ptr<Queue> kept = queue->queue;
  tl::runtime::LinkedList<tl::runtime::Errand> ended;
  kept->note_taker(tl::capi::this_thread());
  const Queue::Got got = kept->take(ended, max, deadline_of(timeout_ms));
  while (auto* const errand = static_cast<Completed*>(ended.pop())) {
    out[(*n)++] = errand->take();
    delete errand;
  }
  return got == Queue::Got::ended ? TL_E_SHUTDOWN : TL_OK;
}

void tl_queue_wake(tl_queue* queue) {
  if (queue != nullptr && queue->made_here) queue->queue->wake_up();
}

void tl_queue_shutdown(tl_queue* queue) {
  if (queue != nullptr && queue->made_here) queue->queue->shut_down();
}

void tl_completion_release(tl_completion* completion) {
  if (completion == nullptr) return;
  void* const value = std::exchange(completion->value, nullptr);
  switch (completion->kind) {
    case TL_DONE_RESULT: tl_result_release(static_cast<tl_result*>(value)); break;
    case TL_DONE_CONN: tl_conn_release(static_cast<tl_conn*>(value)); break;
    case TL_DONE_BATCH:
    case TL_EVENT:
    case TL_QUESTION: tl_batch_release(static_cast<tl_batch*>(value)); break;
    default: break;
  }
  tl_error_release(std::exchange(completion->error, nullptr));
}

}  // extern "C"
