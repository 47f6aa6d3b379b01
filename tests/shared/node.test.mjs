// One process, two addons: trunkline's own, which JavaScript uses, and one in C++ that knows only of trunkline.hpp.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const folder = mkdtempSync(join(tmpdir(), 'trunkline-shared-'));
const file = (name) => `driver = 'sqlite'\ndatabase = '${join(folder, name)}'\n`;
writeFileSync(join(folder, 'trunkline.toml'), `
  [connections.main]
  ${file('main.db')}
  [connections.narrow]
  ${file('narrow.db')}
  [connections.narrow.pool]
  max = 1
`);
process.env.TRUNKLINE_CONFIG = join(folder, 'trunkline.toml');
after(() => rmSync(folder, { recursive: true, force: true }));

const require = createRequire(import.meta.url);
const load = { ours: () => require('../../bindings/node/index.js'), second: () => require(process.env.SECOND_ADDON) };
const modules = {};
for (const name of process.env.FIRST === 'second' ? ['second', 'ours'] : ['ours', 'second']) modules[name] = load[name]();
const { ours, second } = modules;
const db = ours.shared();

test('both know the same names, whoever added them', async () => {
  assert.deepEqual(second.names(), db.names());
  db.add('from_javascript', file('javascript.db'));
  assert.equal(second.add('from_cpp', file('cpp.db')), 1);
  assert.deepEqual(second.names(), ['main', 'narrow', 'from_javascript', 'from_cpp']);
  assert.deepEqual(db.names(), second.names());
  assert.equal((await db.on('from_cpp').query('SELECT 1 AS one'))[0].one, 1);
  assert.equal(second.add('from_javascript', file('javascript.db')), 0);
});

test("a thread of the addon's and JavaScript use the same pool at once", { timeout: 60_000 }, async () => {
  const main = db.on('main');
  await main.query('CREATE TABLE counted (who TEXT)');
  const acquired = () => db.stats('main').reduce((sum, pool) => sum + pool.acquired, 0);
  const before = acquired();
  second.begin('main', "INSERT INTO counted VALUES ('c++')");
  let mine = 0;
  while (mine < 200 || second.done() < 200) {
    await Promise.all(Array.from({ length: 8 }, () => main.query("INSERT INTO counted VALUES ('javascript')")));
    mine += 8;
  }
  const theirs = second.end();
  const counted = await main.query('SELECT who, count(*) AS n FROM counted GROUP BY who ORDER BY who');
  assert.deepEqual(Array.from(counted), [{ who: 'c++', n: theirs }, { who: 'javascript', n: mine }]);
  assert.ok(acquired() - before >= mine + theirs, 'all of them are counted in one pool');
});

test('a session that one of them holds the other waits for, and is told who has it', { timeout: 60_000 }, async () => {
  second.hold('narrow');
  const leases = await db.inspect('leases', 'narrow');
  assert.deepEqual(Array.from(leases, ({ tag }) => tag), ['the addon']);
  const narrow = db.on('narrow', { mode: 'write' });
  await assert.rejects(narrow.query('SELECT 1', [], { timeout: 200 }), (failure) => {
    assert.equal(failure.code, 'acquire_timeout');
    assert.match(failure.details.map(([, value]) => value).join(' '), /the addon/);
    return true;
  });
  second.letGo();
  assert.equal((await narrow.query('SELECT 1 AS one'))[0].one, 1);
});

test('what one of them closes is closed for the other', async () => {
  await db.close('from_cpp');
  assert.throws(() => second.begin('nobody', 'SELECT 1'), { code: 'not_found' });
  assert.throws(() => second.hold('from_cpp'), { code: 'closed' });
  await db.connect('from_cpp');
  second.hold('from_cpp');
  second.letGo();
});
