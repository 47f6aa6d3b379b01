'use strict';
// Streams that are left: before their first row, between two, while a read is under way, within a transaction.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { Readable } = require('node:stream');
const { test } = require('node:test');

const { eventually, onEach, opened, table, trunkline } = require('./support');

const ASYNC_DISPOSE = Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose');
const OVER = { value: undefined, done: true };
const ONE = '[connections.db.pool]\nmax = 1\n';
const TEST = { timeout: 120_000 };

// An endless statement of which nothing comes, and the promise of its first row.
async function reading(db, conn, database) {
  const rows = conn.stream(database.endless)[Symbol.asyncIterator]();
  const first = rows.next();
  await eventually(async () => (await db.inspect('leases')).length > 0);
  return [rows, first];
}

async function answers(db) {
  assert.equal((await db.on().query('SELECT 1 AS one'))[0].one, 1);
}

onEach('streams', (database) => {
  test('an iterator gives rows in the order in which they are asked for, and ends', TEST, async (t) => {
    const db = opened(t, database);
    const rows = db.on().stream(database.manyRows, [10], { batchRows: 3 })[Symbol.asyncIterator]();
    assert.equal(rows[Symbol.asyncIterator](), rows);
    const asked = await Promise.all(Array.from({ length: 12 }, () => rows.next()));
    assert.deepEqual(asked.slice(0, 10).map(({ value, done }) => [value.i, done]), Array.from({ length: 10 }, (_, i) => [i + 1, false]));
    assert.deepEqual(asked.slice(10), [OVER, OVER]);
    assert.deepEqual(await rows.next(), OVER);
    assert.deepEqual(await rows.return('given'), { value: 'given', done: true });
  });

  test('who is told to throw, or is disposed of, lets go', TEST, async (t) => {
    const db = opened(t, database, ONE);
    for (const leave of [(rows) => assert.rejects(rows.throw(new Error('mine')), /mine/), (rows) => rows[ASYNC_DISPOSE]()]) {
      const rows = db.on().stream(database.manyRows, [10_000], { batchRows: 3 }).batches();
      assert.equal((await rows.next()).value.length, 3);
      await leave(rows);
      assert.deepEqual(await rows.next(), OVER);
      await answers(db);
    }
  });

  test('a failure is that of all who read, and then it has ended', TEST, async (t) => {
    const db = opened(t, database, ONE);
    const stream = db.on().stream('SELEKT');
    const loops = [stream.batches(), stream[Symbol.asyncIterator]()];
    const asked = loops.flatMap((loop) => [loop.next(), loop.next()]);
    const told = (await Promise.allSettled(asked)).map(({ value, reason }) => value ?? reason.code);
    assert.deepEqual(told, ['statement', OVER, 'statement', OVER]);
    await assert.rejects(stream.batches().next(), trunkline.StatementError);
    await answers(db);
  });

  test('who leaves while a read is under way does not wait for it', TEST, async (t) => {
    const db = opened(t, database, ONE);
    for (const leave of [(rows) => rows.return(), (rows) => assert.rejects(rows.throw(new Error('mine')), /mine/)]) {
      const [rows, first] = await reading(db, db.on(), database);
      await leave(rows);
      assert.deepEqual(await first, OVER);
      await answers(db);
    }
  });

  test('a loop ends when its stream is closed in the middle of a read', TEST, async (t) => {
    const db = opened(t, database, ONE);
    const stream = db.on().stream(database.endless);
    const loop = (async () => {
      for await (const row of stream) assert.fail(row);
      return 'ended';
    })();
    const moved = stream.nextSet();
    await eventually(async () => (await db.inspect('leases')).length > 0);
    stream.close();
    assert.equal(await loop, 'ended');
    assert.equal(await moved, false);
    await answers(db);
  });

  test('a Readable that is destroyed in the middle of a read lets go', TEST, async (t) => {
    const db = opened(t, database, ONE);
    const readable = Readable.from(db.on().stream(database.endless));
    readable.read();
    await eventually(async () => (await db.inspect('leases')).length > 0);
    readable.destroy();
    await once(readable, 'close');
    await answers(db);
  });

  test('a transaction goes on after a stream that was left, wherever that was', TEST, async (t) => {
    const db = opened(t, database);
    const name = await table(db, 'id INTEGER');
    await db.on().transaction(async (tx) => {
      const insert = (id) => tx.query(`INSERT INTO ${name} VALUES (${id})`);
      await insert(1);
      for await (const { i } of tx.stream(database.slowRows, [], { batchRows: 4 })) if (i === 2) break;
      await insert(2);
      const between = tx.stream(database.slowRows, [], { batchRows: 4 })[Symbol.asyncIterator]();
      for (let i = 0; i < 4; ++i) await between.next();
      const pending = between.next();
      await between.return();
      assert.deepEqual(await pending, OVER);
      await insert(3);
      const beginning = tx.stream(database.slowRows).batches();
      const first = beginning.next();
      await db.inspect('names'); // it is sent
      await beginning.return();
      assert.deepEqual(await first, OVER);
      await tx.transaction((savepoint) => savepoint.query(`INSERT INTO ${name} VALUES (4)`));
    });
    assert.deepEqual((await db.on().query(`SELECT id FROM ${name} ORDER BY id`)).map(({ id }) => id), [1, 2, 3, 4]);
  });

  test('a rollback does not wait for a stream that was left', TEST, async (t) => {
    const db = opened(t, database, ONE);
    const name = await table(db, 'id INTEGER');
    await assert.rejects(db.on().transaction(async (tx) => {
      await tx.query(`INSERT INTO ${name} VALUES (1)`);
      const [rows, first] = await reading(db, tx, database);
      await rows.return();
      assert.deepEqual(await first, OVER);
      throw new Error('mine');
    }), /mine/);
    assert.equal((await db.on().query(`SELECT count(*) AS n FROM ${name}`))[0].n, 0);
  });
});
