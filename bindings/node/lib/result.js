'use strict';
// The answer of a statement: an array of its rows that also tells where they came from.

const addon = require('./addon');
const { PLACE, Unrepresentable, decode, decodeOne } = require('./columns');
const { STATUS } = require('./constants');
const { ofStatus } = require('./errors');
const { OWN, area, records } = require('./memory');
const { appendArrays, appendColumns } = require('./rows');
const { schemaOf, serverOf } = require('./schema');

class Result extends Array {
  #told;

  constructor(length, told) {
    super(length);
    this.#told = told;
  }

  // What is made of a result, by map() and its like, is an array as any other.
  static get [Symbol.species]() {
    return Array;
  }

  get columns() {
    return this.#told.schema.columns;
  }

  // Rows that the statement inserted, changed, deleted or gave; -1: unknown.
  get affected() {
    return this.#told.affected;
  }

  // SQLite: the id that the last INSERT made; 0: none.
  get lastId() {
    return this.#told.lastId;
  }

  // How many rows there are, also where they come by columns.
  get rowCount() {
    return this.#told.rows;
  }

  get endpoint() {
    return this.#told.server.endpoint;
  }

  get connection() {
    return this.#told.server.connection;
  }

  get role() {
    return this.#told.server.role;
  }

  get lag() {
    return this.#told.lag;
  }

  // Those of all statements, if there were several.
  get sets() {
    return this.#told.sets ?? [this];
  }
}

// A count that is a number unless no number holds it exactly.
function exact(word) {
  const value = records.i32[word + 1] * 4294967296 + records.u32[word];
  return Number.isSafeInteger(value) ? value : records.i64[word >> 1];
}

// What a record says of a set besides its rows.
function describe(index) {
  const { i32 } = records;
  const at = 16 * index;
  return {
    schema: schemaOf(i32[at + 3]),
    server: serverOf(i32[at + 6]),
    lag: i32[at + 7] < 0 ? null : i32[at + 7],
    affected: exact(at + 8),
    lastId: exact(at + 10),
    rows: 0,
    sets: undefined,
  };
}

function decoded(memory, at, columns, rows, options) {
  const values = new Array(columns.length);
  for (let i = 0; i < columns.length; ++i) {
    try {
      values[i] = decode(memory, at + PLACE * i, rows, options);
    } catch (failure) {
      failure.column = columns[i];
      throw failure;
    }
  }
  return values;
}

function append(list, schema, columns, rows, options) {
  if (options.rows === 'array') appendArrays(list, columns, rows);
  else if (options.rows === 'columns') appendColumns(list, columns);
  else schema.appendObjects(list, columns, rows);
}

function appendSome(list, told, memory, index, options, rows) {
  const { schema } = told;
  const columns = decoded(memory, records.i32[16 * index + 5] >> 2, schema.columns, rows, options);
  append(list, schema, columns, rows, options);
  told.rows += rows;
}

// Appends the rows of the batch that a record tells of, up to the first with a value that JavaScript cannot hold as it
// was asked to: what is wrong then is returned.
function appendFitting(list, told, memory, index, options) {
  let found;
  for (let rows = records.i32[16 * index + 4]; ; rows = found.row) {
    try {
      appendSome(list, told, memory, index, options, rows);
      return found && misfit(told, found.column, found);
    } catch (failure) {
      if (!(failure instanceof Unrepresentable)) throw failure;
      found = failure; // another column may have one that comes before it
    }
  }
}

function misfit(told, column, failure) {
  const where = `row ${told.rows + 1}, column ${JSON.stringify(column.name)}`;
  return ofStatus(STATUS.DATA, `${where}: ${failure.message}`, { phase: 'decode', outcome: 'unknown' });
}

function appendBatch(list, told, memory, index, options) {
  const misfit = appendFitting(list, told, memory, index, options);
  if (misfit !== undefined) throw misfit;
}

// The next batch of a result into the area; false: its set has ended.
function takeNext(handle) {
  let wanted = addon.takeNext(handle);
  if (wanted > 0) {
    area.grow(wanted);
    wanted = addon.takeNext(handle);
  }
  return wanted === 0;
}

function finished(list, told, options) {
  if (options.rows === 'columns' && list.length === 0) for (const _ of told.schema.columns) list.push([]);
  return list;
}

function taken(told, handle, options, list = new Result(0, told)) {
  while (takeNext(handle)) appendBatch(list, told, area, OWN, options);
  return finished(list, told, options);
}

// The result of which a record tells. `handle`: what there is more of it.
function resultOf(memory, index, handle, options) {
  const told = describe(index);
  if (handle === undefined && records.i32[16 * index + 4] === 1 && options.rows !== 'columns') {
    return ofOneRow(told, memory, records.i32[16 * index + 5] >> 2, options);
  }
  const list = new Result(0, told);
  if (records.i32[16 * index + 5] >= 0) appendBatch(list, told, memory, index, options);
  return handle === undefined ? finished(list, told, options) : withRest(list, told, handle, options);
}

// Most answers are one row: an array that has the place for it from the beginning takes a tenth of the time of one that
// grows, and of one that is made from what is to be in it.
function ofOneRow(told, memory, at, options) {
  const { columns } = told.schema;
  const values = new Array(columns.length);
  for (let i = 0; i < columns.length; ++i) {
    try {
      values[i] = decodeOne(memory, at + PLACE * i, options);
    } catch (failure) {
      throw failure instanceof Unrepresentable ? misfit(told, columns[i], failure) : failure;
    }
  }
  told.rows = 1;
  const list = new Result(1, told);
  list[0] = options.rows === 'array' ? values : told.schema.objectOf(values);
  return list;
}

function withRest(list, told, handle, options) {
  const all = [told];
  const sets = [taken(told, handle, options, list)];
  while (addon.takeNextSet(handle)) {
    const next = describe(OWN);
    all.push(next);
    sets.push(taken(next, handle, options));
  }
  if (sets.length > 1) for (const one of all) one.sets = sets;
  addon.release(handle);
  area.shrink();
  return list;
}

module.exports = { Result, appendBatch, appendFitting, describe, resultOf, takeNext };
