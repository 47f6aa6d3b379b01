'use strict';
// The rows of a statement, read as they are asked for.

const addon = require('./addon');
const { perform, say } = require('./calls');
const { STATUS } = require('./constants');
const { ofStatus } = require('./errors');
const { OWN, area, records } = require('./memory');
const { appendFitting, describe, takeNext } = require('./result');

class Stream {
  #of;
  #options;
  #submit;
  #handle;
  #told;
  #state = 'new';
  #failure;

  constructor(of, options, submit) {
    this.#of = of;
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

  // The rows that came together, as arrays. Of several statements those of one: nextSet() moves on. Who leaves before the
  // end closes the stream.
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
    if (this.#state === 'new') await this.#begin();
    if (this.#state === 'closed') return false;
    const more = await perform(this, this.#options.signal, (slot) => this.#read(slot, addon.readSet),
      (index) => records.i64[8 * index + 6] === 1n);
    if (more) {
      addon.takeDescription(this.#handle);
      this.#told = describe(OWN);
    }
    return more;
  }

  // Lets go of what is left. Harmless when repeated.
  close() {
    this.#state = 'closed';
    if (this.#handle !== undefined) addon.release(this.#handle);
    this.#handle = undefined;
  }

  async #begin() {
    this.#state = 'open';
    this.#handle = await perform(this, this.#options.signal, this.#submit, (index, handle) => {
      this.#told = describe(index);
      return handle;
    });
    if (this.#state === 'closed') {
      addon.release(this.#handle);
      this.#handle = undefined;
    }
  }

  // The rows of the next batch; undefined: the set has ended.
  async #next() {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#state === 'new') await this.#begin();
    if (this.#state === 'closed') return undefined;
    const more = await perform(this, this.#options.signal, (slot) => this.#read(slot, addon.read),
      (index) => records.i32[16 * index + 4] >= 0);
    if (!more) return undefined;
    return this.#taken();
  }

  #read(slot, read) {
    if (this.#handle === undefined) throw ofStatus(STATUS.CLOSED, 'the stream is closed', { outcome: 'unknown' });
    if (this.#options.timeout !== undefined) say({ timeout: this.#options.timeout });
    return read(this.#handle, slot);
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
