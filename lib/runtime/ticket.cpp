#include "ticket.hpp"

namespace tl::runtime {

void Ticket::cancel() noexcept {
  const std::lock_guard lock(mutex_);
  cancelled_ = true;
  if (target_ != nullptr) target_->cancel();
}

bool Ticket::cancelled() const noexcept {
  const std::lock_guard lock(mutex_);
  return cancelled_;
}

Ticket::Attachment::Attachment(Ticket* ticket, Cancellable& target) noexcept : ticket_(ticket) {
  if (ticket_ == nullptr) return;
  const std::lock_guard lock(ticket_->mutex_);
  ticket_->target_ = &target;
  if (ticket_->cancelled_) target.cancel();
}

Ticket::Attachment::~Attachment() {
  if (ticket_ == nullptr) return;
  const std::lock_guard lock(ticket_->mutex_);
  ticket_->target_ = nullptr;
}

uint64_t Tickets::reserve() {
  const std::lock_guard lock(mutex_);
  if (free_.empty()) {
    free_.reserve(slots_.size() + 1);  // so that freeing never allocates
    slots_.emplace_back();
    free_.push_back(static_cast<uint32_t>(slots_.size() - 1));
  }
  const uint32_t index = free_.back();
  Slot& slot = slots_[index];
  slot.ticket = std::make_shared<Ticket>();
  slot.used = false;
  free_.pop_back();
  return uint64_t{slot.generation} << 32 | index;
}

Tickets::Slot* Tickets::find(uint64_t id) noexcept {
  const uint64_t index = id & 0xffff'ffff;
  if (index >= slots_.size()) return nullptr;
  Slot& slot = slots_[index];
  return slot.generation == id >> 32 && slot.ticket != nullptr ? &slot : nullptr;
}

void Tickets::free_slot(uint64_t id, Slot& slot) noexcept {
  slot.ticket.reset();
  if (++slot.generation == 0) return;  // used up after 2^32 rounds: never reused
  free_.push_back(static_cast<uint32_t>(id));
}

void Tickets::release(uint64_t id) noexcept {
  const std::lock_guard lock(mutex_);
  if (Slot* slot = find(id)) free_slot(id, *slot);
}

std::shared_ptr<Ticket> Tickets::use(uint64_t id) noexcept {
  const std::lock_guard lock(mutex_);
  Slot* slot = find(id);
  if (slot == nullptr || slot->used) return nullptr;
  slot->used = true;
  return slot->ticket;
}

void Tickets::cancel(uint64_t id) noexcept {
  std::shared_ptr<Ticket> ticket;
  {
    const std::lock_guard lock(mutex_);
    if (Slot* slot = find(id)) ticket = slot->ticket;
  }
  if (ticket != nullptr) ticket->cancel();
}

void Tickets::begin_in_child() noexcept {
  const std::lock_guard lock(mutex_);
  for (uint32_t index = 0; index < slots_.size(); ++index) {
    if (slots_[index].ticket != nullptr) free_slot(index, slots_[index]);
  }
}

}  // namespace tl::runtime
