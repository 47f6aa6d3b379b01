// How the columns of a result are read.
#pragma once
#include <memory>
#include <vector>

#include "batch.hpp"
#include "postgresql_handles.hpp"
#include "postgresql_types.hpp"

namespace tl::postgresql {

struct Plan {
  std::shared_ptr<const columnar::Schema> schema;  // null: no columns
  std::vector<const TypeInfo*> types;              // of each column; null: text as it is
  bool binary = false;                             // every column has a known binary form
  bool grows = false;                              // a column's values can take more than their bytes and a slot
  bool quick = false;                              // of a prepared statement: the last ride of it was
};

// Of a described statement, or of a result that came as text. `arrays_as_text`: arrays are columns of text.
[[nodiscard]] Plan plan_of(const PGresult* described, bool arrays_as_text);

// Reads one value, in the text or the binary format. Answers null, or what is wrong with it.
using Complaint = const char*;
[[nodiscard]] Complaint read_binary(columnar::Column& column, const TypeInfo& type, std::string_view value);
[[nodiscard]] Complaint read_text(columnar::Column& column, const TypeInfo& type, std::string_view value);
// The complaint whose class is too_large and not data.
inline constexpr char too_large[] = "more than the 2^31 bytes that a column can hold";
// Beside an element's own bytes: the widest value of a fixed size, which a null of its type takes too.
constexpr size_t widest_slot = 16;

}  // namespace tl::postgresql
