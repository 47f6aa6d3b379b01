// One value as the type its key wants, with a line in `settings` for each.
#pragma once
#include "keys.hpp"

namespace tl::config {

[[nodiscard]] std::optional<Nanos> parse_duration(std::string_view text) noexcept;  // "250ms", "1h30m"
[[nodiscard]] std::string duration_text(Nanos duration);  // the shortest that is exact: "30s", "5m"

// What a variable says where a boolean is wanted: true, false, 1 or 0, in any case.
[[nodiscard]] std::optional<bool> parse_boolean(std::string_view text) noexcept;

// Errors: it has a key that the table of keys does not know.
[[nodiscard]] Result<void> check_keys(const Node& table, std::string_view table_name, const Blame& blame);

// Reads the keys of one table (a connection's own, its pool, …). The first error is kept; after it everything reads as
// absent.
class Values {
 public:
  Values(const Node& table, std::string_view table_name, std::string path, DriverKind driver, const Blame& blame,
         Config& config)
      : table_(table),
        table_name_(table_name),
        path_(std::move(path)),
        driver_(driver),
        blame_(blame),
        config_(config) {}

  // Each absent where the key is, "none" where that is a value. The key must be in the table of keys.
  [[nodiscard]] std::optional<std::string> text(std::string_view name);
  [[nodiscard]] std::optional<int64_t> integer(std::string_view name);
  [[nodiscard]] std::optional<double> fraction(std::string_view name);
  [[nodiscard]] std::optional<bool> boolean(std::string_view name);
  [[nodiscard]] std::optional<Nanos> duration(std::string_view name);
  [[nodiscard]] std::optional<std::optional<Nanos>> lifetime(std::string_view name);
  [[nodiscard]] std::optional<uint64_t> bytes(std::string_view name);
  [[nodiscard]] std::optional<PrePing> pre_ping(std::string_view name);
  // The word's position among the key's choices.
  [[nodiscard]] std::optional<size_t> choice(std::string_view name);
  // An integer, or `word`: absent inside.
  [[nodiscard]] std::optional<std::optional<int64_t>> integer_or(std::string_view name, std::string_view word);

  // Looks at what is there of keys whose feature this build lacks, and of keys without meaning: checked, and told.
  void rest();
  [[nodiscard]] Failure take_error() noexcept { return std::move(error_); }
  [[nodiscard]] bool failed() const noexcept { return error_ != nullptr; }
  void blame(std::string_view name, std::string_view what, std::string_view suggestion = {});

 private:
  [[nodiscard]] const Node* find(const Key& key);
  [[nodiscard]] std::optional<int64_t> integer_of(const Node& node, const Key& key);
  [[nodiscard]] std::optional<Nanos> duration_of(const Node& node, const Key& key, bool may_be_zero);
  void check(const Key& key);
  void record(const Key& key, const Node* node, std::string value);
  void told(const Key& key, const Node& node, std::string_view what, std::string_view suggestion = {});
  [[nodiscard]] std::string path_of(std::string_view name) const { return path_ + '.' + std::string(name); }

  const Node& table_;
  const std::string_view table_name_;
  const std::string path_;
  const DriverKind driver_;
  const Blame& blame_;
  Config& config_;
  Failure error_;
};

}  // namespace tl::config
