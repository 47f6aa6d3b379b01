'use strict';
// The registry: names that come and go, what it tells of them, and what it asks the application.

const assert = require('node:assert/strict');
const { AsyncLocalStorage } = require('node:async_hooks');
const { once } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { setTimeout } = require('node:timers/promises');

const { POSTGRESQL, SQLITE, eventually, folder, onEach, opened, table, trunkline } = require('./support');

const ASYNC_DISPOSE = Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose');

function settingsOf(t, more = {}) {
  return { driver: 'sqlite', database: path.join(folder(t), 'more.db'), ...more };
}

onEach('the registry', (database) => {
  test('names are added, changed and removed', async (t) => {
    const db = opened(t, database);
    assert.deepEqual(db.names(), ['db']);
    const settings = settingsOf(t, { pool: { max: 3 } });
    assert.equal(db.add('more', settings), true);
    assert.equal(db.add('more', settings), false);
    assert.throws(() => db.add('more', { ...settings, pool: { max: 4 } }), trunkline.ConfigurationError);
    assert.throws(() => db.add('wrong', { driver: undefined, port: NaN }), TypeError);
    assert.ok(db.has('more') && !db.has('less'));
    const conn = db.on('more');
    assert.equal(db.on('more'), conn);
    await conn.query('CREATE TABLE t (id INTEGER)');
    assert.equal(await db.patch('more', { pool: { max: 5 } }, { verify: true }), true);
    assert.equal(await db.patch('more', 'pool.max = 5'), false);
    assert.equal((await conn.query('SELECT * FROM t')).length, 0);
    assert.equal(db.stats('more').find(({ role }) => role === 'replica').max, 5);
    assert.equal(await db.remove('more'), true);
    assert.equal(await db.remove('more'), false);
    await assert.rejects(conn.query('SELECT 1'), trunkline.Closed);
    assert.throws(() => db.on('more'), (error) => error instanceof trunkline.NotFound && error.code === 'not_found');
  });

  test('connections are opened, closed and reopened', async (t) => {
    const db = opened(t, database);
    const state = async () => (await db.inspect('connections', 'db'))[0].state;
    assert.equal(await state(), 'registered');
    await db.connect('db', { timeout: 30_000 });
    assert.equal(await state(), 'open');
    db.trim('db');
    await eventually(() => db.stats('db').every(({ idle }) => idle === 0));
    await db.close('db');
    assert.equal(await state(), 'closed');
    await assert.rejects(db.on().query('SELECT 1'), trunkline.Closed);
    await db.connectAll();
    assert.equal((await db.on().query('SELECT 1 AS one'))[0].one, 1);
    await db.close('db', { release: true });
    assert.deepEqual(db.names(), []);
    db.add('db', database.toml(t).split('\n').slice(1).join('\n'));
  });

  test('what is no name, signal or time is refused', async (t) => {
    const db = opened(t, database);
    assert.throws(() => db.on(5), TypeError);
    await assert.rejects(db.close(5), TypeError);
    await assert.rejects(db.close('db', { release: true, signal: {} }), TypeError);
    assert.throws(() => db.trim({}), TypeError);
    const naming = /^TypeError: the name of a connection is a string, not /;
    for (const wrong of [undefined, null, 5, {}]) {
      assert.throws(() => db.has(wrong), naming);
      assert.throws(() => db.add(wrong, settingsOf(t)), naming);
      await assert.rejects(db.remove(wrong), naming);
      await assert.rejects(db.close(wrong, { release: true }), naming);
    }
    assert.deepEqual(db.names(), ['db']);
    await assert.rejects(db.on().query('SELECT 1', [], { signal: 'x' }), TypeError);
    await assert.rejects(db.on().query('SELECT 1', [], { timeout: '5' }), TypeError);
    await assert.rejects(db.on().stream('SELECT 1', [], { batchRows: 0 }).batches().next(), TypeError);
    assert.equal((await db.on().query('SELECT 1 AS one', [], { timeout: 1e300 }))[0].one, 1);
  });

  test('a thousand callers of what answers at once leave timers their turn', async (t) => {
    const db = opened(t, database);
    const deadline = Date.now() + 30_000;
    let ticks = 0;
    const timer = setInterval(() => ++ticks, 1);
    t.after(() => clearInterval(timer));
    await Promise.all(Array.from({ length: 1000 }, async () => {
      while (ticks < 20 && Date.now() < deadline) await db.inspect('names');
    }));
    assert.ok(ticks >= 20, `${ticks} in half a minute`);
  });

  test('the file is read again', async (t) => {
    const file = path.join(folder(t), 'trunkline.toml');
    const one = `[connections.one]\ndriver = "sqlite"\ndatabase = ":memory:"\n`;
    fs.writeFileSync(file, one);
    const db = trunkline.open(file);
    t.after(() => db.close());
    assert.deepEqual(db.names(), ['one']);
    fs.writeFileSync(file, one + one.replace('connections.one', 'connections.two'));
    assert.deepEqual((await db.reload()).map(({ name, change }) => [name, change]), [['two', 'added']]);
    assert.deepEqual(db.names(), ['one', 'two']);
    fs.writeFileSync(file, 'connections = 5');
    await assert.rejects(db.reload(), trunkline.ConfigurationError);
    assert.throws(() => trunkline.open(path.join(folder(t), 'none.toml')), trunkline.NotFound);
  });

  test('what is wrong with a configuration is told with its place', () => {
    assert.throws(() => trunkline.parse('[connections.x]\ndrivr = "sqlite"', { source: 'here.toml' }), (error) => {
      assert.ok(error instanceof trunkline.ConfigurationError);
      const details = new Map(error.details);
      assert.equal(details.get('line'), '2');
      assert.match(details.get('file'), /here\.toml$/);
      return true;
    });
  });

  test('health, figures and metrics are told', async (t) => {
    const db = opened(t, database);
    const before = await db.health();
    assert.ok(before.ok);
    assert.equal(before.connections.db.status, 'unknown');
    const after = await db.health({ name: 'db', open: true, timeout: 30_000 });
    assert.equal(after.connections.db.status, 'healthy');
    assert.equal(typeof after.connections.db.endpoints[0].latency, 'number');
    assert.equal(after.connections.db.endpoints[0].maxOverflow, 0);
    assert.match(db.metrics(), /^# HELP trunkline_/m);
    const [pool] = db.stats();
    assert.equal(pool.connection, 'db');
    assert.equal(pool.dialFailures, 0);
    assert.ok((await db.on().explain('SELECT 1')).some(({ choice }) => choice === 1));
  });

  test('using() names the connection for what fn awaits', async (t) => {
    const db = opened(t, database);
    db.add('more', settingsOf(t));
    const name = async () => {
      await setTimeout(1);
      return (await db.on().query('SELECT 1')).connection;
    };
    const [inside, nested, outside] = await Promise.all([
      db.using('more', name),
      db.using('more', () => db.using('db', name)),
      name(),
    ]);
    assert.deepEqual([inside, nested, outside], ['more', 'db', 'db']);
    assert.equal(db.using('more', (conn) => conn === db.on('more')), true);
  });

  test('a subscription that has ended leaves the calls of others alone, and listeners may all be removed', async (t) => {
    const db = opened(t, database);
    const stop = db.resolver(() => null);
    stop();
    await setTimeout(50);
    const statement = db.on().query('SELECT 1 AS one');
    stop();
    assert.deepEqual([...await statement], [{ one: 1 }]);
    db.events.on('query', () => undefined);
    db.events.removeAllListeners();
    const [[event]] = await Promise.all([once(db.events, 'query'), db.on().query('SELECT 2 AS two')]);
    assert.match(event.statement, /two/);
  });

  test('a resolver may throw what it likes, and names are what they are', async (t) => {
    const db = opened(t, database);
    const warned = once(process, 'warning');
    const stop = db.resolver(() => { throw Symbol('mine'); });
    await assert.rejects(db.on('missing').query('SELECT 1'), trunkline.Unavailable);
    await warned;
    stop();
    db.add('__proto__', settingsOf(t));
    assert.ok(Object.hasOwn((await db.health()).connections, '__proto__'));
  });

  test('events are told while somebody listens', async (t) => {
    const db = opened(t, database);
    const conn = db.on().tag('of the test');
    const [event] = await Promise.all([once(db.events, 'query'), conn.query('SELECT ? AS one', [1])]).then(([told]) => told);
    assert.equal(event.kind, 'query');
    assert.equal(event.connection, 'db');
    assert.equal(event.statement, 'SELECT ? AS one');
    assert.equal(event.tag, 'of the test');
    assert.equal(event.lost, 0);
    assert.ok(event.at instanceof Date && event.duration >= 0);
    const told = [];
    const listener = ({ statement }) => told.push(statement);
    db.events.on('query', listener);
    const long = `SELECT '${'x'.repeat(2_000_000)}'`;
    await conn.query(long);
    await eventually(() => told.length === 1);
    assert.deepEqual(told, [long]);
    db.events.off('query', listener);
    await conn.query('SELECT 2');
    const [last] = await Promise.all([once(db.events, 'query'), conn.query('SELECT 3')]).then(([found]) => found);
    assert.equal(last.statement, 'SELECT 3');
    assert.deepEqual(told, [long]);
  });

  test('the application is asked for names', async (t) => {
    const db = opened(t, database);
    const asked = [];
    const settings = settingsOf(t);
    const end = db.resolver(async (name) => {
      asked.push(name);
      await setTimeout(1);
      if (name === 'broken') throw new Error('not this one');
      return name === 'tenant' ? settings : null;
    });
    const answers = await Promise.all([1, 2, 3].map(() => db.on('tenant').query('SELECT 1 AS one')));
    assert.deepEqual(answers.map(([row]) => row.one), [1, 1, 1]);
    assert.deepEqual(asked, ['tenant']);
    await assert.rejects(db.on('nobody').query('SELECT 1'), trunkline.NotFound);
    const warned = once(process, 'warning');
    await assert.rejects(db.on('broken').query('SELECT 1'), trunkline.Unavailable);
    assert.match((await warned)[0].message, /not this one/);
    end();
    await eventually(() => {
      try {
        db.on('another');
        return false;
      } catch (error) {
        return error instanceof trunkline.NotFound;
      }
    });
  });

  test('settings that cannot be sent are an answer, too', async (t) => {
    const db = opened(t, database);
    const warned = once(process, 'warning');
    const end = db.resolver(() => `driver = "\ud800"`);
    await assert.rejects(db.on('broken').query('SELECT 1'), (error) => error instanceof trunkline.ConfigurationError
      && /the text is not valid Unicode/.test(error.message));
    assert.match((await warned)[0].message, /not valid Unicode/);
    end();
  });

  test('who listens or answers does so in the asynchronous context in which that was asked for', async (t) => {
    const db = opened(t, database);
    const context = new AsyncLocalStorage();
    const told = [];
    const listener = (by) => () => told.push([by, context.getStore()]);
    const kept = listener('on');
    const once_ = listener('once');
    context.run('of on', () => db.events.on('query', kept));
    context.run('of once', () => db.events.once('query', once_));
    context.run('of first', () => db.events.prependOnceListener('query', listener('first')));
    const settings = settingsOf(t);
    const end = context.run('of the resolver', () => db.resolver((name) => {
      told.push([name, context.getStore()]);
      return settings;
    }));
    await context.run('of the caller', () => db.on('tenant').query('SELECT 1'));
    await eventually(() => told.length === 4);
    assert.deepEqual(told.splice(0), [['tenant', 'of the resolver'], ['first', 'of first'], ['on', 'of on'], ['once', 'of once']]);
    assert.deepEqual(db.events.listeners('query'), [kept]);
    await db.on().query('SELECT 2');
    await eventually(() => told.length === 1);
    assert.deepEqual(told.splice(0), [['on', 'of on']]);
    db.events.once('query', once_);
    db.events.off('query', once_);
    db.events.off('query', kept);
    assert.equal(db.events.listenerCount('query'), 0);
    assert.throws(() => db.events.on('query', 5), TypeError);
    end();
  });

  test('a handle that is left goes away with its work', async (t) => {
    const db = opened(t, database, '[connections.db.pool]\nmax = 2\n');
    const session = await db.on().pin();
    assert.equal((await session.query('SELECT 1 AS one'))[0].one, 1);
    await session[ASYNC_DISPOSE]();
    await assert.rejects(session.query('SELECT 1'), trunkline.Closed);
    const tx = await db.on().begin();
    await tx.query('SELECT 1');
    await tx[ASYNC_DISPOSE]();
    await tx[ASYNC_DISPOSE]();
    await eventually(async () => (await db.inspect('leases')).length === 0);
  });

  test('keys without effect are warned of', async () => {
    const warned = once(process, 'warning');
    trunkline.parse('[connections.x]\ndriver = "sqlite"\ndatabase = ":memory:"\n[connections.x.migrations]\ntable = "x"\n');
    const [warning] = await warned;
    assert.equal(warning.name, 'TrunklineConfigWarning');
  });
}, [SQLITE]);

onEach('the registry', (database) => {
  test('the application is asked for credentials', async (t) => {
    const { env } = process;
    const asked = [];
    const db = opened(t, {
      toml: () => `[connections.db]\ndriver = "postgresql"\nhost = "127.0.0.1"\nport = ${env.TL_PG_PORT}
database = "${env.TL_PG_DATABASE}"\nuser = "${env.TL_PG_SCRAM_USER}"\ncredentials = "ask"\n`,
    });
    await assert.rejects(db.on().query('SELECT 1'), trunkline.AuthenticationError);
    const end = db.credentials((name) => {
      asked.push(name);
      return { user: env.TL_PG_SCRAM_USER, password: env.TL_PG_SCRAM_PASSWORD, valid: 60_000 };
    });
    assert.equal((await db.on().query('SELECT current_user AS me'))[0].me, env.TL_PG_SCRAM_USER);
    assert.deepEqual(asked, ['db']);
    end();
  });

  test('a transaction is run again after a serialization failure, as often as was said', async (t) => {
    const db = opened(t, database);
    const name = await table(db, 'v INTEGER');
    await db.on().query(`INSERT INTO ${name} VALUES (0)`);
    let runs = 0;
    const conflicting = (times) => async (tx) => {
      await tx.query(`SELECT v FROM ${name}`);
      if (++runs <= times) await db.on().query(`UPDATE ${name} SET v = v + 1`);
      await tx.query(`UPDATE ${name} SET v = v + 10`);
      return runs;
    };
    assert.equal(await db.on().transaction(conflicting(2), { retry: 3, isolation: 'repeatable read' }), 3);
    runs = 0;
    const again = db.on().transaction(conflicting(9), { retry: 1, isolation: 'repeatable read' });
    await assert.rejects(again, trunkline.SerializationFailure);
    assert.equal(runs, 2);
    assert.equal((await db.on().query(`SELECT v FROM ${name}`))[0].v, 14);
    await assert.rejects(db.on().transaction((tx) => tx.transaction(() => 1, { retry: 1 })), trunkline.Misuse);
    await assert.rejects(db.on().transaction((tx) => tx.query('CREATE TABLE no (i int)'), { readOnly: true }), trunkline.ReadOnlyError);
    await assert.rejects(db.on().transaction(() => 1, { isolation: 'none' }), TypeError);
  });

  test('a stream holds its session until it is read or left, and reads no further than it is asked', async (t) => {
    const db = opened(t, database, '[connections.db.pool]\nmax = 1\n');
    const rows = db.on().stream('SELECT i, pg_sleep(0)::text FROM generate_series(1, 1000000) AS i', [], { batchRows: 100 });
    const reading = rows[Symbol.asyncIterator]();
    assert.equal((await reading.next()).value.i, 1);
    await assert.rejects(db.on().query('SELECT 1', [], { timeout: 200 }), trunkline.AcquireTimeout);
    await reading.return();
    assert.equal((await db.on().query('SELECT 1 AS one'))[0].one, 1);
    const abort = new AbortController();
    await assert.rejects(async () => {
      for await (const { i } of db.on().stream('SELECT i FROM generate_series(1, 1000000) AS i', [], { batchRows: 100, signal: abort.signal })) {
        if (i === 150) abort.abort();
      }
    }, { name: 'AbortError' });
    const shared = db.on().stream('SELECT i FROM generate_series(1, 1000) AS i', [], { batchRows: 10 });
    const shares = await Promise.all([1, 2].map(async () => {
      const own = [];
      for await (const { i } of shared) own.push(i);
      return own;
    }));
    assert.equal(new Set(shares.flat()).size, 1000);
    assert.equal(shares.flat().length, 1000);
    const left = db.on().stream('SELECT pg_sleep(600)');
    const waits = left.batches().next();
    await eventually(async () => (await db.inspect('leases')).length === 1);
    left.close();
    assert.deepEqual(await waits, { value: undefined, done: true });
    await assert.rejects(db.on().stream('SELEKT').batches().next(), trunkline.StatementError);
    const sets = db.on().stream('SELECT 1 AS a; SELECT 2 AS b');
    const all = [];
    do {
      for await (const row of sets) all.push(row);
    } while (await sets.nextSet());
    assert.deepEqual(all, [{ a: 1 }, { b: 2 }]);
    assert.equal((await db.on().query('SELECT 1 AS one'))[0].one, 1);
  });
}, [POSTGRESQL]);
