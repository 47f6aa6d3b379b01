'use strict';
// Answers to the questions that a registry has to the application.

const { AsyncResource } = require('node:async_hooks');
const { inspect } = require('node:util');

const addon = require('./addon');
const { listen, milliseconds } = require('./calls');
const { ASK, STATUS } = require('./constants');
const { classes } = require('./errors');
const { rowOf } = require('./events');
const { records } = require('./memory');
const { tomlOf } = require('./toml');

const UNUSABLE = new Set([STATUS.CONFIGURATION, STATUS.DATA]);

function keepOf(time, what) {
  return time === undefined || time === Infinity ? 0 : milliseconds(time, what);
}

function login(given) {
  const { valid, ...rest } = typeof given === 'string' ? { password: given } : given;
  return [tomlOf(rest), keepOf(valid, 'valid')];
}

function warn(message) {
  process.emitWarning(message, 'TrunklineWarning');
}

// Each question is answered, whatever becomes of the function.
async function answerOf(fn, name, nothing, textOf, keep) {
  try {
    const given = await fn(name);
    if (given === undefined || given === null) return [nothing, '', 0];
    const [text, ownKeep] = textOf(given);
    return [0, text, ownKeep || keep];
  } catch (failure) {
    if (failure instanceof classes.TrunklineError) return [failure.status, failure.message, 0];
    warn(`what was asked for ${JSON.stringify(name)} failed: ${inspect(failure)}`);
    return [STATUS.UNAVAILABLE, `it failed with ${failure instanceof Error ? failure.name : typeof failure}`, 0];
  }
}

function answer(registry, kind, fn, nothing, textOf, keep) {
  if (typeof fn !== 'function') throw new TypeError('a function is asked');
  let asks = true;
  const own = AsyncResource.bind(fn); // questions come in nobody's asynchronous context
  const stop = listen((slot) => addon.subscribe(registry, slot, kind), async (index, handle) => {
    const question = Number(records.i64[8 * index + 7]);
    const { connection } = rowOf(index, handle);
    const given = await answerOf(asks ? own : () => null, connection, nothing, textOf, keep);
    const failed = addon.answer(registry, question, ...given);
    if (failed === undefined || !UNUSABLE.has(failed[0])) return;
    warn(`what was given for ${JSON.stringify(connection)} cannot be used: ${failed[1]}`);
    // Which the library has not seen: it still asks.
    if (failed[0] === STATUS.DATA) addon.answer(registry, question, STATUS.CONFIGURATION, failed[1], 0);
  });
  return () => {
    asks = false;
    stop();
  };
}

function answerNames(registry, fn, { unused }) {
  const keep = keepOf(unused, 'unused');
  return answer(registry, ASK.NAME, fn, STATUS.NOT_FOUND, (settings) => [tomlOf(settings), 0], keep);
}

function answerCredentials(registry, fn, { valid }) {
  return answer(registry, ASK.CREDENTIALS, fn, STATUS.AUTHENTICATION, login, keepOf(valid, 'valid'));
}

module.exports = { answerCredentials, answerNames };
