// While it lives, the system starts no thread for this process.
#pragma once
#include <doctest/doctest.h>
#include <pthread.h>

namespace tl::runtime {

class NoThreads {
 public:
  NoThreads() {
    REQUIRE(pthread_getattr_default_np(&before_) == 0);
    pthread_attr_t enormous;
    pthread_attr_init(&enormous);
    REQUIRE(pthread_attr_setstacksize(&enormous, size_t{1} << 48) == 0);  // more than there are addresses
    REQUIRE(pthread_setattr_default_np(&enormous) == 0);
    pthread_attr_destroy(&enormous);
  }
  ~NoThreads() {
    pthread_setattr_default_np(&before_);
    pthread_attr_destroy(&before_);
  }
  NoThreads(const NoThreads&) = delete;
  NoThreads& operator=(const NoThreads&) = delete;

 private:
  pthread_attr_t before_;
};

}  // namespace tl::runtime
