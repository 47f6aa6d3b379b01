// What the opaque handles of trunkline.h are, and how C++ failures become a tl_status and a tl_error.
#pragma once
#include <atomic>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include <trunkline/trunkline.h>

#include "fork.hpp"
#include "registry.hpp"

struct tl_error {
  tl::Error error;
};

struct tl_registry {
  std::shared_ptr<tl::registry::Registry> registry;
  tl::MadeHere made_here;
};

// A handle keeps its registry: ids of operations are resolved there.
struct tl_conn {
  std::shared_ptr<tl::registry::Registry> registry;
  std::shared_ptr<tl::connection::Handle> handle;
  tl::MadeHere made_here;
};

// A schema that was shown, kept so that its names stay valid, and the elements of its list columns.
struct ShownSchema {
  std::shared_ptr<const tl::columnar::Schema> schema;
  std::vector<tl_column> children;
};

struct tl_result {
  explicit tl_result(std::shared_ptr<tl::registry::Registry> of) : registry(std::move(of)) {}
  tl_result(std::shared_ptr<tl::registry::Registry> of, tl::connection::QueryResult made)
      : registry(std::move(of)), answer(std::move(made)) {}
  tl_result(const tl_result&) = delete;
  tl_result& operator=(const tl_result&) = delete;
  ~tl_result() {
    if (op != 0) registry->tickets().release(op);
  }
  // To a caller, until release().
  [[nodiscard]] static tl_result* hand_out(std::shared_ptr<tl_result> result) noexcept {
    tl_result* const handle = result.get();
    handle->callers = std::move(result);
    return handle;
  }
  void release() noexcept { const std::shared_ptr<tl_result> last = std::move(callers); }

  std::shared_ptr<tl::registry::Registry> registry;
  tl::connection::QueryResult answer;
  std::optional<tl::Nanos> timeout;    // of each read from a stream that names none: as the statement's own was
  tl_op op = 0;                        // of a streamed statement: released with the result
  std::shared_ptr<tl_result> callers;  // its caller's own hold; reads of it on a queue have others
  std::atomic<bool> read{false};       // somebody reads
  tl::MadeHere made_here;
  mutable std::vector<ShownSchema> shown;
};

struct tl_batch {
  std::shared_ptr<const tl::columnar::Batch> batch;
  std::vector<tl_column> children;  // of list columns, in their order
};

namespace tl::capi {

// In a forked child what is its parent's stays as it is.
template <class Handle>
void destroy(Handle* handle) noexcept {
  if (handle != nullptr && handle->made_here) delete handle;
}

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

// A string argument: null with length 0 is empty, and text() of it is never null.
[[nodiscard]] inline bool is_text(const char* text, size_t length) noexcept { return text != nullptr || length == 0; }
// Of the name of a connection; null: fine.
[[nodiscard]] inline const char* problem_with_name(const char* name, size_t length) noexcept {
  if (!is_text(name, length)) return "name is NULL and name_len is not 0";
  if (name == nullptr || length != 0) return nullptr;
  return "the name of a connection cannot be empty; NULL names the default";
}
// The same of a verb that has no default.
[[nodiscard]] inline const char* problem_with_own_name(const char* name, size_t length) noexcept {
  return name == nullptr || length == 0 ? "the name of a connection is needed" : nullptr;
}
[[nodiscard]] inline std::string_view text(const char* text, size_t length) noexcept {
  return length == 0 ? std::string_view("") : std::string_view(text, length);
}

// The process's, with the environment that a caller names; null or "": he names none.
[[nodiscard]] config::Surroundings surroundings(const char* environment);

}  // namespace tl::capi
