'use strict';
// Columns -> rows.

// Functions that make objects with these names: `append` of columns, `one` of the values of a row. Written for the names, so
// that all rows have one shape from the start; a loop over them where no code may be made at run time.
function makersOfObjects(names) {
  const object = (value) => names.map((name, i) =>
    `${name === '__proto__' ? '["__proto__"]' : JSON.stringify(name)}: ${value(i)}`).join(', ');
  try {
    return {
      append: new Function('list', 'columns', 'rows', `
        const [${names.map((_, i) => `c${i}`).join(', ')}] = columns;
        for (let i = 0, at = list.length; i < rows; ++i) list[at++] = { ${object((i) => `c${i}[i]`)} };`),
      one: new Function('values', `return { ${object((i) => `values[${i}]`)} };`),
    };
  } catch {
    const one = (values) => Object.fromEntries(names.map((name, i) => [name, values[i]]));
    const append = (list, columns, rows) => {
      for (let i = 0; i < rows; ++i) list.push(one(columns.map((column) => column[i])));
    };
    return { append, one };
  }
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

module.exports = { makersOfObjects, appendArrays, appendColumns };
