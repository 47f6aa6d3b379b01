'use strict';
// Columns -> rows.

// A function that appends objects with these names to a list. Written for them, so that all rows have one shape from the
// start; a loop over the names where no code may be made at run time.
function makerOfObjects(names) {
  const values = names.map((_, i) => `c${i}[i]`);
  const fields = names.map((name, i) => `${name === '__proto__' ? '["__proto__"]' : JSON.stringify(name)}: ${values[i]}`);
  try {
    return new Function('list', 'columns', 'rows', `
      const [${names.map((_, i) => `c${i}`).join(', ')}] = columns;
      for (let i = 0, at = list.length; i < rows; ++i) list[at++] = { ${fields.join(', ')} };`);
  } catch {
    return (list, columns, rows) => {
      for (let i = 0; i < rows; ++i) list.push(Object.fromEntries(names.map((name, j) => [name, columns[j][i]])));
    };
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

module.exports = { makerOfObjects, appendArrays, appendColumns };
