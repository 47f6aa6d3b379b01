#include "credentials.hpp"

#include <algorithm>

namespace tl::connection {
namespace {

bool holds(const std::vector<Credentials::Login>& refused, const Credentials::Login& login) {
  return std::any_of(refused.begin(), refused.end(), [&](const auto& one) { return one->password == login->password; });
}

}  // namespace

FilePassword::FilePassword(const config::Address& address)
    : path_(address.password_file),
      current_(std::make_shared<const config::Login>(config::Login{"", address.password})) {}

// A file that is being replaced may be empty, or not there: what it held last goes on.
void FilePassword::look() {
  const std::unique_lock reading(reading_, std::try_to_lock);
  if (!reading) return;  // of a disk that may not answer
  const std::optional<config::Secret> read = config::read_password(path_);
  Login fresh = read ? std::make_shared<const config::Login>(config::Login{"", *read}) : nullptr;
  const std::lock_guard lock(mutex_);
  is_readable_ = fresh != nullptr && !fresh->password.empty();
  if (!is_readable_ || fresh->password == current_->password) return;
  if (std::exchange(taken_, false) || before_ == nullptr) before_ = current_;
  current_ = std::move(fresh);
  before_used_ = false;
  ++version_;
}

Result<Credentials::Given> FilePassword::for_dial(const CallOptions& /*dial*/) {
  look();
  const std::lock_guard lock(mutex_);
  return Given{current_, version_};
}

Result<Credentials::Given> FilePassword::instead_of(const std::vector<Login>& refused, const CallOptions& /*dial*/) {
  look();
  const std::lock_guard lock(mutex_);
  if (!holds(refused, current_)) return Given{current_, version_};
  if (before_ != nullptr && !holds(refused, before_)) return Given{before_, version_};
  return Given();
}

// Sessions that were let in with the one before go once the current one is known to be good, not earlier: they would
// only be followed by others like them.
void FilePassword::accepted(Given& given) noexcept {
  const std::lock_guard lock(mutex_);
  if (given.login == current_) {
    taken_ = true;
    before_.reset();
    if (std::exchange(before_used_, false)) ++version_;
    given.version = version_;
  } else if (taken_) {
    given.version = 0;  // of none that counts
  } else {
    before_ = given.login;
    before_used_ = true;
  }
}

std::string FilePassword::excuse() const {
  const std::lock_guard lock(mutex_);
  return is_readable_ ? "" : "the file of its password is empty or cannot be read: what it held last was tried";
}

Credentials::Login FilePassword::for_cancel(const CallOptions& /*cancel*/) {
  const std::lock_guard lock(mutex_);
  return taken_ || before_ == nullptr ? current_ : before_;
}

uint64_t FilePassword::version() const noexcept {
  const std::lock_guard lock(mutex_);
  return version_;
}

}  // namespace tl::connection
