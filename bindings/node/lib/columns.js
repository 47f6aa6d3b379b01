'use strict';
// A column in the addon's memory -> an array of JavaScript's values.

const { TYPES } = require('./constants');
const dates = require('./dates');
const { Interval } = require('./values');

// Of a Place: src/columns.hpp.
const PLACE = 12;
const [TYPE, NULLS, VALIDITY, OFFSETS, DATA, DATA_LENGTH, TAGS, HEAP, HEAP_LENGTH, UNIFORM, ASCII, ELEMENTS] =
  Array.from({ length: PLACE }, (_, i) => i);

// A value that JavaScript cannot hold as it was asked to: `row` counts from 0 within the batch.
class Unrepresentable extends Error {
  constructor(row, reason) {
    super(reason);
    this.row = row;
  }
}

function isNull(memory, at, row) {
  const validity = memory.i32[at + VALIDITY];
  return validity >= 0 && (memory.bytes[validity + (row >> 3)] >> (row & 7) & 1) === 0;
}

function withNulls(memory, at, values) {
  if (memory.i32[at + NULLS] === 0) return values;
  const validity = memory.i32[at + VALIDITY];
  const { bytes } = memory;
  for (let i = 0; i < values.length; ++i) {
    if ((bytes[validity + (i >> 3)] >> (i & 7) & 1) === 0) values[i] = null;
  }
  return values;
}

// What `convert` makes of each value that there is.
function each(memory, at, rows, convert) {
  const values = new Array(rows);
  const { bytes } = memory;
  const validity = memory.i32[at + NULLS] === 0 ? -1 : memory.i32[at + VALIDITY];
  for (let i = 0; i < rows; ++i) {
    values[i] = validity >= 0 && (bytes[validity + (i >> 3)] >> (i & 7) & 1) === 0 ? null : convert(i);
  }
  return values;
}

// ---- numbers ----

const MOST = Number.MAX_SAFE_INTEGER;

function int64s(memory, at, rows, options) {
  const values = new Array(rows);
  if (options.int64 === 'bigint') return bigints(memory, at, rows, memory.i64);
  const { i32, u32 } = memory;
  let word = memory.i32[at + DATA] >> 2;
  for (let i = 0; i < rows; ++i, word += 2) {
    const value = i32[word + 1] * 4294967296 + u32[word];
    values[i] = value >= -MOST && value <= MOST ? value : large(memory, at, i, options, memory.i64[word >> 1]);
  }
  return withNulls(memory, at, values);
}

function uint64s(memory, at, rows, options) {
  const unsigned = new BigUint64Array(memory.i64.buffer);
  if (options.int64 === 'bigint') return bigints(memory, at, rows, unsigned);
  const { u32 } = memory;
  const data = memory.i32[at + DATA] >> 2;
  return each(memory, at, rows, (i) => {
    const value = u32[data + 2 * i + 1] * 4294967296 + u32[data + 2 * i];
    return value <= MOST ? value : large(memory, at, i, options, unsigned[(data >> 1) + i]);
  });
}

function bigints(memory, at, rows, words) {
  const data = memory.i32[at + DATA] >> 3;
  return each(memory, at, rows, (i) => words[data + i]);
}

function large(memory, at, row, options, value) {
  if (options.int64 === 'number' && !isNull(memory, at, row)) {
    throw new Unrepresentable(row, `${value} is more than a number holds exactly`);
  }
  return value;
}

function doubles(memory, at, rows) {
  const values = new Array(rows);
  const { f64 } = memory;
  const data = memory.i32[at + DATA] >> 3;
  for (let i = 0; i < rows; ++i) values[i] = f64[data + i];
  return withNulls(memory, at, values);
}

function booleans(memory, at, rows) {
  const values = new Array(rows);
  const { bytes } = memory;
  const data = memory.i32[at + DATA];
  for (let i = 0; i < rows; ++i) values[i] = (bytes[data + (i >> 3)] >> (i & 7) & 1) === 1;
  return withNulls(memory, at, values);
}

// ---- text and bytes ----

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function utf8(memory, begin, end, row) {
  const text = memory.bytes.utf8Slice(begin, end);
  if (text.includes('\uFFFD')) {
    try {
      strict.decode(memory.bytes.subarray(begin, end));
    } catch {
      throw new Unrepresentable(row, 'the text is not valid UTF-8');
    }
  }
  return text;
}

function texts(memory, at, rows) {
  const data = memory.i32[at + DATA];
  const { i32 } = memory;
  const first = i32[at + OFFSETS] >> 2;
  if (i32[at + ASCII] === 0) {
    return each(memory, at, rows, (i) => utf8(memory, data + i32[first + i], data + i32[first + i + 1], i));
  }
  const all = memory.bytes.latin1Slice(data, data + i32[first + rows]);
  const values = new Array(rows);
  for (let i = 0, begin = 0; i < rows; ++i) {
    const end = i32[first + i + 1];
    values[i] = all.substring(begin, end);
    begin = end;
  }
  return withNulls(memory, at, values);
}

function blobs(memory, at, rows) {
  const data = memory.i32[at + DATA];
  const first = memory.i32[at + OFFSETS] >> 2;
  const { i32, bytes } = memory;
  return each(memory, at, rows, (i) => Buffer.from(bytes.subarray(data + i32[first + i], data + i32[first + i + 1])));
}

function documents(memory, at, rows) {
  const written = texts(memory, at, rows);
  for (let i = 0; i < rows; ++i) {
    if (written[i] === null) continue;
    try {
      written[i] = JSON.parse(written[i]);
    } catch {
      throw new Unrepresentable(i, 'the value is not what JSON.parse can read');
    }
  }
  return written;
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

function uuids(memory, at, rows) {
  const data = memory.i32[at + DATA];
  const { bytes } = memory;
  return each(memory, at, rows, (row) => {
    let text = '';
    for (let i = 0; i < 16; ++i) {
      if (i === 4 || i === 6 || i === 8 || i === 10) text += '-';
      text += HEX[bytes[data + 16 * row + i]];
    }
    return text;
  });
}

// ---- time ----

const LAST_DATE = 8.64e15; // milliseconds that a Date holds

function days(memory, at, rows) {
  const data = memory.i32[at + DATA] >> 2;
  return each(memory, at, rows, (i) => dates.date(memory.i32[data + i]));
}

function times(memory, at, rows) {
  return each(memory, at, rows, ofMicroseconds(memory, at, dates.time));
}

function timestamps(memory, at, rows) {
  return each(memory, at, rows, ofMicroseconds(memory, at, dates.timestamp));
}

function instants(memory, at, rows, options) {
  if (options.timestamptz === 'text') return each(memory, at, rows, ofMicroseconds(memory, at, dates.instant));
  const values = new Array(rows);
  const { i32, u32 } = memory;
  let word = memory.i32[at + DATA] >> 2;
  for (let i = 0; i < rows; ++i, word += 2) {
    const microseconds = i32[word + 1] * 4294967296 + u32[word];
    const exact = microseconds >= -MOST && microseconds <= MOST;
    const milliseconds = exact ? Math.floor(microseconds / 1000) : wholeMilliseconds(memory.i64[word >> 1]);
    if (Math.abs(milliseconds) > LAST_DATE && !isNull(memory, at, i)) {
      throw new Unrepresentable(i, `${dates.instant(memory.i64[word >> 1])} does not fit into a Date; ask for text`);
    }
    values[i] = new Date(milliseconds);
  }
  return withNulls(memory, at, values);
}

function wholeMilliseconds(microseconds) {
  return Number((microseconds - (microseconds % 1000n + 1000n) % 1000n) / 1000n);
}

function ofMicroseconds(memory, at, convert) {
  const data = memory.i32[at + DATA] >> 3;
  return (i) => convert(memory.i64[data + i]);
}

function durations(memory, at, rows) {
  const data = memory.i32[at + DATA] >> 3;
  return each(memory, at, rows, (i) => interval(0, 0, memory.i64[data + i], i));
}

function intervals(memory, at, rows) {
  const data = memory.i32[at + DATA] >> 2;
  const { i32 } = memory;
  return each(memory, at, rows, (i) =>
    interval(i32[data + 4 * i], i32[data + 4 * i + 1], memory.i64[(data >> 1) + 2 * i + 1], i));
}

function interval(months, days_, microseconds, row) {
  if (dates.isInfinite(microseconds)) throw new Unrepresentable(row, 'infinity does not fit into an Interval');
  const exact = microseconds >= -MOST && microseconds <= MOST;
  return new Interval({ months, days: days_, microseconds: exact ? Number(microseconds) : microseconds });
}

// ---- lists ----

function lists(memory, at, rows, options) {
  const { i32 } = memory;
  const first = i32[at + OFFSETS] >> 2;
  let elements;
  try {
    elements = decode(memory, i32[at + ELEMENTS] >> 2, i32[first + rows], options);
  } catch (failure) {
    if (!(failure instanceof Unrepresentable)) throw failure;
    let row = 0;
    while (i32[first + row + 1] <= failure.row) ++row;
    throw new Unrepresentable(row, failure.message);
  }
  return each(memory, at, rows, (i) => elements.slice(i32[first + i], i32[first + i + 1]));
}

// ---- SQLite's columns, where every value has its own type ----

function mixed(memory, at, rows, options) {
  const uniform = memory.i32[at + UNIFORM];
  const plain = memory.i32[at + NULLS] === 0;
  if (plain && uniform === TYPES.INT64) return int64s(memory, at, rows, options);
  if (plain && uniform === TYPES.FLOAT64) return doubles(memory, at, rows);
  return tagged(memory, at, rows, options);
}

function tagged(memory, at, rows, options) {
  const values = new Array(rows);
  const { bytes, i32, f64 } = memory;
  const tags = i32[at + TAGS];
  const heap = i32[at + HEAP];
  const data = i32[at + DATA] >> 3;
  const ascii = i32[at + ASCII] !== 0 ? bytes.latin1Slice(heap, heap + i32[at + HEAP_LENGTH]) : undefined;
  let begin = 0;
  for (let i = 0; i < rows; ++i) {
    const tag = bytes[tags + i];
    if (tag === TYPES.NULL) {
      values[i] = null;
    } else if (tag === TYPES.INT64) {
      values[i] = int64(memory, data + i, i, options);
    } else if (tag === TYPES.FLOAT64) {
      values[i] = f64[data + i];
    } else {
      const end = i32[2 * (data + i)];
      if (tag === TYPES.BYTES) values[i] = Buffer.from(bytes.subarray(heap + begin, heap + end));
      else if (ascii !== undefined) values[i] = ascii.substring(begin, end);
      else values[i] = utf8(memory, heap + begin, heap + end, i);
      begin = end;
    }
  }
  return values;
}

function int64(memory, word, row, options) {
  const value = memory.i32[2 * word + 1] * 4294967296 + memory.u32[2 * word];
  if (options.int64 !== 'bigint' && value >= -MOST && value <= MOST) return value;
  if (options.int64 !== 'number') return memory.i64[word];
  throw new Unrepresentable(row, `${memory.i64[word]} is more than a number holds exactly`);
}

const DECODERS = {
  [TYPES.BOOL]: booleans, [TYPES.INT64]: int64s, [TYPES.UINT64]: uint64s, [TYPES.FLOAT64]: doubles,
  [TYPES.DECIMAL]: texts, [TYPES.TEXT]: texts, [TYPES.BYTES]: blobs, [TYPES.DATE]: days, [TYPES.TIME]: times,
  [TYPES.TIMESTAMP]: timestamps, [TYPES.TIMESTAMPTZ]: instants, [TYPES.DURATION]: durations,
  [TYPES.INTERVAL]: intervals, [TYPES.UUID]: uuids, [TYPES.JSON]: documents, [TYPES.LIST]: lists, [TYPES.ANY]: mixed,
};

// The first values of the column whose Place is at word `at`, as many as `rows`. Throws Unrepresentable.
function decode(memory, at, rows, options) {
  return DECODERS[memory.i32[at + TYPE]](memory, at, rows, options);
}

// The only value of a column of one row. Most answers are one row, for which a loop and an array would be too much.
function decodeOne(memory, at, options) {
  const { i32 } = memory;
  const stored = i32[at + TYPE];
  const type = stored === TYPES.ANY ? i32[at + UNIFORM] : stored;
  if (i32[at + NULLS] !== 0) return null;
  if (type === TYPES.INT64) return int64(memory, i32[at + DATA] >> 3, 0, options);
  if (type === TYPES.FLOAT64) return memory.f64[i32[at + DATA] >> 3];
  if (type === TYPES.TEXT && i32[at + ASCII] !== 0) {
    const inHeap = stored === TYPES.ANY;
    return ascii(memory.bytes, i32[at + (inHeap ? HEAP : DATA)], i32[at + (inHeap ? HEAP_LENGTH : DATA_LENGTH)]);
  }
  return decode(memory, at, 1, options)[0];
}

// What is short is sooner put together here than by a call.
function ascii(bytes, begin, length) {
  if (length > 6) return bytes.latin1Slice(begin, begin + length);
  let text = '';
  for (let i = begin; i < begin + length; ++i) text += String.fromCharCode(bytes[i]);
  return text;
}

module.exports = { PLACE, Unrepresentable, decode, decodeOne };
