// Answers of the library on their way to JavaScript: a record for each, columns in shared memory, and an external only
// where something is left to be asked for.
#pragma once

#include "columns.hpp"
#include "core.hpp"

// What has become of one call. 64 bytes; lib/memory.js reads it.
struct Record {
  enum Kind : int32_t {
    kNothing = 0,
    kWhole = 1,   // a result, of which nothing is left
    kHandle = 2,  // a connection
    kLarge = 3,   // a result, to be taken batch by batch
    kStream = 4,  // a streamed one, whose batches have to be waited for
    kBatch = 5,   // that has come for a stream; rows -1: its set has ended
    kEvent = 6,
    kQuestion = 7,
  };

  int32_t slot;
  int32_t status;
  int32_t kind;
  int32_t schema;  // -1: there are no columns
  int32_t rows;
  int32_t columns;  // where their Places are
  int32_t server;
  int32_t lag_ms;
  int64_t affected;
  int64_t last_id;
  int64_t arg;
  int64_t question;
};
static_assert(sizeof(Record) == 64);

// Index of the record that calls which answer at once write.
constexpr size_t kOwnRecord = 256;

// Tells JavaScript of completions, all in one call.
void tell(State& state, Core& core, tl_completion* completions, size_t n);

// The answer of a call that has blocked, in the own record and the area: undefined where all of it is there, else the
// result, of which the rest is to be taken.
napi_value answer_now(State& state, Core& core, tl_result* result);

// The next batch of a result, of a streamed one that has come: 0, it is in the area; -1, the set has ended; else how
// many bytes of area it wants.
double take_batch(State& state, Handle& handle);

// Moves to the next set: whether there is one.
bool take_set(State& state, Handle& handle);

// What is known of a result's current set, in the own record.
void describe_set(State& state, const Handle& handle);
