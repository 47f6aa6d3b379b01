'use strict';
// The addon by itself: what it is given must not crash it, whatever that is.

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { trunkline } = require('./support');
const addon = require('../../../bindings/node/lib/addon');

const WITHOUT_HANDLE = ['open', 'parse', 'shared', 'schema', 'server', 'statusName', 'version', 'hasFeature', 'shareMemory',
  'onDrained', 'loadLibrary', 'cancel', 'endCalls'];
const withHandle = Object.keys(addon).filter((name) => !WITHOUT_HANDLE.includes(name));
const REFUSES = (name) => ({ name: 'TypeError', message: new RegExp(`^${name}: `) });

test('what wants a handle refuses anything else', () => {
  assert.ok(withHandle.length > 25);
  for (const name of withHandle) {
    for (const wrong of [[], [undefined, 5], [null], [{}], ['x'], [7]]) {
      assert.throws(() => addon[name](...wrong), REFUSES(name), `${name}(${wrong})`);
    }
  }
});

test('what wants a handle of another kind refuses it', () => {
  const registry = addon.parse('[connections.db]\ndriver = "sqlite"\ndatabase = ":memory:"');
  const connection = addon.connection(registry, 'db', 0);
  for (const name of ['query', 'queryNow', 'read', 'takeNext', 'token', 'commit']) {
    assert.throws(() => addon[name](registry), REFUSES(name));
  }
  for (const name of ['connection', 'inspectNow', 'read', 'takeNextSet', 'close']) {
    assert.throws(() => addon[name](connection), REFUSES(name));
  }
  addon.release(connection);
  assert.equal(addon.queryNow(connection, 'SELECT 1', 0, 0)[0], new trunkline.Misuse('').status);
});

test('what wants no handle lives with what it is given', () => {
  for (const name of WITHOUT_HANDLE) {
    for (const given of [[], [undefined, undefined], [{}, {}], [-1], [2 ** 32 - 1]]) {
      try {
        addon[name](...given);
      } catch (error) {
        assert.ok(error instanceof TypeError, name);
      }
    }
  }
  const [row] = trunkline.parse('[connections.db]\ndriver = "sqlite"\ndatabase = ":memory:"').on('db').querySync('SELECT 1 AS one');
  assert.equal(row.one, 1);
});
