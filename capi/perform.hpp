// Runs a verb where its call asks for it: here, or on a queue.
#pragma once
#include "inputs.hpp"
#include "queue.hpp"

struct tl_queue {
  std::shared_ptr<tl::registry::Registry> registry;
  std::shared_ptr<tl::runtime::Queue> queue;
  tl::MadeHere made_here;
  ~tl_queue() { queue->forsake(); }
};

namespace tl::capi {

// What a verb has come to, as a completion tells it.
struct Answer {
  uint32_t kind = TL_DONE;
  void* value = nullptr;
  uint64_t arg = 0;
};

// Of a call whose struct_size has not been looked at yet: one that is too small has none, and is refused.
[[nodiscard]] inline tl_queue* queue_of(const tl_call* call) noexcept {
  return call != nullptr && call->struct_size >= least_call ? call->queue : nullptr;
}

// Something that a queue hands out.
class Completed : public runtime::Errand {
 public:
  ~Completed() override { tl_completion_release(&completion_); }
  [[nodiscard]] tl_completion take() noexcept { return std::exchange(completion_, {}); }
  void expire() noexcept override;

 protected:
  // Nobody reads from the result before this is taken: if that takes too long, its session is wanted by others.
  void lie_unread(const std::shared_ptr<tl_result>& result) noexcept;

  tl_completion completion_{};

 private:
  std::weak_ptr<tl_result> unread_;
};

template <class Inputs, class Body>
Result<Answer> run_verb(Inputs& inputs, Options& options, const Body& body) {
  if (Result<void> wanted = options.wanted(); !wanted) return inputs.told(wanted.take_error());
  if constexpr (requires { inputs.prepare(options); }) {
    if (Result<void> prepared = inputs.prepare(options); !prepared) return prepared.take_error();
  }
  return body(inputs, options);
}

// The result that a verb has made or read from; null: none.
template <class Inputs>
const std::shared_ptr<tl_result>* result_of(const Inputs& inputs, const tl_completion& done) noexcept {
  if constexpr (requires { inputs.result; }) {
    return &inputs.kept;
  } else {
    return done.kind == TL_DONE_RESULT ? &static_cast<const tl_result*>(done.value)->callers : nullptr;
  }
}

template <class Inputs, class Body>
class QueuedVerb final : public Completed {
 public:
  QueuedVerb(Inputs inputs, Body body) : body_(body) {
    given_.emplace(std::move(inputs));
    given_->inputs.keep();
  }

  [[nodiscard]] Result<void> read(const tl_call& call, uint32_t flags) {
    completion_.user_data = call.user_data;
    completion_.op = call.op;
    if (auto read = given_->options.read(&call, given_->inputs.timeout(), flags); !read) {
      return given_->inputs.told(read.take_error());
    }
    return {};
  }
  void run() noexcept override {
    completion_.status = guarded(&completion_.error, [this] {
      Result<Answer> answer = run_verb(given_->inputs, given_->options, body_);
      if (!answer) return report(answer.take_error(), &completion_.error);
      completion_.kind = answer->kind;
      completion_.value = answer->value;
      completion_.arg[0] = answer->arg;
      return TL_OK;
    });
    if (completion_.kind == 0) completion_.kind = TL_DONE;
    if (const auto* const result = result_of(given_->inputs, completion_)) lie_unread(*result);
    given_.reset();
  }

 private:
  struct Given {
    explicit Given(Inputs of) : inputs(std::move(of)), options(*inputs.registry) {}
    Inputs inputs;
    Options options;
  };

  const Body body_;
  std::optional<Given> given_;
};

// `body(inputs, options)` answers a Result<Answer>. Here: `deliver(answer)` gives it to the caller; on a queue the
// completion does.
template <class Inputs, class Body, class Deliver>
tl_status perform(Inputs inputs, const tl_call* call, uint32_t flags, tl_error** err, Body body, Deliver deliver) {
  if (tl_queue* const to = queue_of(call)) {
    if (!to->made_here)
      return report(fail(Status::closed, "the queue belongs to the parent process, which forked this one"), err);
    auto verb = std::make_unique<QueuedVerb<Inputs, Body>>(std::move(inputs), body);
    if (Result<void> read = verb->read(*call, flags); !read) return report(read.take_error(), err);
    std::unique_ptr<runtime::Errand> errand = std::move(verb);
    Result<void> submitted = to->queue->submit(errand);
    return submitted ? TL_OK : report(submitted.take_error(), err);
  }
  Options options(*inputs.registry);
  if (Result<void> read = options.read(call, inputs.timeout(), flags); !read) {
    return report(inputs.told(read.take_error()), err);
  }
  Result<Answer> answer = run_verb(inputs, options, body);
  if (!answer) return report(answer.take_error(), err);
  deliver(*answer);
  return TL_OK;
}

template <class T>
[[nodiscard]] auto deliver_to(T** out) noexcept {
  return [out](const Answer& answer) { *out = static_cast<T*>(answer.value); };
}
[[nodiscard]] inline auto deliver_nothing() noexcept {
  return [](const Answer&) {};
}

// "out" of a verb whose answer does not come by a queue.
[[nodiscard]] inline bool has_out(const void* out, const tl_call* call) noexcept {
  return out != nullptr || queue_of(call) != nullptr;
}

}  // namespace tl::capi
