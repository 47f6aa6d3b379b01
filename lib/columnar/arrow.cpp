#include "arrow.hpp"

#include <cerrno>

#include "arrow_export.hpp"

namespace tl::columnar {
namespace {

struct Exported {
  std::shared_ptr<const Schema> schema;
  BatchSource source;
  std::string error;
  int64_t rows = 0;
};

Exported& exported(ArrowArrayStream* stream) noexcept { return *static_cast<Exported*>(stream->private_data); }

// The interface's errors are errno values.
int code_of(const Error& error) noexcept {
  switch (error.status) {
    case Status::no_memory: return ENOMEM;
    case Status::data: return EINVAL;
    case Status::cancelled: return ECANCELED;
    case Status::statement_timeout: return ETIMEDOUT;
    default: return EIO;
  }
}

int get_schema(ArrowArrayStream* stream, ArrowSchema* out) noexcept {
  try {
    export_schema(*exported(stream).schema, out);
    return 0;
  } catch (const std::bad_alloc&) {
    return ENOMEM;
  }
}

int get_next(ArrowArrayStream* stream, ArrowArray* out) noexcept {
  Exported& self = exported(stream);
  try {
    self.error.clear();
    auto batch = self.source();
    Failure failure;
    if (!batch) {
      failure = batch.take_error();
    } else if (*batch == nullptr) {
      *out = {};  // released: the end
      return 0;
    } else {
      const int64_t rows = (*batch)->rows();
      Result<void> done = export_batch(batch.take(), self.rows, out);
      self.rows += rows;
      if (done) return 0;
      failure = done.take_error();
    }
    self.error = failure->message;
    return code_of(*failure);
  } catch (const std::bad_alloc&) {
    return ENOMEM;
  }
}

const char* get_last_error(ArrowArrayStream* stream) noexcept {
  const std::string& error = exported(stream).error;
  return error.empty() ? nullptr : error.c_str();
}

void release(ArrowArrayStream* stream) noexcept {
  delete static_cast<Exported*>(stream->private_data);
  stream->release = nullptr;
}

}  // namespace

void export_stream(std::shared_ptr<const Schema> schema, BatchSource source, ArrowArrayStream* out) {
  auto self = std::make_unique<Exported>();
  self->schema = std::move(schema);
  self->source = std::move(source);
  *out = {get_schema, get_next, get_last_error, release, self.release()};
}

}  // namespace tl::columnar
