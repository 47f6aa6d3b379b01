#include "log.hpp"

#include <cstdlib>
#include <string>

#include <unistd.h>

#include "fork.hpp"

namespace tl::observe {
namespace {

Level threshold() noexcept {
  static constinit PerProcess<const Level> chosen;
  return chosen.get([] {
    const char* text = std::getenv("TRUNKLINE_LOG");
    const std::string_view name = text == nullptr ? "warning" : text;
    if (name == "off") return new Level(Level::off);
    return new Level(name == "info" ? Level::info : Level::warning);
  });
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
