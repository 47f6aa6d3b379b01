// A batch's columns, copied into memory that JavaScript reads.
#pragma once

#include <cstddef>
#include <cstdint>

#include "trunkline/trunkline.h"

// Where the parts of a column lie, in bytes from the beginning of the memory; all are multiples of 8. lib/columns.js
// reads it.
struct Place {
  int32_t type;
  int32_t nulls;     // how many
  int32_t validity;  // -1: no nulls
  int32_t offsets;
  int32_t data;
  int32_t data_length;
  int32_t tags;
  int32_t heap;
  int32_t heap_length;
  int32_t uniform;
  int32_t ascii;     // whether all of its text is
  int32_t elements;  // of a list: where their Place is
};

// How many bytes `copy_columns` writes for them.
size_t size_of_columns(const tl_column* columns, size_t n);

// Writes n Places at `at` and what they tell of behind them.
void copy_columns(const tl_column* columns, size_t n, uint8_t* memory, size_t at);
