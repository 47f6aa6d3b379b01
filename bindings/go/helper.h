/* What the binding has C do for it, so that a statement costs one call into C and a drain of a queue another. */
#ifndef TRUNKLINE_GO_HELPER_H
#define TRUNKLINE_GO_HELPER_H

#include <trunkline/trunkline.h>

#if TL_ABI_VERSION >> 16 != 0 || (TL_ABI_VERSION & 0xffff) < 1
#error "this binding wants the header of trunkline's ABI 0.1 or a later 0.x"
#endif

/* A result with the batch that is being read. */
typedef struct helper_rows {
  struct helper_rows* next; /* in a list of those to be released */
  tl_result* result;
  tl_batch* batch;    /* NULL: none has been read. The last one stays, which the names of columns may be in */
  tl_batch* ahead;    /* of a whole answer: the one after it, NULL: it is the last */
  tl_column* columns; /* of the batch, or of the set where there is none */
  size_t n;
  int64_t rows; /* of the batch */
  int64_t affected;
  int64_t last_id;
  int32_t streamed;
  uint32_t room; /* for columns, behind this struct */
} helper_rows;

/* A call that may wait, and what it has answered. */
typedef struct helper_verb {
  tl_call call;
  tl_error* err;
  void* value;    /* a tl_conn, a tl_batch or a helper_rows; of a verb that answers a result without a queue, that */
  int32_t number; /* or a number */

  /* A statement that the dispatcher makes for its caller: records, arena and text, one behind the other. */
  struct helper_verb* next;
  tl_conn* conn;
  char* memory;
  size_t n, arena_len, sql_len;
  tl_status submitted;
} helper_verb;

/* Lets go of a list of results, then runs the statement. Without a queue the verb's value is a helper_rows. */
tl_status helper_query(helper_rows* left, tl_conn* conn, const char* sql, size_t sql_len, const tl_value* params,
                       size_t n, const char* arena, size_t arena_len, helper_verb* verb);

/* Takes what a result has to tell. A whole answer's first batch is read with it. NULL: no memory; the result is
 * released. */
helper_rows* helper_rows_of(tl_result* result, int32_t streamed);

void helper_release(helper_rows* list);

/* The next batch of a whole answer, or of a streamed one without a queue. There are no rows where the set has ended. */
tl_status helper_next(helper_rows* rows, const tl_call* call, tl_error** err);

/* Gives it a batch that was read on a queue; NULL: the set has ended. */
void helper_take(helper_rows* rows, tl_batch* batch);

/* After the result has moved to its next set. */
tl_status helper_begin_set(helper_rows* rows);

/* Submits a list of statements, and then as tl_queue_wait. The value of a completion that has a result becomes its
 * helper_rows; user_data of streamed ones has its highest bit set. */
tl_status helper_turn(tl_queue* queue, helper_verb* list, tl_completion* out, size_t max, int64_t timeout_ms,
                      size_t* n);

/* As https://arrow.apache.org/docs/format/CStreamInterface.html has it. */
void helper_release_arrow(struct ArrowArrayStream* stream);

#define HELPER_STREAMED (UINT64_C(1) << 63)

#endif
