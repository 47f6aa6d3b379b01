/* What the tests of the C ABI share: a temporary folder, registries for the database that TL_TARGET names, and short
 * ways to ask and to read. */
#ifndef CAPI_FIXTURE_H
#define CAPI_FIXTURE_H

#include "capi_check.h"
#include "capi_tests.h"

#define WHOLE(text) (text), strlen(text)

int on_sqlite(void); /* else PostgreSQL */
/* Else says that the test, which is about what a session keeps, is left out: tests/summary.py counts it. */
int has_sessions_of_its_own(const char* test);
const char* folder(void); /* of this run; absolute, short */
void remove_folder(void);
/* A configuration with the connections "db" (the target, the default) and "spare" (the same with a pool of one), `more`
 * appended. Static memory, valid until the next call. */
const char* configuration(const char* more);
tl_registry* open_registry(const char* more);
void target_settings(char* out, size_t size); /* of "db", as tl_registry_add takes them */

/* "db", with an empty table things (id integer primary key, name text not null unique, amount integer). */
struct desk {
  tl_registry* registry;
  tl_conn* db;
};
void open_desk(struct desk* desk);
void close_desk(struct desk* desk);

tl_conn* conn_of(tl_registry* registry, const char* name);           /* mode TL_DUAL */
void run(tl_conn* conn, const char* sql);                            /* must succeed */
tl_result* ask(tl_conn* conn, const char* sql, const tl_call* call); /* must succeed */
tl_status try_run(tl_conn* conn, const char* sql, const tl_call* call, tl_error** err);
int64_t ask_int(tl_conn* conn, const char* sql); /* the one value of the one row */
tl_call call_with(uint32_t flags);               /* struct_size and flags set */

/* One batch, read. */
struct sheet {
  tl_batch* batch;
  int64_t rows;
  size_t n;
  tl_column columns[16];
};
int next_sheet(tl_result* result, struct sheet* sheet); /* 0: the set has ended, nothing to release */
int is_null(const tl_column* column, int64_t row);
int64_t int_at(const tl_column* column, int64_t row);
double float_at(const tl_column* column, int64_t row);
/* Text or bytes; *length is set. The memory is the batch's. */
const char* bytes_at(const tl_column* column, int64_t row, size_t* length);
int text_is(const tl_column* column, int64_t row, const char* should);
int64_t count_rows(tl_result* result); /* of what is left of the current set */
/* The column's index by name; the program ends where there is none. */
size_t column_named(const struct sheet* sheet, const char* name);
/* How many sessions of the connection are out. */
int64_t leased_of(tl_registry* registry, const char* name);

/* Values, row after row, and the arena of their texts. */
struct deck {
  tl_value values[32];
  size_t n;
  char arena[1024];
  size_t used;
};
void put_int(struct deck* deck, int64_t i);
void put_null(struct deck* deck);
void put_text(struct deck* deck, const char* text);
void put_name(struct deck* deck, const char* name);
void put_bytes(struct deck* deck, int type, const char* bytes, size_t length);
/* tl_execute_many with what the deck holds. */
tl_status try_many(tl_conn* conn, const char* sql, const struct deck* deck, size_t rows, const tl_call* call,
                   tl_result** out, tl_error** err);
int64_t run_many(tl_conn* conn, const char* sql, const struct deck* deck, size_t rows); /* must succeed; affected */
extern const char insert_thing[]; /* INSERT INTO things (id, name) VALUES (?, ?) */
void put_thing(struct deck* deck, int64_t id, const char* name);
int64_t count_things(tl_conn* conn);
/* The error's detail of that key; "": it has none. */
const char* detail_of(const tl_error* err, const char* key);

/* A thread that cancels `op`: at once, or once a session of the connection `name` is out. */
struct cancelling {
  tl_registry* registry;
  const char* name; /* NULL: at once */
  tl_op op;
};
void* cancel_it(void* cancelling);

/* A statement that does not end by itself, and one of n rows (i integer, t text 'row i'). Static memory of the thread.
 */
const char* endless_sql(void);
const char* rows_sql(int n);

#endif
