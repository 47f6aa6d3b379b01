// What the opaque handles of trunkline.h are, and how C++ failures become a tl_status and a tl_error.
#pragma once
#include <memory>
#include <new>

#include <trunkline/trunkline.h>

#include "registry.hpp"

struct tl_error {
  tl::Error error;
};

struct tl_registry {
  std::shared_ptr<tl::registry::Registry> registry;
};

// A handle keeps its registry: ids of operations are resolved there.
struct tl_conn {
  std::shared_ptr<tl::registry::Registry> registry;
  std::shared_ptr<tl::connection::Handle> handle;
};

struct tl_result {
  std::shared_ptr<tl::registry::Registry> registry;
  std::unique_ptr<tl::connection::QueryResult> result;
  tl_op op = 0;  // of a streamed statement: released when its last row has been read
};

struct tl_batch {
  std::shared_ptr<const tl::columnar::Batch> batch;
  std::vector<tl_column> children;  // of list columns; filled by the first tl_batch_columns that needs them
};

namespace tl::capi {

// Hands the failure to the caller, if asked for, and answers its status.
tl_status report(Failure failure, tl_error** err) noexcept;
tl_status misuse(const char* message, tl_error** err) noexcept;
tl_status no_memory(tl_error** err) noexcept;
tl_status internal(const char* what, tl_error** err) noexcept;

// Runs the body of an entry point: nothing thrown leaves it.
template <class Body>
tl_status guarded(tl_error** err, const Body& body) noexcept {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return no_memory(err);
  } catch (const std::exception& e) {
    return internal(e.what(), err);
  } catch (...) {
    return internal("unknown exception", err);
  }
}

// A string argument: null with length 0 is empty.
[[nodiscard]] inline bool is_text(const char* text, size_t length) noexcept { return text != nullptr || length == 0; }
[[nodiscard]] inline std::string_view text(const char* text, size_t length) noexcept {
  return length == 0 ? std::string_view() : std::string_view(text, length);
}

}  // namespace tl::capi
