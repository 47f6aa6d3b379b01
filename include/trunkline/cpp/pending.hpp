// The answer of a verb on a queue: to be awaited, called back with, or driven to.
#pragma once
#include <type_traits>

#include "reactor.hpp"

namespace trunkline {

namespace detail {

template <class T>
struct answered_verb : queued_verb {
  // Once, of a verb that has ended.
  virtual T take() = 0;
};

template <class T, class Finish>
struct finished_verb final : answered_verb<T> {
  explicit finished_verb(Finish finish) : finish_(std::move(finish)) {}
  T take() override {
    tl_completion& done = this->completion;
    if (done.status == TL_OK) return finish_(done);
    raise(done.status, std::exchange(done.error, nullptr));
  }

 private:
  Finish finish_;
};

}  // namespace detail

// A verb that is under way on a queue; it has been submitted, and whatever was given to it copied, when this exists. It
// is awaitable in coroutines of any type; without coroutines there are get() and then(). Gone before the answer has
// come, it cancels the verb, whose session comes home when the queue is driven next, and a coroutine that awaited it is
// not resumed. [one thread at a time], but for cancel()
template <class T>
class [[nodiscard]] pending {
 public:
  // Used by connection, registry and result_stream.
  pending(std::shared_ptr<detail::reactor> on, std::shared_ptr<detail::answered_verb<T>> verb) noexcept
      : on_(std::move(on)), verb_(std::move(verb)) {}
  pending(pending&&) noexcept = default;
  pending& operator=(pending&& other) noexcept {
    if (this == &other) return *this;
    forget();
    on_ = std::move(other.on_);
    verb_ = std::move(other.verb_);
    return *this;
  }
  ~pending() { forget(); }

  // False where its answer has been taken, or moved from.
  [[nodiscard]] bool valid() const noexcept { return verb_ != nullptr; }
  // Whether get() would answer at once. It becomes so only while some thread drives the queue.
  [[nodiscard]] bool ready() const { return on_->ended(*verb_); }
  // The answer, or throws as the blocking verb does; once. Drives the queue on this thread until it has come, and so
  // resumes others that wait for theirs.
  T get() {
    on_->finish(*verb_);
    return take();
  }
  // The verb answers TL_E_CANCELLED as soon as it can; harmless where it has ended. [any thread]
  void cancel() const noexcept { on_->cancel(*verb_); }
  // Has f(pending<T>) called with this, ready, on the thread that drives the queue then; here where it is ready now.
  template <class F>
  void then(F&& f) && {
    auto held = std::make_shared<std::pair<pending, std::decay_t<F>>>(std::move(*this), std::forward<F>(f));
    const auto on = held->first.on_;  // as in await_suspend
    const auto call = [held] { std::invoke(std::move(held->second), std::move(held->first)); };
    if (!on->await(*held->first.verb_, call)) call();
  }

  // What co_await asks for. The coroutine goes on, on the thread that drives the queue, with what get() would give.
  [[nodiscard]] bool await_ready() const { return ready(); }
  template <class Coroutine>
  [[nodiscard]] bool await_suspend(Coroutine waiting) {
    const auto on = on_;  // another thread may have resumed the coroutine, and ended this, before await() returns
    return on->await(*verb_, [waiting] { waiting.resume(); });
  }
  T await_resume() { return take(); }

 private:
  T take() {
    const auto verb = std::move(verb_);
    return verb->take();
  }
  void forget() noexcept {
    if (verb_ != nullptr) on_->forget(*verb_);
  }

  std::shared_ptr<detail::reactor> on_;
  std::shared_ptr<detail::answered_verb<T>> verb_;
};

namespace detail {

// How a verb is run: here, which answers what it has come to, …
struct blocking {
  static constexpr bool blocks = true;
  template <class T>
  using answer = T;

  // start(call, Raw** out, err) calls the C ABI; finish(Raw*) makes the answer of what it gave.
  template <class Raw, class Start, class Finish>
  auto run(const tl_call& call, const Start& start, Finish finish) const {
    Raw* out = nullptr;
    checked([&](tl_error** err) { return start(&call, &out, err); });
    return finish(out);
  }
};

// … or on a queue.
struct queued {
  static constexpr bool blocks = false;
  template <class T>
  using answer = pending<T>;

  std::shared_ptr<reactor> on;

  template <class Raw, class Start, class Finish>
  auto run(const tl_call& call, const Start& start, Finish finish) const {
    const auto starting = [&start](const tl_call* on_queue, tl_error** err) {
      return start(on_queue, static_cast<Raw**>(nullptr), err);
    };
    return run_completed(call, starting, [finish = std::move(finish)](tl_completion& done) mutable {
      return finish(static_cast<Raw*>(std::exchange(done.value, nullptr)));
    });
  }
  // The same with the whole completion: start(call, err), finish(tl_completion&).
  template <class Start, class Finish>
  auto run_completed(const tl_call& call, const Start& start, Finish finish) const {
    using T = std::invoke_result_t<Finish&, tl_completion&>;
    auto verb = std::make_shared<finished_verb<T, Finish>>(std::move(finish));
    on->submit(verb, call, start);
    return pending<T>(on, std::move(verb));
  }
};

}  // namespace detail
}  // namespace trunkline
