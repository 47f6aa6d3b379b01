#include "log.hpp"

#include <atomic>
#include <cstdlib>
#include <string>

#include <unistd.h>

namespace tl::observe {
namespace {

Level chosen_level() noexcept {
  const char* text = std::getenv("TRUNKLINE_LOG");
  const std::string_view name = text == nullptr ? "warning" : text;
  if (name == "off") return Level::off;
  return name == "info" ? Level::info : Level::warning;
}

Level threshold() noexcept {
  constexpr int unknown = -1;
  static constinit std::atomic<int> chosen = unknown;
  int level = chosen.load(std::memory_order_relaxed);
  if (level == unknown) chosen.store(level = static_cast<int>(chosen_level()), std::memory_order_relaxed);
  return static_cast<Level>(level);
}

}  // namespace

void log(Level level, std::string_view line) noexcept {
  if (level < threshold() || level == Level::off) return;
  try {
    std::string text = "trunkline: ";
    text.append(line);
    text.push_back('\n');
    // A log line that cannot be written must not disturb the caller.
    [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text.data(), text.size());
  } catch (const std::bad_alloc&) {
    return;
  }
}

std::string one_line(std::string text) noexcept {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return text;
}

}  // namespace tl::observe
