'use strict';
// The rows of a statement, read as they are asked for.

const addon = require('./addon');
const { cancel, perform, say } = require('./calls');
const { OWN, area, records } = require('./memory');
const { appendFitting, describe, takeNext } = require('./result');

class Stream {
  #options;
  #submit;
  #handle;
  #slot; // of the last call
  #told;
  #state = 'new'; // then 'open', then 'closed'
  #turn = Promise.resolve();
  #failure;

  constructor(options, submit) {
    this.#options = options;
    this.#submit = submit;
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

  async *[Symbol.asyncIterator]() {
    for await (const rows of this.batches()) yield* rows;
  }

  // The rows that came together, as arrays. Of several statements those of one: nextSet() moves on. Who leaves before
  // the end closes the stream.
  async *batches() {
    let ended = false;
    try {
      for (let rows = await this.#next(); rows !== undefined; rows = await this.#next()) yield rows;
      ended = true;
    } finally {
      if (!ended) this.close();
    }
  }

  // Moves to the next result set, dropping what is left of this one; false where there is none.
  async nextSet() {
    const more = await this.#alone(() => this.#read(addon.readSet, (index) => records.i64[8 * index + 6] === 1n));
    if (!more || this.#handle === undefined) return false;
    addon.takeDescription(this.#handle);
    this.#told = describe(OWN);
    return true;
  }

  // Lets go of what is left. Harmless when repeated.
  close() {
    this.#state = 'closed';
    cancel(this.#slot, this.#handle ?? this);
    if (this.#handle !== undefined) addon.release(this.#handle);
    this.#handle = undefined;
  }

  // The rows of the next batch; undefined: the set has ended.
  async #next() {
    if (this.#failure !== undefined) throw this.#failure;
    const more = await this.#alone(() => this.#read(addon.read, (index) => records.i32[16 * index + 4] >= 0));
    return more ? this.#taken() : undefined;
  }

  // One read at a time: of loops that share a stream each gets what the others have not had.
  #alone(read) {
    const turn = this.#turn.then(() => this.#opened(read));
    this.#turn = turn.catch((failure) => {
      this.#failure ??= failure; // also for the other loops
      this.close();
    });
    return turn;
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
