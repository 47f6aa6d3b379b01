// A strict consumer of Arrow's C data interface: it reads every value as text and refuses whatever the specification
// does not allow, so that a test of the export needs no Arrow library.
#pragma once
#include <stdexcept>
#include <string>
#include <vector>

#include "arrow_abi.hpp"

namespace tl::columnar {

// What the specification forbids, and where.
struct ArrowFault : std::runtime_error {
  using std::runtime_error::runtime_error;
};

using Cells = std::vector<std::string>;

// The values of an array as text: "null", "true", "-5", "'text'", "x'00ff'", "[1, null]", "'text'" of a union as
// "text:'text'". Throws ArrowFault.
[[nodiscard]] Cells read_array(const ArrowSchema& schema, const ArrowArray& array);

// The columns of a record batch: a struct array without nulls. Throws ArrowFault.
[[nodiscard]] std::vector<Cells> read_record_batch(const ArrowSchema& schema, const ArrowArray& array);

// The metadata as "key=value;…". Throws ArrowFault.
[[nodiscard]] std::string read_metadata(const ArrowSchema& schema);

}  // namespace tl::columnar
