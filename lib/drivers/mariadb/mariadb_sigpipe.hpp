// OpenSSL writes to a socket whose other end is gone without asking that no signal be raised for it, and Connector/C
// does not ask either (libpq does the same as this around its own).
#pragma once
#include <signal.h>

namespace tl::mariadb {

// While it lives no SIGPIPE that the calling thread causes reaches the program.
class WithoutSigpipe {
 public:
  explicit WithoutSigpipe(bool needed) noexcept : active_(needed) {
    if (!active_) return;
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
    sigset_t pending;
    sigpending(&pending);
    others_ = sigismember(&pending, SIGPIPE) == 1;
  }
  ~WithoutSigpipe() {
    if (!active_) return;
    const timespec now{0, 0};
    if (!others_) (void)sigtimedwait(&pipe_, nullptr, &now);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  WithoutSigpipe(const WithoutSigpipe&) = delete;
  WithoutSigpipe& operator=(const WithoutSigpipe&) = delete;

 private:
  const bool active_;
  bool others_ = false;  // one was pending before
  sigset_t pipe_{};
  sigset_t before_{};
};

}  // namespace tl::mariadb
