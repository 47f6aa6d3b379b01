'use strict';
// Worker threads: each has the library to itself, and may be ended in the middle of anything.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const path = require('node:path');
const { test } = require('node:test');
const { Worker } = require('node:worker_threads');

const { eventually, onEach, opened } = require('./support');

const TIMES = process.env.TRUNKLINE_SOAK ? 100 : 10;

onEach('workers', (database) => {
  test('a worker is ended in the middle of its statements, many times', async (t) => {
    const toml = `default = "db"\n${database.toml(t)}\n[connections.db.pool]\nmax = 4\n`
      + database.toml(t).replace('connections.db', 'connections.other');
    const mark = `of worker ${process.pid}`;
    for (let i = 0; i < TIMES; ++i) {
      const workerData = { toml, endless: `${database.endless} /* ${mark} */`, manyRows: database.manyRows };
      const worker = new Worker(path.join(__dirname, 'programs', 'worker.js'), { workerData });
      await Promise.race([once(worker, 'message'), once(worker, 'error').then(([error]) => { throw error; })]);
      await worker.terminate();
    }
    const own = opened(t, database);
    if (database.running !== undefined) {
      await eventually(async () => (await own.on().query(database.running, [mark]))[0].n === 0);
    }
    assert.equal((await own.on().query('SELECT 1 AS one'))[0].one, 1);
  });

  test('the main thread and workers use their own registries at once', async (t) => {
    const db = opened(t, database);
    const code = `
      const { parentPort, workerData } = require('node:worker_threads');
      const trunkline = require(workerData.package);
      const db = trunkline.parse(workerData.toml);
      db.on('db').query('SELECT 2 AS two').then(([row]) => parentPort.postMessage(row));`;
    const workerData = { toml: database.toml(t), package: path.dirname(require.resolve('../../../bindings/node/package.json')) };
    const workers = [1, 2, 3].map(() => new Worker(code, { eval: true, workerData }));
    const ends = workers.map((worker) => once(worker, 'exit'));
    const rows = await Promise.all(workers.map((worker) => once(worker, 'message')));
    assert.deepEqual(rows.map(([row]) => row.two), [2, 2, 2]);
    assert.equal((await db.on().query('SELECT 1 AS one'))[0].one, 1);
    assert.deepEqual((await Promise.all(ends)).map(([code_]) => code_), [0, 0, 0]);
  });
});

