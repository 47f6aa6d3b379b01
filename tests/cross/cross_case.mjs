// One case of the data file, run on one database through the Node package.

import { setTimeout } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';

import { TrunklineError, open, parse } from '../../bindings/node/index.mjs';
import { failureOf } from './cross_values.mjs';

const databases = new Set(['sqlite', 'postgresql', 'mariadb']);
export const patience = 30_000; // for what comes true by itself

// What differs from what is expected, or went wrong.
export class Mismatch extends Error {}

// `value` with what is written for this database in place of what is written for each, and with {words} filled in.
export function filled(value, database, words) {
  if (typeof value === 'string') {
    return Object.entries(words).reduce((text, [word, meaning]) => text.replaceAll(`{${word}}`, () => meaning), value);
  }
  if (Array.isArray(value)) return value.map((each) => filled(each, database, words));
  if (value === null || typeof value !== 'object') return value;
  if (value.repeated !== undefined) return filled(value.repeated[0], database, words).repeat(value.repeated[1]);
  if (value.joined !== undefined) return value.joined.map((part) => filled(part, database, words)).join('');
  const keys = Object.keys(value);
  if (keys.length > 0 && keys.every((key) => databases.has(key))) return filled(value[database], database, words);
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, filled(each, database, words)]));
}

function tells(found, key, wanted) {
  if (key === 'says') return found.message.includes(wanted);
  if (key !== 'detail') return isDeepStrictEqual(found[key], wanted);
  return Object.entries(wanted).every(([name, value]) => found.details.find((pair) => pair[0] === name)?.[1] === value);
}

// Only what is expected counts. "says": a part of the message; "detail": some of the details.
function matches(expected, found) {
  return Object.entries(expected ?? {}).every(([key, wanted]) => tells(found, key, wanted));
}

const mostShown = 2000; // of what differs

function shown(value) {
  const text = JSON.stringify(value);
  return text.length <= mostShown ? text : `${text.slice(0, mostShown)} …`;
}

export class Case {
  handles = new Map();
  #done = new Set(); // of the steps that run once

  constructor(described, database, words, verbs) {
    Object.assign(this, { described, database, words, verbs });
  }

  said(one, key) {
    return filled(one[key], this.database, this.words);
  }

  async run() {
    const { described } = this;
    if (described.file !== undefined) {
      await this.verbs.write(this, described.file);
      this.registry = await open(`${this.words.folder}/trunkline.toml`);
    } else {
      this.registry = parse(this.said(described, 'toml'), { source: 'cross.toml' });
    }
    try {
      await this.steps(described.steps);
    } finally {
      await this.registry.close();
    }
  }

  async steps(steps) {
    for (const [i, one] of steps.entries()) {
      try {
        await this.#step(one);
      } catch (failure) {
        throw failure instanceof Mismatch ? new Mismatch(`step ${i + 1}, ${one.do}: ${failure.message}`) : failure;
      }
    }
  }

  async #step(one) {
    if (one.once && this.#done.has(one)) return;
    this.#done.add(one);
    const failing = this.said(one, 'fails');
    const expected = failing ?? this.said(one, 'expect');
    const found = failing === undefined ? await this.#awaited(one, expected) : await this.#failure(one, expected);
    if (!matches(expected, found)) throw new Mismatch(`expected ${shown(expected)}\n    found ${shown(found)}`);
    if (one.save !== undefined) this.words[one.save] = String(found.value);
  }

  async #failure(one, expected) {
    let found;
    try {
      found = await this.verbs[one.do](this, one);
    } catch (failure) {
      if (failure instanceof TrunklineError) return failureOf(failure);
      throw failure;
    }
    throw new Mismatch(`expected to fail with ${shown(expected)}\n    found ${shown(found)}`);
  }

  // "eventually": asked again until it is so.
  async #awaited(one, expected) {
    for (const until = performance.now() + patience; ; await setTimeout(10)) {
      const found = await this.verbs[one.do](this, one);
      if (!one.eventually || matches(expected, found) || performance.now() > until) return found;
    }
  }
}
