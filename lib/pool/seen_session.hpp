// A session of a pool as it was at one moment under the lock. Texts are cut there and made readable later.
#pragma once
#include "slot.hpp"

namespace tl::pool {

constexpr size_t tag_characters = 64;
constexpr size_t statement_characters = 80;
constexpr size_t longest_character = 4;  // bytes in UTF-8

struct SeenSession {
  explicit SeenSession(const Slot& slot) noexcept
      : session(slot.session->number()),
        backend_id(slot.backend_id),
        opened(slot.opened),
        quiet_since(slot.quiet_since),
        leased(slot.leased) {
    if (!leased) return;
    tag = decltype(tag)(slot.borrower.tag);
    statement = decltype(statement)(slot.borrower.statement);
    owner = slot.borrower.owner;
    leased_since = slot.leased_since;
  }

  uint64_t session;
  BackendId backend_id;
  Instant opened, quiet_since;
  bool leased;
  uint64_t owner = 0;
  Instant leased_since;
  ShortText<(tag_characters + 1) * longest_character> tag;
  ShortText<(statement_characters + 1) * longest_character> statement;
};

}  // namespace tl::pool
