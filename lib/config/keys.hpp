// The one table of keys, and the one table of other systems' names for them. The reference page is printed from both.
#pragma once
#include <span>
#include <string_view>

#include "config.hpp"
#include "node.hpp"

namespace tl::config {

enum class Type : uint8_t {
  text,
  secret,
  path,
  choice,
  integer,
  fraction,  // 0 to 0.9
  boolean,
  duration,    // "250ms", "30s", "5m"
  lifetime,    // a duration, or "none"
  bytes,       // 1048576 or "1MiB"
  pre_ping,    // true, false, "auto", or a duration
  pool_max,    // an integer or "auto"
  cache_size,  // an integer or "off"
};

// Sets of drivers that a key is valid for.
constexpr uint16_t bit(DriverKind kind) noexcept { return static_cast<uint16_t>(1U << static_cast<unsigned>(kind)); }
constexpr uint16_t every_driver = 0xffff;

struct Key {
  std::string_view name;  // within its table
  Type type;
  std::string_view standard;  // the default as it is written, "" : none, or told in `about`
  int64_t least = 0;          // of an integer
  int64_t most = 0;
  std::string_view choices;  // "a|b|c"
  uint16_t drivers = every_driver;
  std::string_view lacking;  // the feature that this build does not have, "" : it has it
  std::string_view about;
};

// Tables: "" (a connection's own keys), "pool", "replicas", "retry", "migrations", "budget", "limits", "top".
[[nodiscard]] std::span<const Key> keys_of(std::string_view table) noexcept;
[[nodiscard]] const Key* find_key(std::string_view table, std::string_view name) noexcept;

struct Alias {
  std::string_view table;  // where it is written: "" (also the nested `connection` table), "pool", "migrations", …
  std::string_view name;
  std::string_view key;    // what it means: "pool.max"; "" : it has no meaning here
  Unit unit = Unit::none;  // of a bare number
  std::string_view from;   // whose name it is
};
[[nodiscard]] std::span<const Alias> aliases() noexcept;

// A driver by any of its names. Errors (of the name) are the caller's.
[[nodiscard]] std::optional<DriverKind> driver_by_name(std::string_view name) noexcept;
[[nodiscard]] std::vector<std::string_view> driver_names();      // all of them, those of one driver side by side
[[nodiscard]] uint16_t standard_port(DriverKind kind) noexcept;  // 0: none

// The reference page, in Markdown: docs/configuration.md.
[[nodiscard]] std::string reference_page();

}  // namespace tl::config
