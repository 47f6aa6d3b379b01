'use strict';
// Calls under way: each has a number, by which the addon tells what has become of it.

const addon = require('./addon');
const { CALL, KIND, STATUS } = require('./constants');
const { ofFailure, ofStatus } = require('./errors');
const { options: how, records } = require('./memory');

const waiting = [];
const free = [];

// What waits for one answer.
class Call {
  constructor(resolve, reject, take, holds, signal, slot) {
    this.resolve = resolve;
    this.reject = reject;
    this.take = take; // makes the value of a record's index and what is attached to it
    this.holds = holds; // what must not be collected meanwhile
    this.signal = signal;
    this.onAbort = undefined;
    if (signal !== undefined) {
      this.onAbort = () => addon.cancel(slot);
      signal.addEventListener('abort', this.onAbort);
    }
  }

  settle(index, attached) {
    if (this.signal !== undefined) this.signal.removeEventListener('abort', this.onAbort);
    const status = records.i32[16 * index + 1];
    if (status !== 0) return this.reject(this.failure(attached));
    let value;
    try {
      value = this.take(index, attached);
    } catch (failure) {
      return this.reject(failure);
    }
    return this.resolve(value);
  }

  failure(told) {
    const error = ofFailure(told);
    return this.signal?.aborted && error.status === STATUS.CANCELLED ? aborted(error, this.signal) : error;
  }
}

// Who aborts looks for an AbortError.
function aborted(error, signal) {
  error.name = 'AbortError';
  error.cause = signal.reason;
  return error;
}

function newSlot() {
  return free.length > 0 ? free.pop() : waiting.push(undefined) - 1;
}

function freeSlot(slot) {
  waiting[slot] = undefined;
  free.push(slot);
}

// Has `submit(slot)` begin a call; its answer, as `take` makes it.
function perform(holds, signal, submit, take) {
  return new Promise((resolve, reject) => {
    const asked = { resolve, reject, holds, signal, submit, take };
    if (!begun(asked)) full.push(asked);
  });
}

// What a queue has no place for until others are done. It has 16384; where there are far fewer, something else is busy.
const full = [];
const MANY = 8192;

// False: there is no place.
function begun(asked) {
  const { resolve, reject, holds, signal, submit, take } = asked;
  if (signal !== undefined && typeof signal?.addEventListener !== 'function') {
    reject(new TypeError('signal is an AbortSignal'));
    return true;
  }
  if (signal?.aborted) {
    reject(aborted(ofStatus(STATUS.CANCELLED, 'it was aborted before it began'), signal));
    return true;
  }
  const slot = newSlot();
  const failed = submitted(submit, slot, reject);
  if (failed === undefined) {
    waiting[slot] = new Call(resolve, reject, take, holds, signal, slot);
    return true;
  }
  freeSlot(slot);
  if (failed?.[0] === STATUS.BUSY && waiting.length - free.length > MANY) return false;
  if (failed !== null) reject(ofFailure(failed));
  return true;
}

// undefined: it is under way; null: it was rejected here; else what the library says.
function submitted(submit, slot, reject) {
  try {
    return submit(slot);
  } catch (error) {
    how.u32.fill(0);
    reject(error);
    return null;
  }
}

// Has the call of that number end, if it is still the one that holds this.
function cancel(slot, holds) {
  if (waiting[slot]?.holds === holds) addon.cancel(slot);
}

// Has `tell(index, attached)` called with events until `end`.
function listen(submit, tell) {
  const slot = newSlot();
  const failed = submit(slot);
  if (failed !== undefined) {
    freeSlot(slot);
    throw ofFailure(failed);
  }
  waiting[slot] = { take: safely(tell), settle() {} };
  return () => addon.cancel(slot);
}

// What a listener throws is not caught, as with every EventEmitter, but after the others have had what is theirs.
function safely(tell) {
  return (index, attached) => {
    try {
      tell(index, attached);
    } catch (error) {
      process.nextTick(() => { throw error; });
    }
  };
}

function drained(n, attached) {
  for (let i = 0; i < n; ++i) {
    const slot = records.i32[16 * i];
    const kind = records.i32[16 * i + 2];
    const call = waiting[slot];
    if (kind === KIND.EVENT || kind === KIND.QUESTION) {
      call.take(i, attached?.[i]);
    } else {
      freeSlot(slot);
      call.settle(i, attached?.[i]);
    }
  }
  if (full.length > 0) full.splice(0, countOfBegun());
}

function countOfBegun() {
  const stuck = full.findIndex((asked) => !begun(asked));
  return stuck === -1 ? full.length : stuck;
}

addon.onDrained(drained);

function milliseconds(value, what) {
  if (value === Infinity) return -1;
  if (typeof value !== 'number' || !(value >= 0)) {
    throw new TypeError(`${what} is a number of milliseconds, not ${typeof value === 'number' ? value : typeof value}`);
  }
  return Math.min(Math.max(1, Math.ceil(value)), Number.MAX_SAFE_INTEGER);
}

// Says how the next call is to run.
function say({ timeout, maxLag, read, write, batchRows }, flags = 0) {
  const time = timeout === undefined ? 0 : milliseconds(timeout, 'timeout');
  const lag = maxLag === undefined ? 0 : milliseconds(maxLag, 'maxLag');
  if (batchRows !== undefined && !(Number.isInteger(batchRows) && batchRows > 0 && batchRows < 2 ** 32)) {
    throw new TypeError(`batchRows is a number of rows, not ${String(batchRows)}`);
  }
  how.u32[0] = flags | (read ? CALL.READ : 0) | (write ? CALL.WRITE : 0);
  how.u32[1] = batchRows ?? 0;
  how.f64[2] = time;
  how.f64[3] = lag;
}

module.exports = { cancel, listen, milliseconds, perform, say };
