'use strict';
// What the tests of the Node binding share: configurations, the databases that are there, and waiting.

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { describe } = require('node:test');
const { setTimeout } = require('node:timers/promises');
const v8 = require('node:v8');
const vm = require('node:vm');

const trunkline = require('../../../bindings/node');

const { env } = process;

// A folder that goes with the test.
function folder(t) {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), 'trunkline-node-'));
  t.after(() => fs.rmSync(made, { recursive: true, force: true }));
  return made;
}

function sqliteToml(t, more = '') {
  return `[connections.db]\ndriver = "sqlite"\ndatabase = "${folder(t)}/db.db"\n${more}`;
}

function postgresqlToml(t, more = '') {
  return `[connections.db]\ndriver = "postgresql"\nsocket = "${env.TL_PG_SOCKET}"\nport = ${env.TL_PG_PORT}
database = "${env.TL_PG_DATABASE}"\nuser = "${env.TL_PG_USER}"\npassword = "${env.TL_PG_PASSWORD || 'sesame'}"\n${more}`;
}

function mariadbToml(t, more = '') {
  return `[connections.db]\ndriver = "mariadb"\nsocket = "${env.TL_MARIADB_SOCKET}"
database = "${env.TL_MARIADB_DATABASE}"\nuser = "${env.TL_MARIADB_USER}"\n${more}`;
}

// slowRows: some are there at once, others come later.
const SQLITE = {
  name: 'sqlite',
  toml: sqliteToml,
  skip: false,
  endless: 'WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c) SELECT count(*) FROM c',
  manyRows: 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT i FROM n',
  slowRows: 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT i FROM n',
};
const POSTGRESQL = {
  name: 'postgresql',
  toml: postgresqlToml,
  skip: env.TL_PG_SOCKET ? false : 'no PostgreSQL: TL_PG_SOCKET is not set',
  endless: 'SELECT pg_sleep(600)',
  // Sessions that have run such a statement last, also idle ones.
  running: 'SELECT count(*)::int AS n FROM pg_stat_activity WHERE strpos(query, ?) > 0',
  manyRows: 'SELECT generate_series(1, ?::int) AS i',
  slowRows: `SELECT i, repeat('x', 4000), pg_sleep(CASE WHEN i > 10 THEN 0.03 ELSE 0 END)::text
    FROM generate_series(1, 20) AS i`,
};
const MARIADB = {
  name: 'mariadb',
  toml: mariadbToml,
  skip: env.TL_MARIADB_SOCKET ? false : 'no MariaDB: TL_MARIADB_SOCKET is not set',
  endless: 'SELECT SLEEP(600)',
  running: 'SELECT COUNT(*) AS n FROM information_schema.processlist WHERE INSTR(info, ?) > 0',
  manyRows: 'SELECT seq AS i FROM seq_1_to_1000000 WHERE seq <= ?',
  slowRows: "SELECT seq AS i, REPEAT('x', 4000), SLEEP(CASE WHEN seq > 10 THEN 0.03 ELSE 0 END) FROM seq_1_to_20",
};

// Runs the tests that `body` makes for each of the databases.
function onEach(what, body, databases = [SQLITE, POSTGRESQL, MARIADB]) {
  for (const database of databases) {
    describe(`${what}, ${database.name}`, { skip: database.skip }, () => body(database));
  }
}

const tables = new WeakMap(); // registry -> those to be dropped before it is closed

// A registry whose connection `db` is the default, closed at the end of the test.
function opened(t, database, more = '', rest = '') {
  const db = trunkline.parse(`default = "db"\n${database.toml(t, more)}\n${rest}`, { source: 'test.toml' });
  tables.set(db, []);
  t.after(async () => {
    for (const name of tables.get(db)) await db.on().query(`DROP TABLE ${name}`);
    await db.close();
  });
  return db;
}

// What nobody tells of.
async function eventually(condition) {
  const deadline = Date.now() + 30_000;
  while (!await condition()) {
    if (Date.now() > deadline) throw new Error('it has not come true');
    await setTimeout(5);
  }
}

// Has what nobody holds collected.
function collected() {
  v8.setFlagsFromString('--expose-gc');
  vm.runInNewContext('gc')();
}

// A table of the test's own.
async function table(db, columns) {
  const name = `node_${process.pid}_${Math.random().toString(36).slice(2)}`;
  await db.on().query(`CREATE TABLE ${name} (${columns})`);
  tables.get(db).push(name);
  return name;
}

module.exports = { trunkline, SQLITE, POSTGRESQL, MARIADB, onEach, opened, collected, eventually, folder, table };
