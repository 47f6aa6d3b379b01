'use strict';
// What statements are run on: a connection by name, a pinned session, a transaction.

const { setTimeout } = require('node:timers/promises');

const addon = require('./addon');
const { abortedBy, cancel, isUnderWay, perform, say } = require('./calls');
const { BEGIN, CALL, STATUS } = require('./constants');
const encoder = require('./encode');
const { checked, classes, ofStatus } = require('./errors');
const { OWN, area, scratch } = require('./memory');
const { resultOf } = require('./result');
const { Stream } = require('./stream');
const { ASYNC_DISPOSE } = require('./values');

const NONE = Object.freeze({});
const ROWS = new Set([undefined, 'object', 'array', 'columns']);
const INT64 = new Set([undefined, 'auto', 'number', 'bigint']);
const TIMESTAMPTZ = new Set([undefined, 'date', 'text']);

function oneOf(words, word, what) {
  if (words.has(word)) return;
  const known = [...words].filter(Boolean).map((each) => `'${each}'`).join(', ');
  throw new TypeError(`${what} is one of ${known}, not ${String(word)}`);
}

function checkedOptions(options) {
  oneOf(ROWS, options.rows, 'rows');
  oneOf(INT64, options.int64, 'int64');
  oneOf(TIMESTAMPTZ, options.timestamptz, 'timestamptz');
  if (options.fallback !== undefined && (typeof options.fallback !== 'string' || options.fallback.includes('\0'))) {
    throw new TypeError('fallback is the name of a connection');
  }
  return options;
}

function text(sql) {
  if (typeof sql === 'string') return sql;
  throw new TypeError(`a statement is a string, not ${sql === null ? 'null' : typeof sql}`);
}

const FLAGS_OF_ISOLATION = {
  'read committed': BEGIN.READ_COMMITTED, 'repeatable read': BEGIN.REPEATABLE_READ, serializable: BEGIN.SERIALIZABLE,
};

const LEAVE = Symbol('leave');
const RUN = Symbol('run');
const MAY_RUN_AGAIN = Symbol('mayRunAgain');

class Handle {
  #external;
  #registry;

  constructor(external, registry) {
    this.#external = external;
    this.#registry = registry;
  }

  // What the addon knows it by.
  static externalOf(handle) {
    if (handle.#external !== undefined) return handle.#external;
    throw ofStatus(STATUS.CLOSED, 'the handle is closed');
  }

  static isOpen(handle) {
    return handle.#external !== undefined;
  }

  static registryOf(handle) {
    return handle.#registry;
  }

  static letGo(handle) {
    const external = handle.#external;
    handle.#external = undefined;
    return external;
  }

  // Runs a statement; its rows.
  query(sql, parameters, options = NONE) {
    return this.#perform(options, () => encoder.encode(parameters), (external, slot, n) =>
      addon.query(external, slot, text(sql), n, encoder.arenaUsed(), options.fallback));
  }

  // The same, and waits for it here: for scripts, and SQLite.
  querySync(sql, parameters, options = NONE) {
    const external = Handle.externalOf(this);
    let rest;
    try {
      const n = encoder.encode(parameters);
      text(sql);
      if (options !== NONE) say(checkedOptions(options));
      rest = checked(addon.queryNow(external, sql, n, encoder.arenaUsed(), options.fallback));
    } finally {
      encoder.forget();
    }
    return resultOf(area, OWN, rest, options);
  }

  // The rows of a statement as they are asked for.
  stream(sql, parameters, options = NONE) {
    checkedOptions(options);
    return new Stream(options, (slot) => {
      try {
        const n = encoder.encode(parameters);
        say({ batchRows: 4096, ...options }, CALL.STREAM);
        return addon.query(Handle.externalOf(this), slot, text(sql), n, encoder.arenaUsed(), options.fallback);
      } finally {
        encoder.forget();
      }
    }, (slot, holds) => this[LEAVE](slot, holds));
  }

  // Runs a statement for each of the rows, which are what parameters of a query are: all of them, or none.
  executeMany(sql, rows, options = NONE) {
    const list = Array.isArray(rows) ? rows : [...rows];
    return this.#perform(options, () => encoder.encodeRows(list), (external, slot, n) =>
      addon.executeMany(external, slot, text(sql), n, list.length, encoder.arenaUsed(), options.fallback));
  }

  // Fills columns of a table with rows, by the fastest way that the database has; how many rows there are more.
  async load(table, columns, rows, options = NONE) {
    const list = Array.isArray(rows) ? rows : [...rows];
    const names = [...columns];
    const result = await this.#perform(options, () => encoder.encodeRows(list, names), (external, slot, n) => {
      if (list.length > 0 && n !== names.length) {
        throw new TypeError(`a row has ${n} values, and there are ${names.length} columns`);
      }
      return addon.load(external, slot, text(table), names.length, list.length, encoder.arenaUsed(), options.fallback);
    });
    return result.affected;
  }

  // Where a statement would go now, and why, without running it.
  explain(sql, options = NONE) {
    return this.#perform(options, () => 0, (external, slot) => addon.explain(external, slot, text(sql), options.fallback));
  }

  // A place behind all that was written through the handle, for after().
  token() {
    return checked(addon.token(Handle.externalOf(this)));
  }

  // A transaction, or within one a savepoint; see Transaction.
  begin({ readOnly = false, isolation, ...options } = NONE) {
    return perform(this, options.signal, (slot) => {
      const flags = isolation === undefined ? 0 : FLAGS_OF_ISOLATION[isolation];
      if (flags === undefined) oneOf(new Set(Object.keys(FLAGS_OF_ISOLATION)), isolation, 'isolation');
      const external = Handle.externalOf(this);
      say(options);
      return addon.begin(external, slot, flags | (readOnly ? BEGIN.READ_ONLY : 0));
    }, (_, external) => new Transaction(external, this.#registry));
  }

  // Runs work(tx) in a transaction, or in a savepoint; what it gives. Commits at its end, and rolls back if it throws.
  async transaction(work, { retry = 0, ...options } = NONE) {
    if (typeof work !== 'function') throw new TypeError('transaction() runs a function; begin() gives a transaction');
    if (retry > 0 && this instanceof Transaction) {
      throw ofStatus(STATUS.MISUSE, 'a savepoint is not run again by itself; its transaction may be');
    }
    for (let rerun = 0; ; ++rerun) {
      const tx = await this.begin(options);
      try {
        return await tx[RUN](work, options.signal);
      } catch (failure) {
        if (rerun >= retry || !tx[MAY_RUN_AGAIN](failure)) throw failure;
      }
      await pause(rerun);
    }
  }

  // A stream was closed in the middle of this call.
  [LEAVE](slot, holds) {
    cancel(slot, holds);
  }

  // `encode` first: what the caller's getters do may be a call, and would take what is said for its own.
  #perform(options, encode, submit) {
    return perform(this, options.signal, (slot) => {
      try {
        const n = encode();
        const external = Handle.externalOf(this);
        if (options !== NONE) say(checkedOptions(options));
        return submit(external, slot, n);
      } finally {
        encoder.forget();
      }
    }, (index, handle) => resultOf(scratch, index, handle, options));
  }
}

// With others that met the same conflict, not all at once.
function pause(rerun) {
  return setTimeout(Math.min(10 * 2 ** Math.min(rerun, 7), 1000) * (0.5 + Math.random() / 2));
}

// A connection by name: each statement takes a session from the pool and gives it back.
class Connection extends Handle {
  // With `work`, runs work(session) on one session for all of its statements; else gives the session, to be closed.
  pin(work, options = NONE) {
    if (typeof work !== 'function') return this.#pinned(work ?? NONE);
    return this.#pinned(options).then(async (session) => {
      try {
        return await work(session);
      } finally {
        session.close();
      }
    });
  }

  // The same connection under a tag, which is shown wherever its leases are listed.
  tag(tag) {
    return this.#derived(String(tag), undefined);
  }

  // The same for reads that also find what was written before a token was taken; '': nothing more.
  after(token) {
    return this.#derived(undefined, text(token));
  }

  #derived(tag, after) {
    return new Connection(checked(addon.derive(Handle.externalOf(this), tag, after)), Handle.registryOf(this));
  }

  #pinned(options) {
    return perform(this, options.signal, (slot) => {
      const external = Handle.externalOf(this);
      say(options);
      return addon.pin(external, slot);
    }, (_, external) => new Pin(external, Handle.registryOf(this)));
  }
}

// One session, until it is closed.
class Pin extends Handle {
  close() {
    const external = Handle.letGo(this);
    if (external !== undefined) addon.release(external);
  }

  async [ASYNC_DISPOSE]() {
    this.close();
  }
}

// A transaction or savepoint, until it is committed or rolled back. One that nobody has any more is rolled back.
class Transaction extends Handle {
  #endedByHand = false;
  #left = []; // calls of streams that were closed in the middle of them

  commit(options) {
    this.#endedByHand = true;
    return this.#end(addon.commit, options);
  }

  rollback(options) {
    this.#endedByHand = true;
    return this.#undo(options);
  }

  async [ASYNC_DISPOSE]() {
    if (Handle.isOpen(this)) await this.#undo();
  }

  // To cancel it would fail the whole transaction on most databases, and who leaves a stream wants to go on in it: the
  // call ends by itself, and the next verb drops the rest of the answer. A rollback need not wait for that.
  [LEAVE](slot, holds) {
    if (isUnderWay(slot, holds)) this.#left.push([slot, holds]);
  }

  async [RUN](work, signal) {
    let result;
    try {
      result = await work(this);
      if (signal?.aborted) throw abortedBy(signal, 'it was aborted before it was committed');
    } catch (failure) {
      // What has failed says more than that its rollback did, and letting go of the handle rolls back as well.
      if (Handle.isOpen(this)) await this.#undo().catch(() => undefined);
      throw failure;
    }
    if (Handle.isOpen(this)) await this.#end(addon.commit);
    return result;
  }

  // Whether it certainly had no effect, and may succeed now.
  [MAY_RUN_AGAIN](failure) {
    const { Deadlock, SerializationFailure, Unavailable } = classes;
    const passing = [Deadlock, SerializationFailure, Unavailable].some((each) => failure instanceof each);
    return passing && failure.outcome !== 'unknown' && !this.#endedByHand;
  }

  #undo(options) {
    for (const [slot, holds] of this.#left) cancel(slot, holds);
    return this.#end(addon.rollback, options);
  }

  #end(verb, options = NONE) {
    // Whatever comes of it, the handle is let go then; if it is open still, the library rolls it back.
    let external;
    return perform(this, options.signal, (slot) => {
      say(options);
      external = Handle.externalOf(this);
      Handle.letGo(this);
      return verb(external, slot);
    }, () => undefined).finally(() => { if (external !== undefined) addon.release(external); });
  }
}

module.exports = { Connection, Handle, NONE, Pin, Transaction };
