'use strict';
// The numbers that the package has of its own are those of trunkline.h and of the addon.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');

const { trunkline } = require('./support');
const constants = require('../../../bindings/node/lib/constants');

const ROOT = path.join(__dirname, '..', '..', '..');
const header = fs.readFileSync(path.join(ROOT, 'include', 'trunkline', 'trunkline.h'), 'utf8');
const defined = new Map();
for (const [, name, value] of header.matchAll(/^#define TL_(\w+) \(?(-?\w+?)u?\)?(?:\s|$)/gm)) defined.set(name, Number(value));

function same(ours, prefix, theirs = (name) => `${prefix}${name.toUpperCase()}`) {
  for (const [name, value] of Object.entries(ours)) assert.equal(value, defined.get(theirs(name)), `${prefix}${name}`);
}

test('the numbers are those of the header', () => {
  same(constants.TYPES, '');
  same(constants.STATUS, 'E_');
  same(constants.CALL, 'CALL_');
  same(constants.BEGIN, 'BEGIN_');
  same(constants.CHANGE, 'CHANGE_');
  same(constants.MODES, '');
  same(constants.EVENTS, 'EVENT_');
  same(constants.ASK, 'ASK_');
  constants.OUTCOMES.forEach((name, value) => assert.equal(value, defined.get(name.toUpperCase())));
  constants.ROLES.forEach((name, value) => assert.equal(value, defined.get((name ?? 'no_role').toUpperCase())));
});

test('none of the header is missing', () => {
  const has = (object, prefix) => {
    for (const name of defined.keys()) {
      if (name.startsWith(prefix)) assert.ok(name.slice(prefix.length) in object, name);
    }
  };
  has(constants.STATUS, 'E_');
  has(Object.fromEntries(Object.keys(constants.EVENTS).map((name) => [name.toUpperCase(), 1])), 'EVENT_');
  has(constants.ASK, 'ASK_');
  has(constants.CALL, 'CALL_');
  has(constants.BEGIN, 'BEGIN_');
  has(constants.CHANGE, 'CHANGE_');
});

test('each status has a class of its own, and its word', () => {
  const classes = new Map(Object.values(trunkline).filter((value) => value?.prototype instanceof Error && Object.hasOwn(value, 'status'))
    .map((value) => [value.status, value]));
  classes.delete(undefined);
  for (const status of Object.values(constants.STATUS)) {
    const error = new (classes.get(status))('x');
    assert.equal(error.status, status);
    assert.match(error.code, /^[a-z_]+$/);
    assert.equal(error.name, error.constructor.name);
    assert.ok(error instanceof trunkline.TrunklineError);
  }
  assert.equal(new Set([...classes.values()].map((each) => new each('x').code)).size, Object.keys(constants.STATUS).length);
});

test('the kinds of records are those of the addon', () => {
  const source = fs.readFileSync(path.join(ROOT, 'bindings', 'node', 'src', 'answers.hpp'), 'utf8');
  const kinds = [...source.matchAll(/^ +k(\w+) = (\d+),/gm)].map(([, name, value]) => [name.toUpperCase(), Number(value)]);
  assert.ok(kinds.length > 0);
  for (const [name, value] of Object.entries(constants.KIND)) assert.equal(value, new Map(kinds).get(name), name);
});
