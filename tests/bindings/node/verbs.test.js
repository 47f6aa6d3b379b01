'use strict';
// What statements are run by, and what they give, on each database.

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { eventually, onEach, opened, table, trunkline } = require('./support');

const plain = (result) => [...result];

onEach('verbs', (database) => {
  test('a query gives its rows as objects, and tells of them', async (t) => {
    const db = opened(t, database);
    const result = await db.on().query('SELECT 1 AS one, ? AS two', ['zwei']);
    assert.deepEqual(plain(result), [{ one: 1, two: 'zwei' }]);
    assert.ok(Array.isArray(result));
    assert.deepEqual(result.columns.map(({ name }) => name), ['one', 'two']);
    assert.equal(result.connection, 'db');
    assert.notEqual(result.endpoint, '');
    assert.deepEqual(result.sets, [result]);
  });

  test('rows may come as arrays, or by columns', async (t) => {
    const conn = opened(t, database).on();
    const sql = 'SELECT 1 AS a, 2 AS b UNION ALL SELECT 3, 4';
    assert.deepEqual(plain(await conn.query(sql, [], { rows: 'array' })), [[1, 2], [3, 4]]);
    const columns = await conn.query(sql, [], { rows: 'columns' });
    assert.deepEqual(plain(columns), [[1, 3], [2, 4]]);
    assert.equal(columns.rowCount, 2);
    const none = await conn.query('SELECT 1 AS a, 2 AS b WHERE 1 = 0', [], { rows: 'columns' });
    assert.deepEqual(plain(none), [[], []]);
  });

  test('the same, waited for here', (t) => {
    const db = opened(t, database);
    assert.deepEqual(plain(db.on().querySync('SELECT :a AS a, :b AS b', { b: 'x', a: 'y' })), [{ a: 'y', b: 'x' }]);
    assert.throws(() => db.on().querySync('SELEKT'), trunkline.StatementError);
  });

  test('many calls at once are each answered', async (t) => {
    const conn = opened(t, database).on();
    const numbers = Array.from({ length: 500 }, (_, i) => i);
    const sql = database.name === 'postgresql' ? 'SELECT ?::int AS i' : 'SELECT ? AS i';
    const answers = await Promise.all(numbers.map((i) => conn.query(sql, [i])));
    assert.deepEqual(answers.map(([row]) => row.i), numbers);
  });

  test('more calls at once than a queue has places for are refused', { skip: database.name === 'mariadb' && 'as with the others' }, async (t) => {
    const db = opened(t, database, '[connections.db.pool]\nacquire_timeout = "300s"\nmax_waiters = 50_000\n');
    const answers = await Promise.allSettled(Array.from({ length: 16_384 + 5 }, (_, i) => db.on().query('SELECT ? AS i', [`${i}`])));
    const refused = answers.filter(({ reason }) => reason !== undefined);
    assert.deepEqual(refused.map(({ reason }) => [reason.code, reason.outcome]), Array(5).fill(['busy', 'not_sent']));
    assert.ok(answers.every(({ value }, i) => value === undefined || value[0].i === `${i}`));
  });

  test('the stack of an error names the line that has failed', async (t) => {
    const conn = opened(t, database).on();
    async function ofMine() {
      await conn.query('SELEKT');
    }
    await assert.rejects(ofMine(), ({ stack }) => /ofMine.*verbs\.test\.js/.test(stack));
  });

  test('what a getter of a parameter does is no part of the statement', async (t) => {
    const db = opened(t, database);
    const parameters = { get a() { db.inspect('names'); return 'x'; } };
    const rows = [];
    for await (const row of db.on().stream('SELECT :a AS a', parameters)) rows.push(row);
    assert.deepEqual(rows, [{ a: 'x' }]);
  });

  test('a transaction whose signal was aborted is not committed', async (t) => {
    const db = opened(t, database);
    const name = await table(db, 'id INTEGER');
    const aborting = new AbortController();
    const work = async (tx) => {
      await tx.query(`INSERT INTO ${name} VALUES (1)`);
      aborting.abort();
    };
    await assert.rejects(db.on().transaction(work, { signal: aborting.signal }), { name: 'AbortError' });
    assert.deepEqual(plain(await db.on().query(`SELECT id FROM ${name}`)), []);
  });

  test('many rows are sent, and come', async (t) => {
    const db = opened(t, database);
    const name = await table(db, 'id INTEGER, name VARCHAR(20)');
    const result = await db.on().executeMany(`INSERT INTO ${name} VALUES (?, ?)`, [[1, 'a'], [2, null], [3, 'ü']]);
    assert.equal(result.affected, 3);
    const rows = Array.from({ length: 5000 }, (_, i) => [i + 10, `name ${i}`]);
    assert.equal(await db.on().load(name, ['id', 'name'], rows), 5000);
    const found = await db.on().query(`SELECT id, name FROM ${name} ORDER BY id`, [], { rows: 'array' });
    assert.deepEqual(plain(found), [[1, 'a'], [2, null], [3, 'ü'], ...rows]);
    assert.equal((await db.on().query(`UPDATE ${name} SET name = 'x' WHERE id < 3`)).affected, 2);
  });

  test('a transaction is committed, or rolled back with its savepoints', async (t) => {
    const db = opened(t, database);
    const name = await table(db, 'id INTEGER');
    const ids = async () => (await db.on().query(`SELECT id FROM ${name} ORDER BY id`)).map(({ id }) => id);
    const given = await db.on().transaction(async (tx) => {
      await tx.query(`INSERT INTO ${name} VALUES (1)`);
      await assert.rejects(tx.transaction(async (savepoint) => {
        await savepoint.query(`INSERT INTO ${name} VALUES (2)`);
        throw new Error('not this');
      }), /not this/);
      await tx.transaction((savepoint) => savepoint.query(`INSERT INTO ${name} VALUES (3)`));
      return 'given';
    });
    assert.equal(given, 'given');
    assert.deepEqual(await ids(), [1, 3]);
    await assert.rejects(db.on().transaction(async (tx) => {
      await tx.query(`INSERT INTO ${name} VALUES (4)`);
      throw new Error('nor this');
    }), /nor this/);
    const tx = await db.on().begin();
    await tx.query(`INSERT INTO ${name} VALUES (5)`);
    await tx.rollback();
    assert.deepEqual(await ids(), [1, 3]);
    await assert.rejects(tx.query('SELECT 1'), trunkline.Closed);
  });

  test('a pin keeps its session', async (t) => {
    const db = opened(t, database);
    const conn = db.on('db', { mode: 'write' });
    await conn.pin(async (session) => {
      await session.query('CREATE TEMPORARY TABLE only_here (id INTEGER)');
      assert.equal((await session.query('SELECT * FROM only_here')).length, 0);
    });
    await eventually(async () => (await db.inspect('leases')).length === 0);
    await assert.rejects(conn.query('SELECT * FROM only_here'), trunkline.StatementError);
  });

  test('a pin is busy while a transaction is open on it', async (t) => {
    const session = await opened(t, database).on('db', { mode: 'write' }).pin();
    const tx = await session.begin();
    await assert.rejects(session.query('SELECT 1'), trunkline.Busy);
    await tx.rollback();
    assert.equal((await session.query('SELECT 1 AS one'))[0].one, 1);
    session.close();
  });

  test('errors have a class, and say what became of the statement', async (t) => {
    const db = opened(t, database);
    const name = await table(db, 'id INTEGER PRIMARY KEY');
    await db.on().query(`INSERT INTO ${name} VALUES (1)`);
    await assert.rejects(db.on().query(`INSERT INTO ${name} VALUES (?)`, [1]), (error) => {
      assert.ok(error instanceof trunkline.UniqueViolation);
      assert.ok(error instanceof trunkline.IntegrityError);
      assert.ok(error instanceof trunkline.TrunklineError);
      assert.equal(error.code, 'unique_violation');
      assert.equal(error.outcome, 'refused');
      assert.equal(error.connection, 'db');
      assert.notEqual(error.native + error.sqlstate, 0);
      return true;
    });
    assert.throws(() => db.on('bd'), trunkline.NotFound);
  });

  test('what is aborted is cancelled, and its session is used again', async (t) => {
    const db = opened(t, database, '[connections.db.pool]\nmax = 1\n');
    const abort = new AbortController();
    const running = db.on().query(database.endless, [], { signal: abort.signal });
    await eventually(async () => (await db.inspect('leases')).length > 0);
    const reason = new Error('enough');
    abort.abort(reason);
    await assert.rejects(running, (error) => error.name === 'AbortError' && error.cause === reason
      && error instanceof trunkline.Cancelled);
    assert.deepEqual(plain(await db.on().query('SELECT 1 AS a')), [{ a: 1 }]);
    await assert.rejects(db.on().query('SELECT 1', [], { signal: AbortSignal.abort() }), { name: 'AbortError' });
  });

  test('time is limited', async (t) => {
    const db = opened(t, database);
    await db.connect();
    await assert.rejects(db.on().query(database.endless, [], { timeout: 500 }), trunkline.StatementTimeout);
    await assert.rejects(db.on().query('SELECT 1', [], { timeout: -1 }), TypeError);
  });

  test('a stream is read as it is asked for, and may be left', async (t) => {
    const db = opened(t, database, '[connections.db.pool]\nmax = 1\n');
    const stream = db.on().stream(database.manyRows, [100_000], { batchRows: 100 });
    let sum = 0;
    for await (const { i } of stream) {
      sum += i;
      if (i === 250) break;
    }
    assert.equal(sum, 31375);
    assert.deepEqual(stream.columns.map(({ name }) => name), ['i']);
    let rows = 0;
    for await (const batch of db.on().stream(database.manyRows, [10_000]).batches()) rows += batch.length;
    assert.equal(rows, 10_000);
  });

  test('large answers come whole', async (t) => {
    const result = await opened(t, database).on().query(database.manyRows, [150_000], { rows: 'columns' });
    assert.deepEqual(result[0], Array.from({ length: 150_000 }, (_, i) => i + 1));
  });
});
