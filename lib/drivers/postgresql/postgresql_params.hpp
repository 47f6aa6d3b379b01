// Parameters as libpq takes them.
#pragma once
#include <string>
#include <vector>

#include "postgresql_types.hpp"
#include "result.hpp"

namespace tl::postgresql {

// The type that a value is sent as: 0 leaves it to the server, which knows what the statement wants there.
[[nodiscard]] Oid natural_type(const columnar::Params& params, const columnar::Value& value) noexcept;

// Whether a statement prepared for `type` there takes the value. A null is of any type; an int4 is not an int8, for
// what a statement answers must not depend on what it was called with before.
[[nodiscard]] bool fits(const columnar::Params& params, const columnar::Value& value, Oid type) noexcept;

inline constexpr const char* holds_nul = "PostgreSQL's texts cannot hold a NUL";
[[nodiscard]] inline bool has_nul(std::string_view text) noexcept { return text.find('\0') != std::string_view::npos; }

// An element of an array's literal, in quotes.
void put_quoted(std::string& out, std::string_view text);

// Kept by a session, so that its buffers are reused. Valid until the next encode(), and as long as the values are.
class EncodedParams {
 public:
  // Errors (data): a value that PostgreSQL cannot hold; names its position.
  [[nodiscard]] Result<void> encode(const columnar::Params& params, const std::vector<Oid>& types);

  [[nodiscard]] size_t bytes() const noexcept { return bytes_.size(); }
  [[nodiscard]] int count() const noexcept { return static_cast<int>(values_.size()); }
  [[nodiscard]] const char* const* values() const noexcept { return values_.data(); }
  [[nodiscard]] const int* lengths() const noexcept { return lengths_.data(); }
  [[nodiscard]] const int* formats() const noexcept { return formats_.data(); }

 private:
  [[nodiscard]] const char* encode_one(const columnar::Params& params, const columnar::Value& value, Oid type);
  [[nodiscard]] const char* encode_list(const columnar::Params& params, const columnar::Value& list, Oid type);
  [[nodiscard]] const char* encode_literal(const columnar::Params& params, const columnar::Value& list);

  std::string bytes_;
  std::vector<size_t> starts_;  // in bytes_, npos: a null
  std::vector<const char*> values_;
  std::vector<int> lengths_;
  std::vector<int> formats_;
};

}  // namespace tl::postgresql
