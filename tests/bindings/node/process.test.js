'use strict';
// The process around the binding: it ends when nothing is pending, loads the package in both ways, has TLS, and workers of
// its own.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { promisify } = require('node:util');

const { POSTGRESQL, eventually, folder, onEach, opened } = require('./support');

const PACKAGE = path.join(__dirname, '..', '..', '..', 'bindings', 'node');
const PATIENCE = 60_000;

// What a program prints; it must end by itself, in order.
async function printed(code, database, t, { flags = [], env: more = {} } = {}) {
  const env = { ...process.env, ...more, TOML: `default = "db"\n${database.toml(t)}`, PACKAGE };
  const run = promisify(execFile)(process.execPath, [...flags, '-e', code], { env, timeout: PATIENCE });
  const { stdout, stderr } = await run;
  assert.equal(stderr, '');
  return stdout.trim();
}

const OPEN = 'const trunkline = require(process.env.PACKAGE); const db = trunkline.parse(process.env.TOML);';

onEach('the process', (database) => {
  test('ends when nothing is pending, though sessions are open', async (t) => {
    assert.equal(await printed(`${OPEN} db.on().query('SELECT 1 AS one').then(([row]) => console.log(row.one));`, database, t), '1');
  });

  test('does not end while a call is pending', async (t) => {
    const wait = { sqlite: 'SELECT 1', postgresql: 'SELECT pg_sleep(0.3)', mariadb: 'SELECT SLEEP(0.3)' }[database.name];
    assert.equal(await printed(`${OPEN} db.on().query('${wait}').then(() => console.log('done'));`, database, t), 'done');
  });

  test('is kept by nobody who listens, nor by questions that may come', async (t) => {
    const code = `${OPEN}
      db.events.on('query', ({ statement }) => console.log(statement));
      db.resolver(() => null);
      db.on().query('SELECT 41');`;
    assert.match(await printed(code, database, t), /^(SELECT 41)?$/);
  });

  test('ends in order while streams, transactions and pins are left alone', async (t) => {
    const code = `${OPEN} (async () => {
      const stream = db.on().stream(${JSON.stringify(database.manyRows)}, [10000], { batchRows: 10 });
      await stream[Symbol.asyncIterator]().next();
      await db.on().pin();
      const tx = await db.on('db', { mode: 'read' }).begin({ readOnly: true });
      await tx.query('SELECT 1');
      console.log('left');
    })();`;
    assert.equal(await printed(code, database, t), 'left');
  });

  test('may be ended by a listener', async (t) => {
    const code = `${OPEN} db.events.on('checkout', () => { console.log('out'); process.exit(0); });
      db.on().query(${JSON.stringify(database.endless)});`;
    assert.equal(await printed(code, database, t), 'out');
    const WORKER = code.replace("console.log('out'); process.exit(0)", 'process.exit(3)');
    const starts = `const { Worker } = require('node:worker_threads');
      new Worker(process.env.WORKER, { eval: true }).on('exit', (status) => console.log(status));`;
    assert.equal(await printed(starts, database, t, { env: { WORKER } }), '3');
  });

  test('may be ended while a statement runs, and leaves none at the server', async (t) => {
    const mark = `of a process that ${process.pid} has begun`;
    const code = `${OPEN} db.on().query(process.env.ENDLESS);
      (async () => {
        if (process.env.RUNNING) while ((await db.on().query(process.env.RUNNING, [process.env.MARK]))[0].n === 0);
        console.log('out');
        process.on('exit', () => console.log(db.on().querySync('SELECT 1 AS one')[0].one));
        process.exit(0);
      })();`;
    const env = { ENDLESS: `${database.endless} /* ${mark} */`, RUNNING: database.running ?? '', MARK: mark };
    assert.equal(await printed(code, database, t, { env }), 'out\n1');
    if (database.running === undefined) return;
    const own = opened(t, database);
    await eventually(async () => (await own.on().query(database.running, [mark]))[0].n === 0);
  });

  test('an error of a listener is not caught, and costs nobody an answer', async (t) => {
    const code = `${OPEN}
      process.on('uncaughtException', (error) => console.log(error.message));
      db.events.on('checkout', () => { throw new Error('of a listener'); });
      db.on().query('SELECT 1 AS one').then(([row]) => console.log(row.one)).then(() => db.close());`;
    const lines = (await printed(code, database, t)).split('\n');
    assert.ok(lines.includes('of a listener') && lines.includes('1'), lines.join(' | '));
  });

  test('the asynchronous context in which the package is loaded first is nothing to it', async (t) => {
    const code = `const { AsyncLocalStorage } = require('node:async_hooks');
      const context = new AsyncLocalStorage();
      const loaded = (name) => { // a reference to the store in which it is
        const store = {};
        context.run(store, () => require(name));
        return new WeakRef(store);
      };
      const [own, nodes] = [loaded(process.env.PACKAGE), loaded('node:repl')]; // which Node 18 itself keeps
      const db = require(process.env.PACKAGE).parse(process.env.TOML);
      db.events.once('query', () => console.log(context.getStore()));
      db.on().query('SELECT 1').then(() => db.close()).then(() => setImmediate(() => {
        gc();
        console.log(own.deref() === undefined || nodes.deref() !== undefined);
      }));`;
    assert.equal(await printed(code, database, t, { flags: ['--expose-gc'] }), 'undefined\ntrue');
  });

  test('a queue that nobody can watch is an error, and no call that never ends', async (t) => {
    const library = path.join(folder(t), 'unwatchable.so');
    const source = path.join(__dirname, 'programs', 'unwatchable.c');
    try {
      await promisify(execFile)('cc', ['-shared', '-fPIC', '-o', library, source]);
    } catch (failure) {
      if (failure.code !== 'ENOENT') throw failure;
      return t.skip('no C compiler is here');
    }
    const code = `${OPEN} (async () => {
      for (let i = 0; i < 2; ++i) {
        await db.on().query('SELECT 1').catch((error) => console.log(error.code, error.outcome, error.message));
      }
      console.log(db.on().querySync('SELECT 2 AS two')[0].two);
    })();`;
    const env = { ...process.env, TOML: `default = "db"\n${database.toml(t)}`, PACKAGE,
      LD_PRELOAD: `${library} ${process.env.TRUNKLINE_LIBRARY}` };
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', code], { env, timeout: PATIENCE });
    const line = 'resource not_sent the queue cannot be watched: operation not permitted';
    assert.equal(stdout, `${line}\n${line}\n2\n`);
    return undefined;
  });

  test('the package is imported and required', async (t) => {
    const url = JSON.stringify(`file://${PACKAGE}/index.mjs`);
    const code = `import trunkline, { parse, UniqueViolation, TrunklineError } from ${url};
      import { createRequire } from 'node:module';
      const required = createRequire(import.meta.url)(process.env.PACKAGE);
      const named = await import(${url});
      console.log(parse === required.parse, UniqueViolation.prototype instanceof TrunklineError,
        trunkline === required, Object.keys(required).filter((name) => !(name in named)).join());`;
    assert.equal(await printed(code, database, t, { flags: ['--input-type=module'] }), 'true true true');
  });

  test('rows are the same where no code may be made at run time', async (t) => {
    const code = `${OPEN} const conn = db.on();
      const sql = 'SELECT 1 AS "a b", 2 AS "__proto__" UNION ALL SELECT 3, 4';
      const own = (row) => Object.entries(row).join(' ');
      console.log([...conn.querySync(sql).map(own), own(conn.querySync('SELECT 5 AS "__proto__"')[0])].join(' | '));`;
    for (const flags of [[], ['--disallow-code-generation-from-strings']]) {
      assert.equal(await printed(code, database, t, { flags }), 'a b,1 __proto__,2 | a b,3 __proto__,4 | __proto__,5');
    }
  });

  test('no threads of libuv are used', async (t) => {
    const code = `const fs = require('node:fs');
      const threads = () => fs.readdirSync('/proc/self/task')
        .filter((id) => !fs.readFileSync('/proc/self/task/' + id + '/comm', 'utf8').startsWith('tl-')).length;
      const before = threads();
      ${OPEN}
      db.on().query('SELECT 1').then(() => console.log(threads() - before));`;
    assert.equal(await printed(code, database, t), '0');
  });
});

onEach('TLS', (database) => {
  test('PostgreSQL is reached through TLS by the OpenSSL that libpq was built with', async (t) => {
    const { env } = process;
    const db = opened(t, {
      toml: () => `[connections.db]\ndriver = "postgresql"\nhost = "localhost"\nport = ${env.TL_PG_PORT}
database = "${env.TL_PG_DATABASE}"\nuser = "${env.TL_PG_SCRAM_USER}"\npassword = "${env.TL_PG_SCRAM_PASSWORD}"
sslmode = "verify-full"\nca = "${env.TL_PG_CA}"\n`,
    });
    const [row] = await db.on().query('SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()');
    assert.deepEqual(row, { ssl: true, version: 'TLSv1.3' });
    const long = await db.on().query("SELECT repeat('x', 10000) AS x FROM generate_series(1, 500)");
    assert.equal(long.length, 500);
    // Node's own TLS works beside it.
    assert.match(require('node:crypto').createHash('sha256').update('x').digest('hex'), /^2d711642/);
  });
}, [POSTGRESQL]);

const CLUSTER = `
  const cluster = require('node:cluster');
  const fs = require('node:fs');
  const threads = () => fs.readdirSync('/proc/self/task')
    .filter((id) => fs.readFileSync('/proc/self/task/' + id + '/comm', 'utf8').startsWith('tl-')).length;
  if (cluster.isPrimary) {
    const told = { pids: [], codes: [], threads: 0 };
    for (let i = 0; i < 4; ++i) cluster.fork();
    cluster.on('message', (worker, pids) => {
      if (told.pids.push(pids) === 4) for (const each of Object.values(cluster.workers)) each.send('end');
    });
    cluster.on('exit', (worker, code) => {
      told.threads = threads();
      if (told.codes.push(code) === 4) console.log(JSON.stringify(told));
    });
  } else {
    ${OPEN}
    const query = () => db.on().query('SELECT pg_backend_pid() AS pid, pg_sleep(0.02)::text');
    Promise.all(Array.from({ length: 20 }, query)).then((found) => {
      process.once('message', () => db.close().then(() => process.disconnect()));
      process.send([...new Set(found.map(([{ pid }]) => pid))]);
    });
  }`;

onEach('cluster', (database) => {
  test('four workers have pools of their own, and the primary has none', async (t) => {
    const file = path.join(folder(t), 'cluster.js');
    fs.writeFileSync(file, CLUSTER);
    const env = { ...process.env, TOML: `default = "db"\n${database.toml(t, '[connections.db.pool]\nmax = 3\n')}`, PACKAGE };
    const { stdout } = await promisify(execFile)(process.execPath, [file], { env, timeout: PATIENCE });
    const { pids, codes, threads } = JSON.parse(stdout);
    assert.deepEqual(codes, [0, 0, 0, 0]);
    assert.equal(threads, 0); // of the library, in the primary
    assert.ok(pids.every((own) => own.length > 0 && own.length <= 3), JSON.stringify(pids));
    assert.equal(new Set(pids.flat()).size, pids.flat().length);
  });
}, [POSTGRESQL]);
