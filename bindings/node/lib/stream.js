'use strict';
// The rows of a statement, read as they are asked for.

const addon = require('./addon');
const { perform, say } = require('./calls');
const { OWN, area, records } = require('./memory');
const { Reading } = require('./reading');
const { appendFitting, describe, takeNext } = require('./result');

class Stream {
  #options;
  #submit;
  #stop; // has the call of a slot end, if it still is the one that holds this
  #handle;
  #slot; // of the last call
  #told;
  #state = 'new'; // then 'open', then 'closed'
  #turn = Promise.resolve();
  #readers = new Set(); // that have not been answered
  #failure;

  constructor(options, submit, stop) {
    this.#options = options;
    this.#submit = submit;
    this.#stop = stop;
  }

  // Known once something was read.
  get columns() {
    return this.#told?.schema.columns;
  }

  get endpoint() {
    return this.#told?.server.endpoint;
  }

  get connection() {
    return this.#told?.server.connection;
  }

  get role() {
    return this.#told?.server.role;
  }

  get lag() {
    return this.#told?.lag;
  }

  [Symbol.asyncIterator]() {
    return new Reading(() => this.#next(), () => this.close());
  }

  // The rows that came together, as arrays. Of several statements those of one: nextSet() moves on. Who leaves before
  // the end closes the stream.
  batches() {
    return new Reading(() => this.#next().then((rows) => rows && [rows]), () => this.close());
  }

  // Moves to the next result set, dropping what is left of this one; false where there is none.
  async nextSet() {
    const more = await this.#alone(() => this.#read(addon.readSet, (index) => records.i64[8 * index + 6] === 1n));
    if (!more || this.#handle === undefined) return false;
    addon.takeDescription(this.#handle);
    this.#told = describe(OWN);
    return true;
  }

  // Lets go of what is left, and of those who wait for it: for them it has ended. Harmless when repeated.
  close() {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#stop(this.#slot, this.#handle ?? this);
    if (this.#handle !== undefined) addon.release(this.#handle);
    this.#handle = undefined;
    for (const { resolve } of this.#readers) resolve();
    this.#readers.clear();
  }

  // The rows of the next batch; undefined: the set has ended.
  async #next() {
    if (this.#failure !== undefined) throw this.#failure;
    const more = await this.#alone(() => this.#read(addon.read, (index) => records.i32[16 * index + 4] >= 0));
    return more ? this.#taken() : undefined;
  }

  // One read at a time: of loops that share a stream each gets what the others have not had.
  #alone(read) {
    return new Promise((resolve, reject) => {
      const reader = { resolve, reject };
      this.#readers.add(reader);
      this.#turn = this.#turn.then(() => this.#opened(read)).then((answer) => {
        this.#readers.delete(reader);
        resolve(answer);
      }, (failure) => this.#fail(failure));
    });
  }

  // For all who read. What a read fails with that was given up nobody has asked for.
  #fail(failure) {
    if (this.#state === 'closed') return;
    this.#failure = failure;
    for (const { reject } of this.#readers) reject(failure);
    this.#readers.clear();
    this.close();
  }

  async #opened(read) {
    if (this.#state === 'new') await this.#begin();
    return this.#state === 'open' && read();
  }

  async #begin() {
    const submit = (slot) => this.#submit(this.#slot = slot);
    const handle = await perform(this, this.#options.signal, submit, (index, made) => {
      this.#told = describe(index);
      return made;
    });
    if (this.#state === 'closed') {
      addon.release(handle);
    } else {
      this.#handle = handle;
      this.#state = 'open';
    }
  }

  // The addon writes to what the handle leads to when the batch has come: it must be there until then.
  #read(read, take) {
    const handle = this.#handle;
    return perform(handle, this.#options.signal, (slot) => {
      if (this.#options.timeout !== undefined) say({ timeout: this.#options.timeout });
      return read(handle, this.#slot = slot);
    }, take);
  }

  #taken() {
    if (this.#handle === undefined || !takeNext(this.#handle)) return undefined;
    const rows = [];
    this.#failure = appendFitting(rows, this.#told, area, OWN, this.#options);
    area.shrink();
    return rows;
  }
}

module.exports = { Stream };
