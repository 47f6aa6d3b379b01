// Credentials that the application knows, and is asked for when a session is opened.
#pragma once
#include "credentials.hpp"

namespace tl::connection {

// Who asks it. [any thread]
class CredentialsSource {
 public:
  struct Answer {
    Credentials::Login login;
    Instant since;   // when it was given,
    Deadline until;  // and for how long it is valid
  };
  virtual ~CredentialsSource() = default;
  // Waits for the answer. Errors: authentication, nobody answers such questions; connect_timeout; cancelled; what was
  // answered.
  [[nodiscard]] virtual Result<Answer> credentials_of(const std::string& connection, const CallOptions& dial) = 0;
  // Whether somebody may wait for an answer. Errors: busy, only he himself could give it.
  [[nodiscard]] virtual Result<void> may_ask_credentials(const std::string& connection,
                                                         const CallOptions& options) const = 0;
};

// Of one connection, whose endpoints share them: valid for as long as was said with them, or until the server refuses
// them.
class AskedCredentials final : public Credentials {
 public:
  AskedCredentials(std::string connection, std::shared_ptr<CredentialsSource> source)
      : connection_(std::move(connection)), source_(std::move(source)) {}

  [[nodiscard]] Result<Given> for_dial(const CallOptions& dial) override;
  [[nodiscard]] Result<Given> instead_of(const std::vector<Login>& refused, const CallOptions& dial) override;
  void accepted(Given&) noexcept override {}
  [[nodiscard]] Result<void> may_wait(const CallOptions& options) const override;
  [[nodiscard]] std::string excuse() const override { return "the application has been asked for credentials twice"; }
  [[nodiscard]] Login for_cancel(const CallOptions& cancel) override;
  [[nodiscard]] uint64_t version() const noexcept override;

 private:
  [[nodiscard]] Given valid() const;  // none: they are to be asked for
  [[nodiscard]] Given take(const CredentialsSource::Answer& answer);
  void drop(const config::Login& refused);

  const std::string connection_;
  const std::shared_ptr<CredentialsSource> source_;
  mutable std::mutex mutex_;
  CredentialsSource::Answer current_;  // as it was answered last
  uint64_t version_ = 0;
};

}  // namespace tl::connection
