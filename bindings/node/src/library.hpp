// libtrunkline, opened while the program runs: Node exports an OpenSSL of its own, to which a library that is linked to
// the addon would bind.
#pragma once

#include <string>

#include "trunkline/trunkline.h"

// clang-format never comes to an end with this list.
// clang-format off
#define TL_FUNCTIONS(X)                                                                                               \
  X(tl_abi_version) X(tl_version) X(tl_has_feature) X(tl_registry_release) X(tl_conn_release) X(tl_result_release)    \
  X(tl_batch_release) X(tl_error_release) X(tl_status_name) X(tl_error_status) X(tl_error_message)                    \
  X(tl_error_connection) X(tl_error_endpoint) X(tl_error_phase) X(tl_error_sqlstate) X(tl_error_native)               \
  X(tl_error_outcome) X(tl_error_detail) X(tl_op_new) X(tl_op_release) X(tl_cancel) X(tl_completion_release)          \
  X(tl_queue_new) X(tl_queue_release) X(tl_queue_fd) X(tl_queue_wait) X(tl_queue_wake) X(tl_queue_shutdown)           \
  X(tl_subscribe) X(tl_answer)                                                                                        \
  X(tl_registry_open) X(tl_registry_parse) X(tl_registry_shared) X(tl_registry_share) X(tl_registry_has)              \
  X(tl_registry_add) X(tl_registry_remove) X(tl_registry_connect) X(tl_registry_connect_all) X(tl_registry_close)     \
  X(tl_registry_trim) X(tl_registry_patch) X(tl_registry_reload) X(tl_inspect) X(tl_conn_get) X(tl_conn_derive)       \
  X(tl_conn_token) X(tl_explain) X(tl_pin) X(tl_begin) X(tl_commit) X(tl_rollback) X(tl_type_name) X(tl_query)        \
  X(tl_execute_many) X(tl_load) X(tl_result_affected) X(tl_result_last_id) X(tl_result_endpoint)                      \
  X(tl_result_connection) X(tl_result_role) X(tl_result_lag_ms) X(tl_result_columns) X(tl_result_schema)              \
  X(tl_result_next) X(tl_result_next_set) X(tl_batch_columns)
// clang-format on

struct Library {
#define TL_MEMBER(name) decltype(&::name) name = nullptr;
  TL_FUNCTIONS(TL_MEMBER)
#undef TL_MEMBER
};

// Of the process: all environments (worker threads) use the same.
extern Library lib;

// Fills `lib`, once for the process. `beside`: where the package may carry a copy. What is wrong, or "".
std::string open_library(const std::string& beside);
