// Ids that let another thread cancel a verb: used once, never reused, harmless when they mean nothing.
#include "ticket.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <set>
#include <thread>

namespace tl::runtime {
namespace {

class Target final : public Cancellable {
 public:
  void cancel() noexcept override { ++cancels; }
  std::atomic<int> cancels{0};
};

}  // namespace

TEST_CASE("a ticket reaches what is attached, at once if it was cancelled before") {
  Ticket ticket;
  Target before;
  Target during;
  Target after;
  { const Ticket::Attachment attached(&ticket, before); }
  {
    const Ticket::Attachment attached(&ticket, during);
    ticket.cancel();
    ticket.cancel();
  }
  CHECK(before.cancels == 0);
  CHECK(during.cancels == 2);
  CHECK(ticket.cancelled());
  const Ticket::Attachment attached(&ticket, after);
  CHECK(after.cancels == 1);
}

TEST_CASE("no ticket, nothing attached") {
  Target target;
  const Ticket::Attachment attached(nullptr, target);
  CHECK(target.cancels == 0);
}

TEST_CASE("an id is used once") {
  Tickets tickets;
  const uint64_t id = tickets.reserve();
  CHECK(id != 0);
  const auto ticket = tickets.use(id);
  REQUIRE(ticket != nullptr);
  CHECK(tickets.use(id) == nullptr);
  tickets.cancel(id);
  CHECK(ticket->cancelled());
}

TEST_CASE("an id that was cancelled before its verb makes the verb's ticket a cancelled one") {
  Tickets tickets;
  const uint64_t id = tickets.reserve();
  tickets.cancel(id);
  const auto ticket = tickets.use(id);
  REQUIRE(ticket != nullptr);
  CHECK(ticket->cancelled());
}

TEST_CASE("a released id means nothing any more, also to a slot's next owner") {
  Tickets tickets;
  const uint64_t old = tickets.reserve();
  const auto verb = tickets.use(old);
  tickets.release(old);
  CHECK(tickets.use(old) == nullptr);
  tickets.cancel(old);
  CHECK_FALSE(verb->cancelled());

  const uint64_t fresh = tickets.reserve();
  CHECK(fresh != old);
  CHECK((fresh & 0xffff'ffff) == (old & 0xffff'ffff));  // the slot is used again
  const auto ticket = tickets.use(fresh);
  REQUIRE(ticket != nullptr);
  tickets.cancel(old);
  tickets.release(old);
  CHECK_FALSE(ticket->cancelled());
  tickets.cancel(fresh);
  CHECK(ticket->cancelled());
}

TEST_CASE("unknown ids are harmless") {
  Tickets tickets;
  const uint64_t known = tickets.reserve();
  for (const uint64_t id : {uint64_t{0}, uint64_t{1}, UINT64_MAX, known + 1, known ^ (uint64_t{1} << 32)}) {
    CHECK(tickets.use(id) == nullptr);
    tickets.cancel(id);
    tickets.release(id);
  }
  CHECK(tickets.use(known) != nullptr);
}

TEST_CASE("ids are never the same, whatever is released between") {
  Tickets tickets;
  std::set<uint64_t> seen;
  std::vector<uint64_t> held;
  for (int i = 0; i < 5000; ++i) {
    const uint64_t id = tickets.reserve();
    CHECK(seen.insert(id).second);
    held.push_back(id);
    if (i % 3 != 0) {
      tickets.release(held[held.size() / 2]);
      held.erase(held.begin() + static_cast<std::ptrdiff_t>(held.size() / 2));
    }
  }
  for (const uint64_t id : held) CHECK(tickets.use(id) != nullptr);
}

TEST_CASE("cancelling races with attaching and releasing: a detached target is never reached") {
  Tickets tickets;
  for (int i = 0; i < 300; ++i) {
    const uint64_t id = tickets.reserve();
    std::thread other([&] { tickets.cancel(id); });
    {
      const auto ticket = tickets.use(id);
      REQUIRE(ticket != nullptr);
      Target target;
      {
        const Ticket::Attachment attached(ticket.get(), target);
        std::this_thread::yield();
      }
      CHECK(target.cancels <= 1);
    }
    tickets.release(id);
    other.join();
  }
}

}  // namespace tl::runtime
