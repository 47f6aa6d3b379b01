// Bytes that live in the object until they no longer fit, and move either way.
#include "buffer.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "spare_blocks.hpp"

namespace tl::columnar {
namespace {

std::string_view told(const Buffer& buffer) { return {reinterpret_cast<const char*>(buffer.data()), buffer.size()}; }

Buffer holding(std::string_view text) {
  Buffer buffer;
  buffer.append(text.data(), text.size());
  return buffer;
}

// Within the object's own bytes?
bool is_inline(const Buffer& buffer) {
  const auto* object = reinterpret_cast<const uint8_t*>(&buffer);
  return buffer.data() >= object && buffer.data() < object + sizeof buffer;
}

const std::string little = "forty-eight bytes live in the object, no others.";
const std::string large = little + little + "!";

}  // namespace

TEST_CASE("a buffer keeps what was appended, inside the object and beyond") {
  REQUIRE(little.size() == 48);
  Buffer buffer = holding(little);
  CHECK(is_inline(buffer));
  buffer.append("!", 1);
  CHECK_FALSE(is_inline(buffer));
  CHECK(told(buffer) == little + "!");
  for (int i = 0; i < 10'000; ++i) buffer.push(static_cast<uint8_t>('a' + i % 26));
  CHECK(buffer.size() == 10'049);
  CHECK(told(buffer).substr(0, 52) == little + "!abc");
  CHECK(told(buffer).back() == static_cast<char>('a' + 9'999 % 26));
}

TEST_CASE("what grew through every size is whole, and so is what reuses its memory") {
  for (int round = 0; round < 3; ++round) {
    Buffer first;
    Buffer second;
    for (uint32_t i = 0; i < 2'000'000; ++i) {  // 8 MB: beyond the largest block that is kept
      first.push(i);
      if (i < 100'000) second.push(~i);
    }
    for (uint32_t i = 0; i < 2'000'000; i += 997) {
      uint32_t got = 0;
      std::memcpy(&got, first.data() + i * sizeof got, sizeof got);
      REQUIRE(got == i);
    }
    for (uint32_t i = 0; i < 100'000; i += 97) {
      uint32_t got = 0;
      std::memcpy(&got, second.data() + i * sizeof got, sizeof got);
      REQUIRE(got == ~i);
    }
  }
}

TEST_CASE("memory that is given back serves the next") {
  uint8_t* const block = take_block(least_block);
  give_block(block, least_block);
  uint8_t* const next = take_block(least_block);
  CHECK(next == block);
  std::memset(next, 1, least_block);
  give_block(next, least_block);
}

TEST_CASE("one append larger than twice the capacity fits") {
  const std::string much(1000, 'x');
  CHECK(told(holding(much)) == much);
}

TEST_CASE("appending nothing from nowhere is harmless") {
  Buffer buffer;
  buffer.append(nullptr, 0);
  CHECK(buffer.size() == 0);
  CHECK(buffer.data() != nullptr);
}

TEST_CASE("a moved buffer: the bytes go, the source is empty and usable") {
  for (const std::string& first : {std::string("a"), little, large}) {
    for (const std::string& second : {std::string(), std::string("b"), large}) {
      CAPTURE(first.size());
      CAPTURE(second.size());
      Buffer source = holding(first);
      Buffer moved(std::move(source));
      CHECK(told(moved) == first);
      CHECK(is_inline(moved) == (first.size() <= 48));
      CHECK(source.size() == 0);
      CHECK(is_inline(source));
      source.append(second.data(), second.size());
      CHECK(told(source) == second);

      source = std::move(moved);  // over what it held
      CHECK(told(source) == first);
      CHECK(moved.size() == 0);
      moved.append(second.data(), second.size());
      CHECK(told(moved) == second);
      CHECK(told(source) == first);
    }
  }
}

TEST_CASE("a buffer moved onto itself keeps its bytes") {
  for (const std::string& text : {little, large}) {
    Buffer buffer = holding(text);
    Buffer& same = buffer;
    buffer = std::move(same);
    CHECK(told(buffer) == text);
  }
}

TEST_CASE("resize_zeroed grows with zeroes and shrinks, clear empties") {
  Buffer buffer = holding("abc");
  buffer.clear();
  buffer.resize_zeroed(60);
  CHECK(told(buffer) == std::string(60, '\0'));
  buffer.resize_zeroed(2);
  CHECK(buffer.size() == 2);
  buffer.push<uint32_t>(0x04030201);
  CHECK(told(buffer) == std::string("\0\0\1\2\3\4", 6));
}

}  // namespace tl::columnar
