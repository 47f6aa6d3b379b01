'use strict';
// Events of a registry, as those of an EventEmitter. The library tells of a kind only while somebody listens to it.

const { AsyncResource } = require('node:async_hooks');
const { EventEmitter } = require('node:events');

const addon = require('./addon');
const { listen } = require('./calls');
const { EVENTS } = require('./constants');
const { OWN, area, records, scratch } = require('./memory');
const { takeNext, appendBatch, describe } = require('./result');

const NOTHING = Object.freeze({});

// The row that a record tells of; `handle`: where it is, if it was too large for the scratch.
function rowOf(index, handle) {
  const list = [];
  const inArea = handle !== undefined && takeNext(handle);
  appendBatch(list, describe(inArea ? OWN : index), inArea ? area : scratch, inArea ? OWN : index, NOTHING);
  return list[0];
}

function eventOf(index, handle) {
  const row = rowOf(index, handle);
  return { ...row, duration: milliseconds(row.duration), lost: Number(records.i64[8 * index + 4]) };
}

function milliseconds(interval) {
  return interval === null ? null : Number(interval.microseconds) / 1000;
}

class Events extends EventEmitter {
  #registry;
  #ends = new Map();

  constructor(registry) {
    super();
    this.#registry = registry;
    this.#look();
  }

  on(kind, listener) {
    return super.on(kind, this.#bound(kind, listener));
  }

  addListener(kind, listener) {
    return this.on(kind, listener);
  }

  prependListener(kind, listener) {
    return super.prependListener(kind, this.#bound(kind, listener));
  }

  once(kind, listener) {
    return super.on(kind, this.#bound(kind, listener, true));
  }

  prependOnceListener(kind, listener) {
    return super.prependListener(kind, this.#bound(kind, listener, true));
  }

  removeAllListeners(...kinds) {
    super.removeAllListeners(...kinds);
    for (const kind of this.#ends.keys()) this.#end(kind);
    this.#look(); // its own may have been among them
    return this;
  }

  // Listeners run in the asynchronous context of who has added them: events come in nobody's. An EventEmitter knows by
  // `listener` what off() is about.
  #bound(kind, listener, once = false) {
    if (typeof listener !== 'function') return listener; // which is refused
    const run = once ? (...told) => {
      this.off(kind, bound);
      return Reflect.apply(listener, this, told);
    } : listener;
    const bound = AsyncResource.bind(run);
    bound.listener = listener;
    return bound;
  }

  #look() {
    for (const [kind, listener] of [['newListener', this.#begin], ['removeListener', this.#end]]) {
      if (!this.listeners(kind).includes(listener)) this.on(kind, listener);
    }
  }

  #begin = (kind) => {
    if (!Object.hasOwn(EVENTS, kind) || this.#ends.has(kind)) return;
    const tell = (index, handle) => {
      if (this.#ends.get(kind) === end) this.emit(kind, eventOf(index, handle)); // else another one tells of it
    };
    const end = listen((slot) => addon.subscribe(this.#registry, slot, EVENTS[kind]), tell);
    this.#ends.set(kind, end);
  };

  #end = (kind) => {
    if (this.listenerCount(kind) > 0) return;
    this.#ends.get(kind)?.();
    this.#ends.delete(kind);
  };
}

module.exports = { Events, rowOf };
