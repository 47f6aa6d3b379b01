'use strict';
// A worker that is in the middle of everything when it is ended: statements that run, wait for a session and stream.

const { parentPort, workerData } = require('node:worker_threads');

const trunkline = require('../../../../bindings/node');

const { toml, endless, manyRows } = workerData;

async function main() {
  const db = trunkline.parse(toml);
  db.events.on('query', () => undefined);
  const ignored = (promise) => promise.catch(() => undefined);
  const began = new Promise((resolve) => db.events.once('checkout', resolve));
  for (let i = 0; i < 8; ++i) ignored(db.on().query(endless));
  ignored(db.on().transaction((tx) => tx.query(endless)));
  await began;
  await db.on('other').query('SELECT 1');
  const stream = db.on('other').stream(manyRows, [100_000], { batchRows: 10 })[Symbol.asyncIterator]();
  await stream.next();
  parentPort.postMessage('busy');
  for (;;) await db.on('other').query('SELECT 1');
}

main();
