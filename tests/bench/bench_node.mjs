// The Node binding against its peers: bench_node.mjs CASE ours|theirs SECONDS. The peers are in $TL_BENCH_NODE_PEERS.
import assert from 'node:assert'
import { createRequire } from 'node:module'

const POINTS = 10_000
const CALLERS = 64 // at once
const ROUNDS = 10 // queries of each in a unit
const SESSIONS = 10
const POINT = 'SELECT id, name FROM bench_points WHERE id = '
const ROWS = 'SELECT a, b, c, d, e, f FROM bench_rows'

const env = process.env
const postgresql = {
  host: env.TL_PG_SOCKET, port: Number(env.TL_PG_PORT), database: env.TL_PG_DATABASE, user: env.TL_PG_USER
}

const idOf = (i) => (i * 7919) % POINTS

/** Nanoseconds per unit, after a warm-up. */
async function measure(seconds, unit) {
  const runFor = async (wanted) => {
    const began = process.hrtime.bigint()
    for (let units = 1; ; ++units) {
      // What is synchronous is not awaited: that would be a part of the figure.
      const pending = unit(units)
      if (pending !== undefined) await pending
      const spent = Number(process.hrtime.bigint() - began)
      if (spent >= wanted * 1e9) return spent / units
    }
  }
  await runFor(seconds / 5)
  return runFor(seconds)
}

/** A unit of CALLERS who each await ROUNDS points, one after another. */
function together(point) {
  const caller = async (number) => {
    for (let i = 0; i < ROUNDS; ++i) {
      const id = idOf(number + i * CALLERS)
      assert.strictEqual((await point(id)).id, id)
    }
  }
  return async () => {
    await Promise.all(Array.from({ length: CALLERS }, (_, number) => caller(number)))
  }
}

function checkRows(rows) {
  assert.strictEqual(rows.length, 100_000)
  assert.strictEqual(rows[99_999].d, 'text number 100000')
}

// ---- trunkline ------------------------------------------------------------------------------------------------------

async function openOurs(name) {
  const { open } = await import('../../bindings/node/index.mjs')
  return (await open(env.TL_BENCH_CONFIG)).on(name)
}

async function ourPoints(name) {
  const db = await openOurs(name)
  return together(async (id) => (await db.query(`${POINT}?`, [id]))[0])
}

async function ourRows() {
  const db = await openOurs('pg')
  return async () => checkRows(await db.query(ROWS))
}

async function ourPointSync() {
  const db = await openOurs('sqlite')
  return (i) => assert.strictEqual(db.querySync(`${POINT}?`, [idOf(i)])[0].id, idOf(i))
}

async function ourRowsSync() {
  const db = await openOurs('sqlite')
  return () => checkRows(db.querySync(ROWS))
}

// ---- the peers ------------------------------------------------------------------------------------------------------

const peer = createRequire(`${env.TL_BENCH_NODE_PEERS}/package.json`)

/** node-postgres, which gives an int8 as text unless it is told that numbers will do. */
function openPg(max) {
  const { Pool, types } = peer('pg')
  types.setTypeParser(types.builtins.INT8, Number)
  return new Pool({ ...postgresql, max })
}

function pgPoints() {
  const pool = openPg(SESSIONS)
  return together(async (id) => (await pool.query({ name: 'point', text: `${POINT}$1`, values: [id] })).rows[0])
}

function pgRows() {
  const pool = openPg(1)
  return async () => checkRows((await pool.query({ name: 'rows', text: ROWS })).rows)
}

function mysql2Points() {
  const pool = peer('mysql2/promise').createPool({
    socketPath: env.TL_MARIADB_SOCKET, database: env.TL_MARIADB_DATABASE, user: env.TL_MARIADB_USER,
    connectionLimit: SESSIONS
  })
  return together(async (id) => (await pool.execute(`${POINT}?`, [id]))[0][0])
}

const openBetterSqlite3 = () => new (peer('better-sqlite3'))(env.TL_BENCH_SQLITE)

function betterSqlite3Point() {
  const statement = openBetterSqlite3().prepare(`${POINT}?`)
  return (i) => assert.strictEqual(statement.get(idOf(i)).id, idOf(i))
}

function betterSqlite3Rows() {
  const statement = openBetterSqlite3().prepare(ROWS)
  return () => checkRows(statement.all())
}

// ---------------------------------------------------------------------------------------------------------------------

const CASES = {
  node_64over10_pg: { ours: () => ourPoints('pg10'), theirs: pgPoints },
  node_64over10_mysql2: { ours: () => ourPoints('mariadb'), theirs: mysql2Points },
  node_rows: { ours: ourRows, theirs: pgRows },
  node_sqlite_point: { ours: ourPointSync, theirs: betterSqlite3Point },
  node_sqlite_rows: { ours: ourRowsSync, theirs: betterSqlite3Rows }
}

const [name, side, seconds] = process.argv.slice(2)
const figure = await measure(Number(seconds), await CASES[name][side]())
console.log(`${figure.toFixed(1)} ${process.resourceUsage().maxRSS}`)
process.exit() // whatever idle sessions there are
