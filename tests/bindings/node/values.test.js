'use strict';
// Values, on their way out of and into each database.

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { MARIADB, POSTGRESQL, SQLITE, collected, eventually, onEach, opened, table, trunkline } = require('./support');

const { DataError, Interval, Json } = trunkline;

// expression: what it gives
const GIVEN = {
  sqlite: {
    1: 1, 2.5: 2.5, "'text'": 'text', "'grüße 💡'": 'grüße 💡', NULL: null, "x'00ff'": Buffer.from([0, 255]),
    '9007199254740991': 9007199254740991, '9007199254740993': 9007199254740993n, '-9007199254740992': -9007199254740992n,
    "x''": Buffer.alloc(0), "''": '',
  },
  postgresql: {
    'true': true, 'NULL::bool': null, '1::int2': 1, '-5::int4': -5, '9007199254740991::int8': 9007199254740991,
    '9007199254740993::int8': 9007199254740993n, '(-9223372036854775808)::int8': -9223372036854775808n, '1.5::float8': 1.5,
    "'NaN'::float8": NaN, "'-Infinity'::float8": -Infinity, '1.10::numeric': '1.10', "'grüße 💡'": 'grüße 💡',
    "'\\x00ff'::bytea": Buffer.from([0, 255]), "date '2024-02-29'": '2024-02-29', "date 'infinity'": 'infinity',
    "date '0044-03-15 BC'": '0044-03-15 BC', "date '12024-01-01'": '12024-01-01', "time '04:05:06.789'": '04:05:06.789000',
    "time '24:00'": '24:00:00', "timestamp '2024-02-29 12:34:56'": '2024-02-29 12:34:56',
    "timestamp '1969-12-31 23:59:59.999999'": '1969-12-31 23:59:59.999999', "timestamp '-infinity'": '-infinity',
    "timestamptz '2024-02-29 12:34:56.789+02'": new Date('2024-02-29T10:34:56.789Z'),
    "timestamptz '1969-12-31 23:59:59.9991+00'": new Date(-1),
    "interval '1 year 2 months 3 days 04:05:06.7'": new Interval({ months: 14, days: 3, microseconds: 14706700000 }),
    "'6f3c1d3e-0b1a-4c55-9a88-0123456789ab'::uuid": '6f3c1d3e-0b1a-4c55-9a88-0123456789ab',
    "'{\"a\": [1, null, \"x\"]}'::jsonb": { a: [1, null, 'x'] }, "'null'::json": null, 'NULL::jsonb': null,
    "ARRAY[1, NULL, 3]": [1, null, 3], "'{}'::text[]": [], "ARRAY['a', 'ü']": ['a', 'ü'], 'NULL::int[]': null,
    "ARRAY[9007199254740993, 1]": [9007199254740993n, 1], "ARRAY[true, false]": [true, false],
  },
  mariadb: {
    1: 1, '1.10': '1.10', '1.5e0': 1.5, "'grüße 💡'": 'grüße 💡',
    "x'00ff'": Buffer.from([0, 255]), "DATE '2024-02-29'": '2024-02-29', NULL: null,
    "TIMESTAMP '2024-02-29 12:34:56'": '2024-02-29 12:34:56',
    "TIME '-01:02:03'": new Interval({ microseconds: -3723000000 }), '9007199254740993': 9007199254740993n,
  },
};

onEach('values', (database) => {
  test('come as what JavaScript has for them', async (t) => {
    const conn = opened(t, database).on();
    const expressions = Object.entries(GIVEN[database.name]);
    const sql = `SELECT ${expressions.map(([expression], i) => `${expression} AS c${i}`).join(', ')}`;
    const given = expressions.map(([, value]) => value);
    for (const answer of [conn.querySync(sql, [], { rows: 'array' }), await conn.query(sql, [], { rows: 'array' })]) {
      assert.deepEqual(answer[0], given);
    }
    const [row] = await conn.query(sql);
    assert.deepEqual(Object.values(row), given);
    // The same with NULLs between them, and more than one row.
    const nulls = `SELECT ${expressions.map(() => 'NULL').join(', ')}`;
    const three = await conn.query(`${sql} UNION ALL ${nulls} UNION ALL ${sql}`, [], { rows: 'array' });
    assert.deepEqual([...three], [given, given.map(() => null), given]);
  });

  test('int64 comes as it is asked for, and never inexact', async (t) => {
    const conn = opened(t, database).on();
    const sql = 'SELECT 5 AS a, 9007199254740993 AS b UNION ALL SELECT 6, 7 ORDER BY a';
    const exact = await conn.query(sql, [], { int64: 'bigint', rows: 'array' });
    assert.deepEqual([...exact], [[5n, 9007199254740993n], [6n, 7n]]);
    await assert.rejects(conn.query('SELECT 1 AS a UNION ALL SELECT 9007199254740993', [], { int64: 'number' }), (error) => {
      assert.ok(error instanceof DataError);
      assert.match(error.message, /^row 2, column "a": 9007199254740993 /);
      return true;
    });
    await assert.rejects(conn.query(sql, [], { int64: 'both' }), TypeError);
  });

  test('are sent, and come back the same', async (t) => {
    const conn = opened(t, database).on();
    const text = `${'x'.repeat(23)}ü 💡 ${'long '.repeat(20000)}`;
    const typed = database.name === 'postgresql' ? (type) => `?::${type}` : () => '?';
    const there = async (value, type) => (await conn.query(`SELECT ${typed(type)} AS v`, [value]))[0].v;
    assert.equal(await there(text, 'text'), text);
    assert.equal(await there('', 'text'), '');
    assert.equal(await there(-1, 'int8'), -1);
    assert.equal(await there(Number.MAX_SAFE_INTEGER, 'int8'), Number.MAX_SAFE_INTEGER);
    assert.equal(await there(Number.MIN_SAFE_INTEGER, 'int8'), Number.MIN_SAFE_INTEGER);
    assert.equal(await there(2n ** 63n - 1n, 'int8'), 2n ** 63n - 1n);
    assert.equal(await there(-(2n ** 63n), 'int8'), -(2n ** 63n));
    assert.equal(await there(0.1, 'float8'), 0.1);
    assert.equal(await there(1e300, 'float8'), 1e300);
    assert.equal(await there(null, 'text'), null);
    assert.deepEqual(await there(new Uint8Array([0, 1, 255]), 'bytea'), Buffer.from([0, 1, 255]));
    assert.deepEqual(await there(new Uint16Array([1, 2]).subarray(1), 'bytea'), Buffer.from([2, 0]));
  });

  test('what cannot be sent is named', async (t) => {
    const conn = opened(t, database).on();
    await assert.rejects(conn.query('SELECT ?, ?', [1, undefined]), /^TypeError: parameter 2: it is undefined/);
    await assert.rejects(conn.query('SELECT :a', { a: Symbol('x') }), /^TypeError: parameter :a: a symbol cannot be sent/);
    await assert.rejects(conn.query('SELECT ?', ['\ud800']), /parameter 1: the text is not valid Unicode/);
    await assert.rejects(conn.query('SELECT ?', [new Date(NaN)]), DataError);
    await assert.rejects(conn.query('SELECT ?', [new Map()]), /a value of class Map cannot be sent/);
    await assert.rejects(conn.query('SELECT ?', [new Interval({ microseconds: 2n ** 63n })]), DataError);
    await assert.rejects(conn.query('SELECT ?', [new Interval({ months: 2 ** 31 })]), DataError);
    await assert.rejects(conn.query('SELECT ?', 'x'), TypeError);
    await assert.rejects(conn.query(5), TypeError);
    assert.throws(() => conn.querySync('SELECT ?', [{ toJSON: () => conn.querySync('SELECT 1') }]), trunkline.Misuse);
    assert.deepEqual([...conn.querySync('SELECT 1 AS one')], [{ one: 1 }]);
  });

  test('text that is not valid Unicode is refused wherever it is', async (t) => {
    const db = opened(t, database);
    const conn = db.on();
    const half = '\ud83d';
    const refused = (what) => (error) => error instanceof DataError && error.message === `${what}: the text is not valid Unicode`
      && error.outcome === 'not_sent';
    const statement = `SELECT '${half}' AS v`;
    await assert.rejects(conn.query(statement), refused('the statement'));
    await assert.rejects(conn.query(`SELECT '💡${half}\ufffd${'x'.repeat(1000)}'`), refused('the statement'));
    assert.throws(() => conn.querySync(statement), refused('the statement'));
    await assert.rejects(conn.stream(statement).batches().next(), refused('the statement'));
    await assert.rejects(conn.explain(statement), refused('the statement'));
    await assert.rejects(conn.executeMany(statement, [[1]]), refused('the statement'));
    await assert.rejects(conn.load(half, ['a'], [[1]]), refused('the table'));
    await assert.rejects(conn.load('t', ['a', half], [[1, 2]]), refused('the name of column 2'));
    await assert.rejects(conn.query('SELECT :a', { a: 1, [half]: 2 }), refused('the name of a parameter'));
    await assert.rejects(conn.query('SELECT 1', [], { fallback: half }), refused('fallback'));
    assert.throws(() => db.on(half), refused('the name'));
    assert.throws(() => db.has(half), refused('the name'));
    assert.throws(() => db.add(half, {}), refused('the name'));
    assert.throws(() => db.add('x', `# ${half}`), refused('the settings'));
    assert.throws(() => db.add('x', { driver: 'sqlite', database: half }), trunkline.ConfigurationError);
    await assert.rejects(db.patch('db', `# ${half}`), refused('the settings'));
    await assert.rejects(db.remove(half), refused('the name'));
    assert.throws(() => conn.tag(half), refused('the tag'));
    assert.throws(() => trunkline.parse(`# ${half}`), refused('the configuration'));
    assert.throws(() => trunkline.hasFeature(half), refused('the feature'));
    const whole = '\ufffd💡\uffee';
    assert.equal((await conn.query(`SELECT '${whole}' AS v`))[0].v, whole);
    assert.equal(conn.querySync(`SELECT '${whole}' AS v`)[0].v, whole);
  });

  test('columns may be called anything', async (t) => {
    const conn = opened(t, database).on();
    const q = database.name === 'mariadb' ? '`' : '"';
    const names = ['__proto__', 'constructor', 'a b', "it's", '${x}', '1', 'ü'];
    const [row] = await conn.query(`SELECT ${names.map((name, i) => `${i} AS ${q}${name}${q}`).join(', ')}`);
    for (const [i, name] of names.entries()) assert.equal(Object.getOwnPropertyDescriptor(row, name)?.value, i);
    assert.equal(Object.getPrototypeOf(row), Object.prototype);
    assert.deepEqual([...await conn.query('SELECT 1 AS a, 2 AS a')], [{ a: 2 }]);
  });
});

onEach('values of PostgreSQL', (database) => {
  test('come one by one with the types of their columns', async (t) => {
    const conn = opened(t, database).on();
    for (const [expression, value] of Object.entries(GIVEN.postgresql)) {
      const sql = `SELECT ${expression} AS v FROM generate_series(1, 3)`;
      assert.deepEqual((await conn.query(sql)).map(({ v }) => v), [value, value, value], expression);
    }
  });

  test('are sent in their own types', async (t) => {
    const conn = opened(t, database).on();
    const at = new Date('2024-02-29T12:34:56.789Z');
    const sent = [[at, 'timestamptz'], [true, 'bool'], [{ a: [1, { b: null }] }, 'jsonb'], [new Json([1, 'x']), 'jsonb'],
      [new Json(null), 'jsonb'], [[1, 2, null], 'int8[]'], [['a', 'ü'], 'text[]'], [[], 'text[]'], [[0.5, 1], 'float8[]'],
      [new Interval({ months: 1, days: 2, microseconds: 3 }), 'interval'], [123456789012345678901234567890n, 'numeric'],
      [[at], 'timestamptz[]'], [[true, null], 'bool[]']];
    for (const [value, type] of sent) {
      const [{ v, kind }] = await conn.query(`SELECT ?::${type} AS v, pg_typeof(?::${type})::text AS kind`, [value, value]);
      const back = value instanceof Json ? value.value : typeof value === 'bigint' ? String(value) : value;
      assert.deepEqual(v, back, type);
      assert.ok(kind.length > 0);
    }
    assert.deepEqual([...await conn.query('SELECT i FROM generate_series(1, 5) AS i WHERE i = ANY(?)', [[2, 4, 9]])], [{ i: 2 }, { i: 4 }]);
    await assert.rejects(conn.query('SELECT ?', [[1, 'a']]), /a list of values of different types/);
    await assert.rejects(conn.query('SELECT ?', [[[1]]]), /a list within a list/);
  });

  test('an instant comes as text where that is asked for, and is an error where no Date holds it', async (t) => {
    const conn = opened(t, database).on();
    const as = async (text) => (await conn.query(`SELECT ${text} AS v`, [], { timestamptz: 'text' }))[0].v;
    assert.equal(await as("timestamptz '2024-02-29 12:34:56.789012+00'"), '2024-02-29T12:34:56.789012Z');
    assert.equal(await as("timestamptz 'infinity'"), 'infinity');
    await assert.rejects(conn.query("SELECT now() AS at UNION ALL SELECT 'infinity'"), (error) => error instanceof DataError
      && error.message === 'row 2, column "at": infinity does not fit into a Date; ask for text');
  });

  test('a stream gives the rows before the one that does not fit', async (t) => {
    const stream = opened(t, database).on().stream('SELECT 9007199254740990 + i AS v FROM generate_series(0, 5) AS i', [], { int64: 'number' });
    const given = [];
    await assert.rejects(async () => {
      for await (const { v } of stream) given.push(v);
    }, /^DataError: row 3, column "v": 9007199254740992 is more/);
    assert.deepEqual(given, [9007199254740990, 9007199254740991]);
  });

  test('intervals are written as ISO 8601 has them', () => {
    const text = (parts) => String(new Interval(parts));
    assert.equal(text({ months: 14, days: 3, microseconds: 14706700000 }), 'P1Y2M3DT4H5M6.7S');
    assert.equal(text({}), 'PT0S');
    assert.equal(text({ days: -1, microseconds: -1500000 }), 'P-1DT-1.5S');
    assert.equal(JSON.stringify({ at: new Interval({ months: 1 }) }), '{"at":"P1M"}');
  });
}, [POSTGRESQL]);

onEach('values of SQLite', (database) => {
  test('keep no memory that large ones wanted', async (t) => {
    const conn = opened(t, database).on();
    const large = 'x'.repeat(20 * 2 ** 20);
    const rows = async (stream) => {
      const all = [];
      for await (const row of stream) all.push(row);
      return all;
    };
    const ways = [() => conn.query('SELECT length(?) AS n', [large]), () => conn.querySync('SELECT length(?) AS n', [large]),
      () => rows(conn.stream('SELECT length(?) AS n', [large]))];
    const gone = () => {
      collected();
      return process.memoryUsage().arrayBuffers < large.length / 2;
    };
    for (const way of ways) {
      assert.deepEqual([...await way()], [{ n: large.length }]);
      await eventually(gone);
    }
    await assert.rejects(conn.query('SELECT ?, ?', [large, undefined]), TypeError);
    await eventually(gone);
  });

  test('have types of their own in one column', async (t) => {
    const db = opened(t, database);
    const name = await table(db, 'v');
    const values = [1, 'two', 2.5, null, Buffer.from('four'), 'fünf', 2n ** 60n, ''];
    await db.on().executeMany(`INSERT INTO ${name} VALUES (?)`, values.map((value) => [value]));
    assert.deepEqual((await db.on().query(`SELECT v FROM ${name}`)).map(({ v }) => v), values);
    const result = await db.on().query(`INSERT INTO ${name} VALUES (9)`);
    assert.equal(result.lastId, 9);
  });
}, [SQLITE]);

onEach('values of MariaDB', (database) => {
  test('are kept through a table', async (t) => {
    const db = opened(t, database);
    const name = await table(db, 'i BIGINT, u BIGINT UNSIGNED, d DECIMAL(20,5), f DOUBLE, t TEXT, b BLOB, at TIMESTAMP(6) NULL, j JSON, du TIME(6)');
    const row = [-5, 2n ** 64n - 1n, '12345678901234.50000', 0.1, 'ü', Buffer.from([0, 1]), new Date('2024-02-29T12:34:56.789Z'), '{"a":1}',
      new Interval({ microseconds: 3723000001 })];
    await db.on().query(`INSERT INTO ${name} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, row);
    const [found] = await db.on().query(`SELECT * FROM ${name}`, [], { rows: 'array' });
    assert.deepEqual(found.map((value, i) => (i === 7 && typeof value === 'object' ? JSON.stringify(value) : value)), row);
  });
}, [MARIADB]);
