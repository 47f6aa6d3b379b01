// The events of a pool's sessions. None is told with the lock held.
#include "pool_inside.hpp"

namespace tl::pool {

using observe::Event;
using observe::Kind;

namespace {

void describe(Event& event, const Slot& slot) {
  event.session = slot.session->number();
  event.backend_id = slot.backend_id.view();
}

void describe_loan(Event& event, const Slot& slot) {
  describe(event, slot);
  event.tag = slot.borrower.tag;
  event.statement = slot.borrower.statement;
}

}  // namespace

void Pool::Inside::tell_checkout(const Slot& slot, Nanos wait) noexcept {
  source.tell(Kind::checkout, [&](Event& event) {
    describe_loan(event, slot);
    event.duration = wait;
  });
}

void Pool::Inside::tell_checkin(const Slot& slot, Instant now) noexcept {
  source.tell(Kind::checkin, [&](Event& event) {
    describe_loan(event, slot);
    event.duration = std::max(now - slot.leased_since, Nanos(0));
  });
}

void Pool::Inside::tell_disconnect(const Slot& slot) noexcept {
  source.tell(Kind::disconnect, [&](Event& event) {
    describe(event, slot);
    event.duration = std::max(clock.coarse() - slot.opened, Nanos(0));
  });
}

}  // namespace tl::pool
