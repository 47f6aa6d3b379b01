// Arrow's C data interface (https://arrow.apache.org/docs/format/CDataInterface.html) for batches.
#pragma once
#include <functional>

#include "batch.hpp"

struct ArrowSchema;
struct ArrowArray;
struct ArrowArrayStream;

namespace tl::columnar {

// Gives the batches of one result set in order; a null batch is the end.
using BatchSource = std::function<Result<std::shared_ptr<const Batch>>()>;

// Fills `out`, whose release frees everything; the batches stay alive as long as an exported array does, and are not
// copied where the layouts agree. `any` becomes a dense union. A value that Arrow cannot hold exactly fails get_next,
// naming row and column.
void export_stream(std::shared_ptr<const Schema> schema, BatchSource source, ArrowArrayStream* out);

}  // namespace tl::columnar
