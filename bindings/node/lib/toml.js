'use strict';
// Settings as an object, written as TOML: the values that a configuration knows, and no others.

function text(value) {
  return JSON.stringify(value).replaceAll('\u007f', '\\u007f');
}

function written(value, key) {
  switch (typeof value) {
    case 'string': return text(value);
    case 'boolean': return String(value);
    case 'bigint': return String(value);
    case 'number':
      if (Number.isFinite(value)) return String(value);
      break;
    case 'object':
      if (Array.isArray(value)) return `[${value.map((each) => written(each, key)).join(', ')}]`;
      if (value !== null) return `{${entries(value).map(pair).join(', ')}}`;
      break;
    default:
  }
  const what = value === null ? 'null' : typeof value;
  throw new TypeError(`${key}: a setting is a string, number, boolean, array or object, not ${what}`);
}

function pair([key, value]) {
  return `${text(key)} = ${written(value, key)}`;
}

function entries(settings) {
  return Object.entries(settings).filter(([, value]) => value !== undefined);
}

// A line for each key; what is text is TOML already.
function tomlOf(settings) {
  if (typeof settings === 'string') return settings;
  if (settings === null || typeof settings !== 'object') throw new TypeError('settings are an object, or TOML');
  return entries(settings).map((each) => `${pair(each)}\n`).join('');
}

module.exports = { tomlOf };
