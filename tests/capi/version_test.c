/* What the library says of itself. */
#include "capi_fixture.h"

#include <string.h>

void test_versions(void) {
  CHECK_INT(tl_abi_version(), TL_ABI_VERSION);
  CHECK_TEXT(tl_version(), EXPECTED_VERSION);
  CHECK_INT(tl_has_feature(on_sqlite() ? "driver.sqlite" : "driver.postgresql"), 1);
  CHECK_INT(tl_has_feature("driver.oracle"), 0);
  CHECK_INT(tl_has_feature("driver.sqlite "), 0);
  CHECK_INT(tl_has_feature(""), 0);
  CHECK_INT(tl_has_feature(NULL), 0);
}

void test_names_of_statuses(void) {
  static const char* names[] = {"ok",
                                "misuse",
                                "configuration",
                                "not_found",
                                "closed",
                                "busy",
                                "unavailable",
                                "authentication",
                                "tls",
                                "acquire_timeout",
                                "connect_timeout",
                                "statement_timeout",
                                "cancelled",
                                "read_only",
                                "deadlock",
                                "serialization",
                                "lock_timeout",
                                "unique_violation",
                                "foreign_key_violation",
                                "not_null_violation",
                                "check_violation",
                                "constraint_violation",
                                "statement",
                                "data",
                                "permission",
                                "too_large",
                                "unsupported",
                                "resource",
                                "no_memory",
                                "internal",
                                "shutdown"};
  for (int32_t i = 0; i <= 30; ++i) CHECK_TEXT(tl_status_name(-i), names[i]);
  CHECK_TEXT(tl_status_name(1), "unknown");
  CHECK_TEXT(tl_status_name(-31), "unknown");
  CHECK_TEXT(tl_status_name(INT32_MIN), "unknown");
}

void test_names_of_types(void) {
  CHECK_TEXT(tl_type_name(TL_INT64), "int64");
  for (int32_t a = TL_NULL; a <= TL_NAME; ++a) {
    CHECK(tl_type_name(a)[0] != '\0');
    for (int32_t b = TL_NULL; b < a; ++b) CHECK(strcmp(tl_type_name(a), tl_type_name(b)) != 0);
  }
  CHECK_TEXT(tl_type_name(-1), tl_type_name(TL_NAME + 1));
  CHECK_TEXT(tl_type_name(INT32_MAX), tl_type_name(-1));
}

void test_layout_is_frozen(void) {
  CHECK_INT(sizeof(tl_value), 16);
  CHECK_INT(offsetof(tl_value, v), 8);
  CHECK_INT(sizeof(tl_call), 80);
}
