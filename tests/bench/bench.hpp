// What the measured programs share: one case, one side, one figure on standard output.
#pragma once
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace bench {

[[noreturn]] inline void die(const std::string& why) {
  std::fprintf(stderr, "bench: %s\n", why.c_str());
  std::exit(1);
}

inline void check(bool fine, const char* what) {
  if (!fine) die(what);
}

inline std::string variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) die(std::string(name) + " is not set");
  return value;
}

constexpr int64_t points = 10'000;

// What a row becomes in the hands of somebody who uses the client library.
struct Row {
  int64_t a;
  int32_t b;
  double c;
  std::string d;
  bool e;
  int64_t f;
};

// Kept from being optimised away.
template <class T>
void use(const T& value) {
  asm volatile("" : : "g"(&value) : "memory");
}

// Warms up, then runs `unit` for about `seconds`; nanoseconds per unit.
template <class Unit>
double measure(double seconds, Unit unit) {
  using Clock = std::chrono::steady_clock;
  const auto run_for = [&](double wanted) {
    const auto began = Clock::now();
    int64_t units = 0;
    double spent = 0;
    do {
      for (int i = 0; i < 16; ++i) unit(units++);
      spent = std::chrono::duration<double>(Clock::now() - began).count();
    } while (spent < wanted);
    return spent / static_cast<double>(units) * 1e9;
  };
  run_for(seconds / 5);
  return run_for(seconds);
}

// The figure, and the most memory the process had, in kB.
inline void tell(double nanoseconds) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("%.1f %ld\n", nanoseconds, usage.ru_maxrss);
}

}  // namespace bench
