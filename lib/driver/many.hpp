// One statement for many rows of values, as one verb.
#pragma once
#include <memory>

#include "batch.hpp"
#include "operation.hpp"
#include "statement.hpp"

namespace tl::driver {

struct ManyRequest {
  std::shared_ptr<const sql::Statement> statement;
  // Row after row, each in the order of statement->native. Valid as those of a Request are.
  columnar::Params values;
  size_t width = 0;  // values of a row
  size_t rows = 0;
  bool loads = false;  // the statement is sql::loading_text()'s, and takes `width` values whatever its text says
  bool wants_position = false;  // as of a Request

  [[nodiscard]] columnar::Params row(size_t i) const noexcept {
    return {values.values + i * width, width, values.arena};
  }
};

// Done when all rows have run; what rows the statement gives are dropped. A failure ends it, and names its row where
// that is known; what the rows before it did is for the caller to undo, unless the driver runs them as one.
class Many : public Operation {
 public:
  // When done: what each row has affected, a column of int64, null where that is not known. Null: the server does not
  // tell of each row.
  std::shared_ptr<columnar::Batch> outcomes;
  int64_t affected = 0;  // by all of them, as far as is known

 protected:
  // What the next row has affected; -1: not known.
  void tell(int64_t rows);
};

// Says in which row (from 0) it was; of a later one, that it was sent with those before.
[[nodiscard]] Failure in_row(Failure failure, size_t row);

}  // namespace tl::driver
