#include <cstdlib>

#include "handles.hpp"

namespace tl::capi {

static_assert(TL_E_SHUTDOWN == static_cast<int>(Status::shutdown) && TL_E_MISUSE == static_cast<int>(Status::misuse) &&
              TL_E_UNIQUE == static_cast<int>(Status::unique_violation) &&
              TL_E_CANCELLED == static_cast<int>(Status::cancelled) &&
              TL_E_STATEMENT == static_cast<int>(Status::statement) &&
              TL_E_RESOURCE == static_cast<int>(Status::resource));
static_assert(TL_UNKNOWN == static_cast<int>(Outcome::unknown) && TL_REFUSED == static_cast<int>(Outcome::refused));

// So that a failure that is told for want of memory can be.
static_assert(std::is_nothrow_move_constructible_v<Error>);

tl_status report(Failure failure, tl_error** err) noexcept {
  const auto status = static_cast<tl_status>(failure->status);
  if (err != nullptr) {
    *err = new (std::nothrow) tl_error{std::move(*failure)};
    if (*err == nullptr) return TL_E_NO_MEMORY;
  }
  return status;
}

tl_status misuse(const char* message, tl_error** err) noexcept {
  try {
    return report(fail(Status::misuse, message), err);
  } catch (...) {
    return TL_E_MISUSE;
  }
}

tl_status no_memory(tl_error** err) noexcept {
  if (err != nullptr) *err = nullptr;  // there is no memory to say more
  return TL_E_NO_MEMORY;
}

tl_status internal(const char* what, tl_error** err) noexcept {
  try {
    return report(fail(Status::internal, std::string("a fault of trunkline: ") + what), err);
  } catch (...) {
    return TL_E_INTERNAL;
  }
}

}  // namespace tl::capi

extern "C" {

void tl_error_release(tl_error* error) { delete error; }

const char* tl_status_name(tl_status status) { return tl::status_name(static_cast<tl::Status>(status)).data(); }

tl_status tl_error_status(const tl_error* error) {
  return error == nullptr ? TL_OK : static_cast<tl_status>(error->error.status);
}
const char* tl_error_message(const tl_error* error) { return error == nullptr ? "" : error->error.message.c_str(); }
const char* tl_error_connection(const tl_error* error) {
  return error == nullptr ? "" : error->error.connection.c_str();
}
const char* tl_error_endpoint(const tl_error* error) { return error == nullptr ? "" : error->error.endpoint.c_str(); }
const char* tl_error_phase(const tl_error* error) {
  return error == nullptr ? "" : tl::phase_name(error->error.phase).data();
}
const char* tl_error_sqlstate(const tl_error* error) { return error == nullptr ? "" : error->error.sqlstate.c_str(); }
int32_t tl_error_native(const tl_error* error) { return error == nullptr ? 0 : error->error.native; }
int32_t tl_error_outcome(const tl_error* error) {
  return error == nullptr ? TL_UNKNOWN : static_cast<int32_t>(error->error.outcome);
}

tl_status tl_error_detail(const tl_error* error, size_t i, const char** key, const char** value) {
  if (error == nullptr || i >= error->error.details.size()) return TL_E_NOT_FOUND;
  const auto& detail = error->error.details[i];
  if (key != nullptr) *key = detail.first.c_str();
  if (value != nullptr) *value = detail.second.c_str();
  return TL_OK;
}

}  // extern "C"
