'use strict';
// Values that JavaScript has no type of its own for.

// A parameter that is sent as JSON, whatever it is: new Json([1, 2]), new Json('text'), new Json(null).
class Json {
  constructor(value) {
    this.value = value;
  }
}

// A calendar interval. Its parts are kept apart: a month has no fixed number of days, nor a day of hours. microseconds
// is a BigInt where no number holds it exactly.
class Interval {
  constructor({ months = 0, days = 0, microseconds = 0 } = {}) {
    this.months = months;
    this.days = days;
    this.microseconds = microseconds;
  }

  // As ISO 8601 has it: P1Y2M3DT4H5M6.789S.
  toString() {
    const date = part(Math.trunc(this.months / 12), 'Y') + part(this.months % 12, 'M') + part(this.days, 'D');
    const time = clock(BigInt(this.microseconds));
    return `P${date}${time === '' ? '' : 'T'}${time}` === 'P' ? 'PT0S' : `P${date}${time === '' ? '' : `T${time}`}`;
  }

  toJSON() {
    return this.toString();
  }
}

function part(number, letter) {
  return number === 0 ? '' : `${number}${letter}`;
}

function clock(microseconds) {
  const sign = microseconds < 0n ? '-' : '';
  const rest = microseconds < 0n ? -microseconds : microseconds;
  const hours = rest / 3_600_000_000n;
  const minutes = (rest / 60_000_000n) % 60n;
  const whole = (rest / 1_000_000n) % 60n;
  const fraction = (rest % 1_000_000n).toString().padStart(6, '0').replace(/0+$/, '');
  const seconds = fraction === '' ? `${whole}` : `${whole}.${fraction}`;
  return (hours === 0n ? '' : `${sign}${hours}H`) + (minutes === 0n ? '' : `${sign}${minutes}M`) +
    (seconds === '0' ? '' : `${sign}${seconds}S`);
}

// Node 18 may have no Symbol.asyncDispose; what transpiles `await using` brings its own then, under this name.
const ASYNC_DISPOSE = Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose');

module.exports = { ASYNC_DISPOSE, Json, Interval };
