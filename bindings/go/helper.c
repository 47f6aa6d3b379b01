#include "helper.h"

#include <stdlib.h>

static void no_batch(helper_rows* rows) {
  tl_batch_release(rows->batch);
  tl_batch_release(rows->ahead);
  rows->batch = rows->ahead = NULL;
  rows->rows = 0;
}

/* So that who has read the only batch need not ask whether there is another. */
static void look_ahead(helper_rows* rows) {
  if (!rows->streamed) tl_result_next(rows->result, NULL, &rows->ahead, NULL);
}

void helper_take(helper_rows* rows, tl_batch* batch) {
  rows->rows = 0;
  if (batch == NULL) return;
  no_batch(rows);
  rows->batch = batch;
  tl_batch_columns(batch, rows->columns, rows->n, &rows->rows);
}

tl_status helper_next(helper_rows* rows, const tl_call* call, tl_error** err) {
  tl_batch* batch = rows->ahead;
  rows->ahead = NULL;
  tl_status status = batch != NULL ? TL_OK : tl_result_next(rows->result, call, &batch, err);
  if (status == TL_OK) helper_take(rows, batch);
  if (status == TL_OK && batch != NULL) look_ahead(rows);
  return status;
}

static tl_status read_schema(helper_rows* rows) {
  rows->affected = tl_result_affected(rows->result);
  rows->last_id = tl_result_last_id(rows->result);
  if (rows->n == 0) return TL_OK;
  rows->columns[0].struct_size = sizeof(tl_column);
  return tl_result_schema(rows->result, rows->columns, rows->n, NULL);
}

tl_status helper_begin_set(helper_rows* rows) {
  no_batch(rows);
  rows->n = tl_result_columns(rows->result);
  if (rows->n > rows->room) {
    tl_column* more = malloc(rows->n * sizeof(tl_column));
    if (more == NULL) return TL_E_NO_MEMORY;
    if (rows->columns != (tl_column*)(rows + 1)) free(rows->columns);
    rows->columns = more;
    rows->room = (uint32_t)rows->n;
  }
  return read_schema(rows);
}

helper_rows* helper_rows_of(tl_result* result, int32_t streamed) {
  size_t n = tl_result_columns(result);
  helper_rows* rows = malloc(sizeof *rows + n * sizeof(tl_column));
  if (rows == NULL) {
    tl_result_release(result);
    return NULL;
  }
  *rows = (helper_rows){.result = result, .n = n, .room = (uint32_t)n, .streamed = streamed};
  rows->columns = (tl_column*)(rows + 1);
  if (n == 0 || streamed || tl_result_next(result, NULL, &rows->batch, NULL) != TL_OK || rows->batch == NULL) {
    read_schema(rows);
    return rows;
  }
  rows->affected = tl_result_affected(result);
  rows->last_id = tl_result_last_id(result);
  rows->columns[0].struct_size = sizeof(tl_column);
  tl_batch_columns(rows->batch, rows->columns, n, &rows->rows);
  look_ahead(rows);
  return rows;
}

void helper_release(helper_rows* list) {
  while (list != NULL) {
    helper_rows* next = list->next;
    no_batch(list);
    tl_result_release(list->result);
    if (list->columns != (tl_column*)(list + 1)) free(list->columns);
    free(list);
    list = next;
  }
}

tl_status helper_query(helper_rows* left, tl_conn* conn, const char* sql, size_t sql_len, const tl_value* params,
                       size_t n, const char* arena, size_t arena_len, helper_verb* verb) {
  tl_result* result = NULL;
  helper_release(left);
  tl_status status = tl_query(conn, sql, sql_len, params, n, arena, arena_len, &verb->call, &result, &verb->err);
  if (status != TL_OK || verb->call.queue != NULL) return status;
  verb->value = helper_rows_of(result, (verb->call.flags & TL_CALL_STREAM) != 0);
  return verb->value == NULL ? TL_E_NO_MEMORY : TL_OK;
}

static void submit(helper_verb* verb) {
  const char* arena = verb->memory + verb->n * sizeof(tl_value);
  verb->submitted = tl_query(verb->conn, arena + verb->arena_len, verb->sql_len, (const tl_value*)verb->memory, verb->n,
                             arena, verb->arena_len, &verb->call, NULL, &verb->err);
}

tl_status helper_turn(tl_queue* queue, helper_verb* list, tl_completion* out, size_t max, int64_t timeout_ms,
                      size_t* n) {
  while (list != NULL) {
    submit(list);
    list = list->next;
  }
  tl_status status = tl_queue_wait(queue, out, max, timeout_ms, n);
  if (status == TL_E_MISUSE) *n = 0;
  for (size_t i = 0; i < *n; i++) {
    if (out[i].kind != TL_DONE_RESULT || out[i].value == NULL) continue;
    out[i].value = helper_rows_of(out[i].value, (out[i].user_data & HELPER_STREAMED) != 0);
    if (out[i].value == NULL) out[i].status = TL_E_NO_MEMORY;
  }
  return status;
}

struct ArrowArrayStream {
  int (*get_schema)(struct ArrowArrayStream*, void*);
  int (*get_next)(struct ArrowArrayStream*, void*);
  const char* (*get_last_error)(struct ArrowArrayStream*);
  void (*release)(struct ArrowArrayStream*);
  void* private_data;
};

void helper_release_arrow(struct ArrowArrayStream* stream) {
  if (stream->release != NULL) stream->release(stream);
}
