#include "asked_credentials.hpp"

namespace tl::connection {

Credentials::Given AskedCredentials::valid() const {
  const std::lock_guard lock(mutex_);
  if (current_.login == nullptr || current_.until.passed(steady_clock().now())) return {};
  return {current_.login, version_};
}

// Of answers that dials have waited for at the same time the latest counts.
Credentials::Given AskedCredentials::take(const CredentialsSource::Answer& answer) {
  const std::lock_guard lock(mutex_);
  if (current_.login == nullptr || current_.since < answer.since) {
    if (current_.login == nullptr || *current_.login != *answer.login) ++version_;
    current_ = answer;
  }
  return {current_.login, version_};
}

void AskedCredentials::drop(const config::Login& refused) {
  const std::lock_guard lock(mutex_);
  if (*current_.login == refused) current_.until.at = current_.since;
}

Result<Credentials::Given> AskedCredentials::for_dial(const CallOptions& dial) {
  if (Given known = valid(); known.login != nullptr) return known;
  auto answer = source_->credentials_of(connection_, dial);
  if (!answer) return answer.take_error();
  return take(*answer);
}

// Once: whether they are the same again, or others that are refused as well, asking goes on with the next dial.
Result<Credentials::Given> AskedCredentials::instead_of(const std::vector<Login>& refused, const CallOptions& dial) {
  drop(*refused.back());
  if (refused.size() > 1) return Given();
  auto given = for_dial(dial);
  if (given && *given->login == *refused.back()) {
    drop(*refused.back());
    return Given();
  }
  return given;
}

Result<void> AskedCredentials::may_wait(const CallOptions& options) const {
  if (valid().login != nullptr) return {};
  return source_->may_ask_credentials(connection_, options);
}

Credentials::Login AskedCredentials::for_cancel(const CallOptions& cancel) {
  auto given = for_dial(cancel);
  if (given) return given->login;
  const std::lock_guard lock(mutex_);
  return current_.login;
}

uint64_t AskedCredentials::version() const noexcept {
  const std::lock_guard lock(mutex_);
  return version_;
}

}  // namespace tl::connection
