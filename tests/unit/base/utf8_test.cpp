// What counts as UTF-8, wherever in a text it stands.
#include <doctest/doctest.h>

#include <string>

#include "utf8.hpp"

namespace tl {
namespace {

bool is_text(const std::string& bytes) { return is_utf8(bytes.data(), bytes.size()); }

}  // namespace

TEST_CASE("sequences of every length, and what is none, at every place of texts of every length") {
  const std::string good[] = {"", "x", "\xc2\x80", "é", "\xe0\xa0\x80", "文", "\xed\x9f\xbf", "\xf0\x90\x80\x80", "🎉"};
  const std::string bad[] = {"\x80",         "\xbf",         "\xc1\xbf",         "\xc3", "\xe2\x82", "\xe0\x9f\xbf",
                             "\xed\xa0\x80", "\xf0\x8f\xbf", "\xf4\x90\x80\x80", "\xff"};
  for (size_t before = 0; before < 20; ++before) {
    for (size_t after = 0; after < 20; ++after) {
      CAPTURE(before);
      CAPTURE(after);
      const auto within = [&](const std::string& some) {
        return std::string(before, 'a') + some + std::string(after, 'z');
      };
      for (const std::string& some : good) REQUIRE(is_text(within(some)));
      for (const std::string& some : bad) REQUIRE_FALSE(is_text(within(some)));
    }
  }
}

TEST_CASE("a sequence that is cut off at the end of the text") {
  for (size_t before = 0; before < 20; ++before) {
    const std::string text = std::string(before, 'a') + "🎉";
    for (size_t cut = 1; cut < 4; ++cut) CHECK_FALSE(is_text(text.substr(0, text.size() - cut)));
  }
}

}  // namespace tl
