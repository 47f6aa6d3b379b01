#include "named.hpp"

namespace tl::connection {

std::shared_ptr<Connection> Named::peek() const {
  const std::lock_guard lock(mutex_);
  return connection_ == nullptr || connection_->is_forgotten() ? nullptr : connection_;
}

Result<std::shared_ptr<Connection>> Named::find(const CallOptions& options) {
  finder_.note_use();
  if (auto known = peek()) return known;
  auto found = finder_.find(name_, options);
  if (!found) return found;
  const std::lock_guard lock(mutex_);
  connection_ = *found;
  return found;
}

}  // namespace tl::connection
