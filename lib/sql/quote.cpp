#include "statement.hpp"

namespace tl::sql {
namespace {

// The bytes of the UTF-8 character at the front of `text`; 0: there is none (cut short, overlong, surrogate, too
// large).
size_t character_length(std::string_view text) noexcept {
  const auto at = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto follows = [&](size_t i, unsigned low = 0x80, unsigned high = 0xbf) {
    return at(i) >= low && at(i) <= high;
  };
  const unsigned lead = at(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return follows(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    const bool second = follows(1, lead == 0xe0 ? 0xa0 : 0x80, lead == 0xed ? 0x9f : 0xbf);
    return second && follows(2) ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const bool second = follows(1, lead == 0xf0 ? 0x90 : 0x80, lead == 0xf4 ? 0x8f : 0xbf);
    return second && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const size_t length = character_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace

Result<std::string> quote_identifier(std::string_view name, Dialect dialect) {
  if (name.empty()) return fail(Status::misuse, "an identifier is empty");
  if (name.find('\0') != std::string_view::npos) return fail(Status::misuse, "an identifier contains a NUL character");
  if (!is_utf8(name)) return fail(Status::misuse, "an identifier is not valid UTF-8");
  const char mark = dialect == Dialect::mysql ? '`' : '"';
  std::string quoted;
  quoted.reserve(name.size() + 2);
  quoted += mark;
  for (const char c : name) {
    if (c == mark) quoted += mark;
    quoted += c;
  }
  quoted += mark;
  return quoted;
}

}  // namespace tl::sql
