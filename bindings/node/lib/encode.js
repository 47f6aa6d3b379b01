'use strict';
// JavaScript's values -> tl_value records and the arena beside them, in the memory that the next call takes them from.

const { types } = require('node:util');
const { STATUS, TYPES } = require('./constants');
const { ofStatus } = require('./errors');
const { arena, values } = require('./memory');
const { Interval, Json } = require('./values');

const {
  NULL, BOOL, INT64, UINT64, FLOAT64, DECIMAL, TEXT, BYTES, TIMESTAMPTZ, DURATION, INTERVAL, JSON: JSON_, LIST, NAME,
} = TYPES;
const RECORD = 16; // bytes of a tl_value
const SHORT = 24; // characters that are sooner copied here than by a call

let used = 0; // of the arena
let top = 0; // records in use
let encodings = 0; // so far

function room(bytes) {
  if (used + bytes > arena.size) arena.grow(used + bytes, used);
}

function align() {
  used = 8 * Math.ceil(used / 8);
}

function sized(at, type, length, offset) {
  integer(at, type, offset);
  values.u32[4 * at + 1] = length;
}

function integer(at, type, value) {
  const { u32 } = values;
  u32[4 * at] = type;
  u32[4 * at + 1] = 0;
  u32[4 * at + 2] = value;
  u32[4 * at + 3] = Math.floor(value / 4294967296);
}

function wide(at, type, value) {
  values.u32[4 * at] = type;
  values.u32[4 * at + 1] = 0;
  values.i64[2 * at + 1] = value;
}

function number(at, value) {
  if (Number.isSafeInteger(value)) integer(at, INT64, value);
  else float(at, value);
}

function bigint(at, value) {
  if (BigInt.asIntN(64, value) === value || BigInt.asUintN(64, value) === value) {
    wide(at, BigInt.asIntN(64, value) === value ? INT64 : UINT64, value);
  } else {
    text(at, DECIMAL, value.toString());
  }
}

function text(at, type, value) {
  const { length } = value;
  room(3 * length);
  if (length <= SHORT) {
    let i = 0;
    for (; i < length; ++i) {
      const unit = value.charCodeAt(i);
      if (unit >= 0x80) break;
      arena.bytes[used + i] = unit;
    }
    if (i === length) {
      sized(at, type, length, used);
      used += length;
      return;
    }
  }
  const written = arena.bytes.write(value, used);
  if (written !== length && /\p{Surrogate}/u.test(value)) throw new RangeError('the text is not valid Unicode');
  sized(at, type, written, used);
  used += written;
}

function bytes(at, value) {
  const from = ArrayBuffer.isView(value) ? value : new Uint8Array(value);
  room(from.byteLength);
  arena.bytes.set(new Uint8Array(from.buffer, from.byteOffset, from.byteLength), used);
  sized(at, BYTES, from.byteLength, used);
  used += from.byteLength;
}

function date(at, value) {
  const milliseconds = value.getTime();
  if (Number.isNaN(milliseconds)) throw new RangeError('the Date is not valid');
  const microseconds = milliseconds * 1000;
  if (Number.isSafeInteger(microseconds)) return integer(at, TIMESTAMPTZ, microseconds);
  wide(at, TIMESTAMPTZ, BigInt(milliseconds) * 1000n);
}

// Without months and days it is a duration, which databases know that have no intervals.
function span(at, value) {
  if (value.months !== 0 || value.days !== 0) return interval(at, value);
  wide(at, DURATION, microsecondsOf(value));
}

function microsecondsOf({ microseconds }) {
  const exact = BigInt(microseconds);
  if (BigInt.asIntN(64, exact) === exact) return exact;
  throw new RangeError('the microseconds of an Interval are an integer of 64 bits');
}

function interval(at, value) {
  if (value.months !== (value.months | 0) || value.days !== (value.days | 0)) {
    throw new RangeError('the months and days of an Interval are integers of 32 bits');
  }
  align();
  room(16);
  arena.i32[used / 4] = value.months;
  arena.i32[used / 4 + 1] = value.days;
  arena.i64[used / 8 + 1] = microsecondsOf(value);
  sized(at, INTERVAL, 16, used);
  used += 16;
}

function json(at, value) {
  const written = JSON.stringify(value);
  if (written === undefined) throw new TypeError('JSON has no way to write it');
  text(at, JSON_, written);
}

// A number of a list that is sent as float64, since another one of it has a fraction.
class Float {
  constructor(value) {
    this.value = value;
  }
}

function float(at, value) {
  values.u32[4 * at] = FLOAT64;
  values.u32[4 * at + 1] = 0;
  values.f64[2 * at + 1] = value;
}

// The numbers of a list have one type: what holds each of them exactly, or nothing does.
function elements(list) {
  const numbers = list.filter((each) => typeof each === 'number');
  const whole = numbers.every(Number.isSafeInteger);
  const hasBigInt = list.some((each) => typeof each === 'bigint');
  if (whole && !hasBigInt) return list;
  if (hasBigInt && !whole) throw new TypeError('a list of numbers with fractions and of BigInts');
  const same = hasBigInt ? BigInt : (number_) => new Float(number_);
  return list.map((each) => (typeof each === 'number' ? same(each) : each));
}

function list(at, given) {
  const what = elements(given);
  const first = Math.max(at + 1, top); // behind the records in use
  ensure(first + what.length);
  let element = NULL;
  const before = top;
  top = first + what.length;
  for (let i = 0; i < what.length; ++i) {
    if (Array.isArray(what[i])) throw new TypeError('a list within a list');
    if (what[i] instanceof Interval) interval(first + i, what[i]); // so that all elements have one type
    else value(first + i, what[i]);
    const type = values.u32[4 * (first + i)];
    if (type === NULL) continue;
    if (element !== NULL && type !== element) throw new TypeError('a list of values of different types');
    element = type;
  }
  align();
  room(RECORD * what.length);
  values.bytes.copy(arena.bytes, used, RECORD * first, RECORD * (first + what.length));
  top = before;
  sized(at, LIST | element << 16, what.length, used);
  used += RECORD * what.length;
}

function ensure(records) {
  if (RECORD * records > values.size) values.grow(RECORD * records, values.size);
}

function isDocument(value) {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || typeof value.toJSON === 'function';
}

function object(at, value) {
  if (value instanceof Date) return date(at, value);
  if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) return bytes(at, value);
  if (Array.isArray(value)) return list(at, value);
  if (value instanceof Json) return json(at, value.value);
  if (value instanceof Interval) return span(at, value);
  if (value instanceof Float) return float(at, value.value);
  if (isDocument(value)) return json(at, value);
  throw new TypeError(`a value of class ${value.constructor?.name ?? 'unknown'} cannot be sent`);
}

function value(at, given) {
  switch (typeof given) {
    case 'number': return number(at, given);
    case 'string': return text(at, TEXT, given);
    case 'boolean': return integer(at, BOOL, given ? 1 : 0);
    case 'bigint': return bigint(at, given);
    case 'object':
      return given === null ? integer(at, NULL, 0) : object(at, given);
    case 'undefined': throw new TypeError('it is undefined; null is what a database calls NULL');
    default: throw new TypeError(`a ${typeof given} cannot be sent`);
  }
}

function one(at, given, where) {
  try {
    value(at, given);
  } catch (failure) {
    used = 0;
    if (failure instanceof TypeError) throw new TypeError(`parameter ${where}: ${failure.message}`);
    throw ofStatus(STATUS.DATA, `parameter ${where}: ${failure.message}`);
  }
}

function title(at, type, name, what) {
  try {
    text(at, type, name);
  } catch (failure) {
    throw ofStatus(STATUS.DATA, `${what}: ${failure.message}`);
  }
}

function named(at, parameters, names) {
  let place = at;
  for (const name of names) {
    title(place, NAME, name, 'the name of a parameter');
    one(place + 1, parameters[name], `:${name}`);
    place += 2;
  }
  return place - at;
}

// Writes the parameters of one row from record `at` on; how many records they take.
function row(at, parameters) {
  if (Array.isArray(parameters)) {
    const { length } = parameters;
    top = at + length;
    ensure(top);
    for (let i = 0; i < length; ++i) one(at + i, parameters[i], i + 1);
    return length;
  }
  if (parameters === null || typeof parameters !== 'object' || ArrayBuffer.isView(parameters)) {
    const what = parameters === null ? 'null' : typeof parameters;
    throw new TypeError(`parameters are an array, or an object of names and values, not ${what}`);
  }
  const names = Object.keys(parameters);
  top = at + 2 * names.length;
  ensure(top);
  return named(at, parameters, names);
}

// The parameters of a statement: how many records. `arenaUsed()` tells of the arena.
function encode(parameters) {
  return undisturbed(() => (parameters === undefined ? 0 : row(0, parameters)));
}

// A getter or toJSON() among the values must not run a statement itself: its values would be written over these.
function undisturbed(write) {
  const own = ++encodings;
  used = 0;
  const n = write();
  if (own === encodings) return n;
  throw ofStatus(STATUS.MISUSE, 'a statement was run while the values of another were read');
}

// Those of many rows, behind the names of columns if there are any: how many records each row has.
function encodeRows(rows, names = []) {
  return undisturbed(() => {
    ensure(names.length);
    names.forEach((name, i) => title(i, TEXT, String(name), `the name of column ${i + 1}`));
    return allRows(rows, names.length);
  });
}

function allRows(rows, at) {
  let width = -1;
  let place = at;
  for (let i = 0; i < rows.length; ++i) {
    const n = inRow(i + 1, place, rows[i]);
    if (width !== -1 && n !== width) {
      throw new TypeError(`row ${i + 1} has another number of values than those before it`);
    }
    width = n;
    place += n;
  }
  return Math.max(width, 0);
}

function inRow(number_, at, parameters) {
  try {
    return row(at, parameters);
  } catch (failure) {
    failure.message = `row ${number_}: ${failure.message}`;
    throw failure;
  }
}

// After the call that takes them, or its failure: the memory that large ones wanted is let go.
function forget() {
  values.shrink();
  arena.shrink();
}

module.exports = { encode, encodeRows, forget, arenaUsed: () => used };
