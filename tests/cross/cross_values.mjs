// Values of the data file <-> JavaScript's: see README.md for the form in which they are written there.

import { Interval, Json } from '../../bindings/node/index.mjs';

const words = { inf: Infinity, '-inf': -Infinity, nan: NaN };

const same = (text) => text;
const natives = {
  int64: BigInt,
  uint64: BigInt,
  float64: (text) => words[text] ?? Number(text),
  decimal: same,
  bytes: (hex) => Buffer.from(hex, 'hex'),
  date: same,
  time: same,
  timestamp: same,
  timestamptz: (text) => new Date(`${text.replace(' ', 'T')}Z`),
  duration: (microseconds) => new Interval({ microseconds }),
  interval: ([months, days, microseconds]) => new Interval({ months, days, microseconds }),
  uuid: same,
  json: (value) => new Json(value),
  list: (list) => list.map(native),
};

function native(value) {
  if (value === null || typeof value !== 'object') return value;
  const [[type, written]] = Object.entries(value);
  return natives[type](written);
}

// What is passed for a list of values, or an object of named ones.
export function parameters(values) {
  if (Array.isArray(values)) return values.map(native);
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, native(value)]));
}

const integer = (type) => (value) => (typeof value === 'bigint' ? { [type]: String(value) } : value);

function float(value) {
  if (Number.isFinite(value)) return { float64: value.toExponential() };
  return { float64: Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf' };
}

// A value of SQLite, or of a list. Where it has no type beside it a whole number is one, however it was computed.
function bare(value) {
  if (typeof value === 'bigint') return { int64: String(value) };
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : float(value);
  return Buffer.isBuffer(value) ? { bytes: value.toString('hex') } : value;
}

function moment(date) {
  const [day, time] = date.toISOString().slice(0, -1).split('T');
  return `${day} ${time.endsWith('.000') ? time.slice(0, -4) : `${time}000`}`;
}

const tagged = (type) => (value) => ({ [type]: value });
const writers = {
  any: bare,
  bool: same,
  text: same,
  int64: integer('int64'),
  uint64: integer('uint64'),
  float64: float,
  decimal: tagged('decimal'),
  bytes: (value) => ({ bytes: value.toString('hex') }),
  date: tagged('date'),
  time: tagged('time'),
  timestamp: tagged('timestamp'),
  timestamptz: (value) => ({ timestamptz: moment(value) }),
  duration: ({ microseconds }) => ({ duration: Number(microseconds) }),
  interval: ({ months, days, microseconds }) => ({ interval: [months, days, Number(microseconds)] }),
  uuid: tagged('uuid'),
  json: tagged('json'),
  list: (list) => ({ list: list.map(bare) }),
};

// How a value of a column of that type stands in the data file.
export function written(value, type) {
  return value === null ? null : writers[type](value);
}

export function failureOf({ code, outcome, sqlstate, native: number, connection, endpoint, phase, message, details }) {
  return { code, outcome, sqlstate, native: number, connection, endpoint, phase, message, details };
}
