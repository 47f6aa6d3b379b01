'use strict';
// Memory that JavaScript and the addon both read and write, so that neither calls the other for each value.

const addon = require('./addon');

// One ArrayBuffer, seen as what it may hold.
class Memory {
  constructor(name, size) {
    this.name = name;
    this.smallest = size;
    this.resize(size);
  }

  resize(size) {
    const buffer = new ArrayBuffer(size);
    this.size = size;
    this.bytes = Buffer.from(buffer);
    this.i32 = new Int32Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.f64 = new Float64Array(buffer);
    this.i64 = new BigInt64Array(buffer);
    addon.shareMemory(this.name, buffer);
  }

  // Room for so many bytes, of which the first `used` stay.
  grow(size, used = 0) {
    const before = this.bytes;
    this.resize(2 ** Math.ceil(Math.log2(size)));
    before.copy(this.bytes, 0, 0, used);
  }

  // What was grown far beyond its size for one call is not kept.
  shrink() {
    if (this.size > 16 * 2 ** 20) this.resize(this.smallest);
  }
}

const OWN = 256; // index of the record that calls which answer at once write

const memory = {
  OWN,
  records: new Memory('records', 64 * (OWN + 1)), // what has become of calls
  scratch: new Memory('scratch', 2 ** 20), // the columns of small answers that came together
  area: new Memory('area', 2 ** 16), // those of one batch
  options: new Memory('options', 32), // how the next call is to run
  values: new Memory('values', 2 ** 14), // the parameters of the next call
  arena: new Memory('arena', 2 ** 16), // the bytes that they tell of
};

module.exports = memory;
