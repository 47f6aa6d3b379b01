'use strict';
// What answers have in common: columns, and who has served them. Made once for each number of the addon.

const addon = require('./addon');
const { ROLES } = require('./constants');
const { makerOfObject, makerOfObjects } = require('./rows');

const MOST = 2000; // kept; the addon tells of those that are asked for again

class Schema {
  #object;
  #objects;

  constructor(told) {
    this.columns = Object.freeze(told.map(([name, code, type, typeName, typeId, precision, scale, nullable]) =>
      Object.freeze({
        name, type, typeName, typeId, precision, scale, nullable: nullable < 0 ? null : nullable === 1, code,
      })));
  }

  appendObjects(list, columns, rows) {
    this.#objects ??= makerOfObjects(this.#names());
    this.#objects(list, columns, rows);
  }

  objectOf(values) {
    this.#object ??= makerOfObject(this.#names());
    return this.#object(values);
  }

  #names() {
    return this.columns.map(({ name }) => name);
  }
}

const NONE = new Schema([]);
const schemas = new Map();
const servers = new Map();

function kept(map, number, make) {
  const found = map.get(number);
  if (found !== undefined) return found;
  if (map.size >= MOST) map.clear();
  const made = make(number);
  map.set(number, made);
  return made;
}

function schemaOf(number) {
  return number < 0 ? NONE : kept(schemas, number, (wanted) => new Schema(addon.schema(wanted)));
}

function serverOf(number) {
  return kept(servers, number, (wanted) => {
    const [endpoint, connection, role] = addon.server(wanted);
    return { endpoint, connection, role: ROLES[role] };
  });
}

module.exports = { schemaOf, serverOf };
