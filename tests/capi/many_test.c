/* One statement for many rows, and loading. */
#include "capi_fixture.h"

#include <string.h>

static const char arena[] = "onetwothreeidname";

static tl_value number(int64_t i) {
  tl_value value = {0};
  value.type = TL_INT64;
  value.v.i64 = i;
  return value;
}

static tl_value text(uint64_t offset, uint32_t length) {
  tl_value value = {0};
  value.type = TL_TEXT;
  value.v.offset = offset;
  value.length = length;
  return value;
}

void test_rows_take_effect_together(void) {
  struct desk desk;
  struct sheet sheet;
  tl_result* result = NULL;
  tl_error* err = NULL;
  const char* insert = "INSERT INTO things (id, name) VALUES (?, ?)";
  const tl_value values[] = {number(1), text(0, 3), number(2), text(3, 3)};
  open_desk(&desk);
  OK(tl_execute_many(desk.db, WHOLE(insert), values, 2, 2, arena, sizeof arena, NULL, &result, &err));
  CHECK(tl_result_affected(result) == 2);
  CHECK(next_sheet(result, &sheet) && sheet.rows == 2 && int_at(&sheet.columns[0], 1) == 1);
  tl_batch_release(sheet.batch);
  tl_result_release(result);
  const tl_value again[] = {number(3), text(6, 5), number(1), text(0, 2)};
  CHECK(tl_execute_many(desk.db, WHOLE(insert), again, 2, 2, arena, sizeof arena, NULL, &result, &err) == TL_E_UNIQUE);
  tl_error_release(err);
  CHECK(ask_int(desk.db, "SELECT count(*) FROM things") == 2);
  close_desk(&desk);
}

void test_rows_are_loaded(void) {
  struct desk desk;
  tl_result* result = NULL;
  tl_error* err = NULL;
  const tl_value columns[] = {text(11, 2), text(13, 4)};
  const tl_value values[] = {number(1), text(0, 3), number(2), text(3, 3), number(3), text(6, 5)};
  open_desk(&desk);
  OK(tl_load(desk.db, WHOLE("things"), columns, 2, values, 3, arena, sizeof arena, NULL, &result, &err));
  CHECK(tl_result_affected(result) == 3 && tl_result_columns(result) == 0);
  tl_result_release(result);
  CHECK(ask_int(desk.db, "SELECT count(*) FROM things WHERE name = 'three'") == 1);
  close_desk(&desk);
}
