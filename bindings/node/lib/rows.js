'use strict';
// Columns -> rows.

// Functions that make objects of certain names are written for the names, so that all rows have one shape from the
// start. Where no code may be made at run time they are a loop over the names.
function compiled(parameters, body, otherwise) {
  try {
    return new Function(...parameters, body);
  } catch {
    return otherwise;
  }
}

function literal(names, value) {
  const key = (name) => (name === '__proto__' ? '["__proto__"]' : JSON.stringify(name));
  return `{ ${names.map((name, i) => `${key(name)}: ${value(i)}`).join(', ')} }`;
}

function fromEntries(names, values) {
  return Object.fromEntries(names.map((name, i) => [name, values[i]]));
}

// The object of the values of one row.
function makerOfObject(names) {
  const body = `return ${literal(names, (i) => `values[${i}]`)};`;
  return compiled(['values'], body, (values) => fromEntries(names, values));
}

// Appends the rows of some columns to a list, as objects.
function makerOfObjects(names) {
  const columns = names.map((_, i) => `c${i}`);
  const body = `const [${columns}] = columns;
    for (let i = 0, at = list.length; i < rows; ++i) list[at++] = ${literal(names, (i) => `${columns[i]}[i]`)};`;
  return compiled(['list', 'columns', 'rows'], body, (list, given, rows) => {
    for (let i = 0; i < rows; ++i) list.push(fromEntries(names, given.map((column) => column[i])));
  });
}

function appendArrays(list, columns, rows) {
  for (let i = 0; i < rows; ++i) {
    const row = new Array(columns.length);
    for (let j = 0; j < columns.length; ++j) row[j] = columns[j][i];
    list.push(row);
  }
}

function appendColumns(list, columns) {
  if (list.length === 0) {
    for (const column of columns) list.push(column);
  } else {
    columns.forEach((column, i) => { list[i] = list[i].concat(column); });
  }
}

module.exports = { makerOfObject, makerOfObjects, appendArrays, appendColumns };
