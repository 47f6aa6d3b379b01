'use strict';
// An iterator over what comes in lists. No generator: its return() would wait for the next() that is under way, and so
// for the server.

const { ASYNC_DISPOSE } = require('./values');

class Reading {
  #more; // a promise of the next list; of undefined where there is none
  #leave; // has what is under way end so
  #values = [];
  #at = 0;
  #waiting = []; // those who have asked and have no answer, while there are no values
  #ended = false;

  constructor(more, leave) {
    this.#more = more;
    this.#leave = leave;
  }

  next() {
    if (this.#at < this.#values.length) return Promise.resolve(given(this.#values[this.#at++]));
    if (this.#ended) return Promise.resolve(over());
    return new Promise((resolve, reject) => {
      if (this.#waiting.push({ resolve, reject }) === 1) this.#read();
    });
  }

  async return(value) {
    this.#end();
    return over(await value);
  }

  async throw(error) {
    this.#end();
    throw error;
  }

  async [ASYNC_DISPOSE]() {
    this.#end();
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  async #read() {
    try {
      while (this.#waiting.length > 0) {
        const values = await this.#more();
        if (this.#ended) return;
        if (values === undefined) return this.#answer();
        this.#values = values;
        this.#at = 0;
        while (this.#waiting.length > 0 && this.#at < values.length) {
          this.#waiting.shift().resolve(given(values[this.#at++]));
        }
      }
    } catch (failure) {
      this.#waiting.shift()?.reject(failure);
      this.#end();
    }
  }

  // Before its end what is left is let go of; behind it there may be more for others.
  #end() {
    if (!this.#ended) this.#leave();
    this.#answer();
  }

  #answer() {
    this.#ended = true;
    this.#values = [];
    for (const { resolve } of this.#waiting.splice(0)) resolve(over());
  }
}

function given(value) {
  return { value, done: false };
}

function over(value) {
  return { value, done: true };
}

module.exports = { Reading };
