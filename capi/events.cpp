#include "events.hpp"
#include "event_batch.hpp"
#include "perform.hpp"
#include "utf8.hpp"

namespace {

using tl::Result;
using tl::capi::Answer;
using tl::capi::Completed;
using tl::capi::deliver_nothing;
using tl::capi::guarded;
using tl::capi::misuse;
using tl::capi::no_flags;
using tl::capi::Options;
using tl::capi::perform;
using tl::capi::RegistryInputs;
using tl::observe::Event;
using tl::observe::Kind;
using tl::runtime::Queue;

static_assert(TL_EVENT_CONNECT == bit(Kind::connect) && TL_EVENT_DISCONNECT == bit(Kind::disconnect) &&
              TL_EVENT_CHECKOUT == bit(Kind::checkout) && TL_EVENT_CHECKIN == bit(Kind::checkin) &&
              TL_EVENT_DIAL_FAILED == bit(Kind::dial_failed) && TL_EVENT_TIMEOUT == bit(Kind::timeout) &&
              TL_EVENT_QUERY == bit(Kind::query) && TL_EVENT_SLOW_QUERY == bit(Kind::slow_query) &&
              TL_EVENT_STATE_CHANGE == bit(Kind::state_change) && TL_ASK_NAME == bit(Kind::ask_name) &&
              TL_ASK_CREDENTIALS == bit(Kind::ask_credentials) && TL_EVENT_ROLE_CHANGE == bit(Kind::role_change) &&
              TL_EVENT_RETRY == bit(Kind::retry) && TL_EVENT_FALLBACK == bit(Kind::fallback));

constexpr int64_t most_keep_ms = 9'000'000'000'000;  // 285 years: no duration is longer

class Told final : public Completed {
 public:
  Told(uint64_t user_data, tl_op op, const Event& event) {
    completion_.user_data = user_data;
    completion_.op = op;
    completion_.kind = event.question == 0 ? TL_EVENT : TL_QUESTION;
    completion_.arg[2] = event.question;
    completion_.arg[0] = bit(event.kind);
    completion_.value = new tl_batch{tl::observe::as_batch(event), {}};
  }
  void run() noexcept override {}
  void note_lost(uint64_t lost) noexcept override { completion_.arg[1] = lost; }
};

}  // namespace

extern "C" tl_status tl_subscribe(tl_registry* registry, uint32_t events, const tl_call* call, tl_error** err) {
  return guarded(err, [&] {
    if (registry == nullptr || tl::capi::queue_of(call) == nullptr) {
      return misuse("registry or the call's queue is NULL: events arrive on a queue", err);
    }
    if (events == 0 || (events & ~tl::observe::all_kinds) != 0) {
      return misuse("events is 0, or has a bit that this version does not know", err);
    }
    const auto follow = [events, user_data = call->user_data, op = call->op,
                         queue = std::weak_ptr<Queue>(call->queue->queue)](RegistryInputs& inputs,
                                                                           Options& options) -> Result<Answer> {
      const auto heard = [user_data, op, &queue, &hub = inputs.registry->hub()](const Event& event) noexcept {
        try {
          std::unique_ptr<tl::runtime::Errand> told = std::make_unique<Told>(user_data, op, event);
          const auto to = queue.lock();
          if (to == nullptr) return true;
          return to->post(told, event.question == 0 ? Queue::Loss::counted : Queue::Loss::told) || to->is_shut();
        } catch (const std::bad_alloc&) {
          hub.drop();
          return false;
        }
      };
      auto ended = tl::registry::follow(inputs.registry->hub(), events, options.call.ticket.get(), heard);
      inputs.registry->questions().give_up();
      return ended;
    };
    return perform(RegistryInputs(*registry, nullptr, 0), call, no_flags, err, follow, deliver_nothing());
  });
}

extern "C" tl_status tl_answer(tl_registry* registry, uint64_t question, tl_status status, const char* text, size_t len,
                               int64_t keep_ms, tl_error** err) {
  return guarded(err, [&] {
    if (registry == nullptr || !tl::capi::is_text(text, len)) return misuse("registry or text is NULL", err);
    if (!tl::is_utf8(text, len)) return misuse("text is not UTF-8", err);
    if (status > TL_OK || status < TL_E_SHUTDOWN) return misuse("status is none of TL_OK, TL_E_…", err);
    if (keep_ms < 0) return misuse("keep_ms is negative", err);
    const bool for_ever = keep_ms == 0 || keep_ms > most_keep_ms;
    const auto keep = for_ever ? std::nullopt : std::optional<tl::Nanos>(std::chrono::milliseconds(keep_ms));
    Result<void> done =
        registry->registry->answer(question, static_cast<tl::Status>(status), tl::capi::text(text, len), keep);
    return done ? TL_OK : tl::capi::report(done.take_error(), err);
  });
}
