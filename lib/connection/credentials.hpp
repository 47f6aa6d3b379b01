// What sessions log in with, where that may change while they are open.
#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "driver.hpp"

namespace tl::connection {

struct CallOptions;

class Credentials {
 public:
  using Login = std::shared_ptr<const config::Login>;
  // `version` grows when sessions of earlier ones are to go; it is that of the credentials at that time.
  struct Given {
    Login login;  // null: there is none
    uint64_t version = 0;
  };
  virtual ~Credentials() = default;

  // [a thread that may block] What a dial is to try, within its own deadline. Errors: why there is nothing.
  [[nodiscard]] virtual Result<Given> for_dial(const CallOptions& dial) = 0;
  // [a thread that may block] What it is to try at once after the server has refused all these; none: nothing.
  [[nodiscard]] virtual Result<Given> instead_of(const std::vector<Login>& refused, const CallOptions& dial) = 0;
  // The server has let a session in with them.
  virtual void accepted(Given& given) noexcept = 0;
  // [a thread that may block] To be called now and then; whether they have changed is seen by the version.
  virtual void look() {}
  // Whether look() does anything.
  [[nodiscard]] virtual bool needs_looks() const noexcept { return false; }
  // Whether somebody may wait for a dial. Errors: busy, he would wait for himself.
  [[nodiscard]] virtual Result<void> may_wait(const CallOptions&) const { return {}; }
  // What there is to say of them to somebody whom the server has refused; "" : nothing.
  [[nodiscard]] virtual std::string excuse() const = 0;
  // [a thread that may block] With which a statement of an open session may be stopped; null: nobody knows any.
  [[nodiscard]] virtual Login for_cancel(const CallOptions& cancel) = 0;
  [[nodiscard]] virtual uint64_t version() const noexcept = 0;
};

// A password that a file holds. It is read for every dial. One that the server refuses may be told there before the
// server knows it: until it lets a session in with it, the one before is tried as well.
class FilePassword final : public Credentials {
 public:
  explicit FilePassword(const config::Address& address);

  [[nodiscard]] Result<Given> for_dial(const CallOptions& dial) override;
  [[nodiscard]] Result<Given> instead_of(const std::vector<Login>& refused, const CallOptions& dial) override;
  void accepted(Given& given) noexcept override;
  void look() override;
  [[nodiscard]] bool needs_looks() const noexcept override { return true; }
  [[nodiscard]] std::string excuse() const override;
  [[nodiscard]] Login for_cancel(const CallOptions& cancel) override;
  [[nodiscard]] uint64_t version() const noexcept override;

 private:
  const std::string path_;
  std::mutex reading_;  // so that what was read last counts; who finds it taken goes on with what is known
  mutable std::mutex mutex_;
  Login current_;
  Login before_;              // what the server took last, or the first one; null: the current one, or none
  bool taken_ = false;        // the server has taken the current one,
  bool before_used_ = false;  // or, as long as it does not, the one before
  bool is_readable_ = true;   // when looked at last
  uint64_t version_ = 0;
};

}  // namespace tl::connection
