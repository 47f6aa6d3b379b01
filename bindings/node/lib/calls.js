'use strict';
// Calls under way: each has a number, by which the addon tells what has become of it.

const { setMaxListeners } = require('node:events');

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
      setMaxListeners(0, signal); // one of a whole request has as many calls as that
      signal.addEventListener('abort', this.onAbort);
    }
  }

  forget() {
    if (this.signal !== undefined) this.signal.removeEventListener('abort', this.onAbort);
  }

  settle(index, attached) {
    this.forget();
    const status = records.i32[16 * index + 1];
    if (status !== 0) return this.fail(attached);
    let value;
    try {
      value = this.take(index, attached);
    } catch (failure) {
      return this.reject(failure);
    }
    return this.resolve(value);
  }

  // The error is made a few steps later, where V8 knows who awaits it: its stack then names the caller's lines.
  fail(told) {
    this.resolve(Promise.resolve().then(nothing).then(nothing).then(() => { throw this.failure(told); }));
  }

  failure(told) {
    const error = ofFailure(told);
    return this.signal?.aborted && error.status === STATUS.CANCELLED ? aborted(error, this.signal) : error;
  }
}

function nothing() {}

function abortedBy(signal, what) {
  return aborted(ofStatus(STATUS.CANCELLED, what), signal);
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
    if (signal !== undefined && typeof signal?.addEventListener !== 'function') {
      throw new TypeError('signal is an AbortSignal');
    }
    if (signal?.aborted) throw abortedBy(signal, 'it was aborted before it began');
    const slot = newSlot();
    const call = new Call(resolve, reject, take, holds, signal, slot);
    try {
      const failed = submit(slot);
      if (failed !== undefined) throw ofFailure(failed);
    } catch (failure) {
      how.u32.fill(0);
      call.forget();
      freeSlot(slot);
      throw failure;
    }
    waiting[slot] = call;
  });
}

// Whether the call of that number is still the one that holds this.
function isUnderWay(slot, holds) {
  return waiting[slot]?.holds === holds;
}

// Has it end.
function cancel(slot, holds) {
  if (isUnderWay(slot, holds)) addon.cancel(slot);
}

// Has `tell(index, attached)` called with events until `end`.
function listen(submit, tell) {
  const slot = newSlot();
  const failed = submit(slot);
  if (failed !== undefined) {
    freeSlot(slot);
    throw ofFailure(failed);
  }
  const own = { take: safely(tell), settle() {} };
  waiting[slot] = own;
  return () => {
    if (waiting[slot] === own) addon.cancel(slot); // else it has ended, and the number is another's
  };
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
}

addon.onDrained(drained);
process.on('exit', addon.endCalls); // the main thread's process.exit() runs nothing else of the addon's

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

module.exports = { abortedBy, cancel, isUnderWay, listen, milliseconds, perform, say };
