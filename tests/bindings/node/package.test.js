'use strict';
// The package as others get it: packed, installed elsewhere, with types that compile. Wants the npm registry; where that
// cannot be reached the tests are left out.

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, test } = require('node:test');

const PACKAGE = path.join(__dirname, '..', '..', '..', 'bindings', 'node');
const { dependencies, devDependencies, exports: exported, version } = require(path.join(PACKAGE, 'package.json'));

const place = fs.mkdtempSync(path.join(os.tmpdir(), 'trunkline-package-'));
after(() => fs.rmSync(place, { recursive: true, force: true }));

const env = { ...process.env, npm_config_update_notifier: 'false', npm_config_audit: 'false', npm_config_fund: 'false' };
for (const name of ['TRUNKLINE_NODE_ADDON', 'LD_LIBRARY_PATH']) delete env[name]; // which Meson sets

function run(program, args, folder, more = {}) {
  return execFileSync(program, args, { cwd: folder, env: { ...env, ...more }, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

function folder(name, files) {
  const made = path.join(place, name);
  fs.mkdirSync(made);
  for (const [file, text] of Object.entries(files)) fs.writeFileSync(path.join(made, file), text);
  return made;
}

// Why the registry's packages cannot be had; undefined: they can.
function withoutRegistry() {
  try {
    run('npm', ['view', 'node-api-headers', 'version', '--fetch-retries=0', '--fetch-timeout=20000'], place);
    return undefined;
  } catch (failure) {
    const reason = failure.code === 'ENOENT' ? 'npm is not here (Debian: npm)' : 'the npm registry cannot be reached';
    console.log(`left out: package.test.js: ${reason}`);
    return reason;
  }
}

const skip = withoutRegistry() ?? false;

function packed() {
  const repository = folder('repository', {});
  // Packed from a copy: what it carries of the repository is put beside it meanwhile.
  const copy = path.join(repository, 'bindings', 'node');
  const ours = (file) => !['build', 'node_modules', 'include'].includes(path.relative(PACKAGE, file));
  fs.cpSync(PACKAGE, copy, { recursive: true, filter: ours });
  for (const file of ['include', 'LICENSE']) {
    fs.cpSync(path.join(PACKAGE, '..', '..', file), path.join(repository, file), { recursive: true });
  }
  run('npm', ['pack', '--pack-destination', place], copy);
  assert.ok(!fs.existsSync(path.join(copy, 'include')));
  return path.join(place, `trunkline-${version}.tgz`);
}

const PROGRAM = `
  const db = trunkline.parse('[connections.db]\\ndriver = "sqlite"\\ndatabase = ":memory:"', {});
  const [row] = await db.on('db').query('SELECT 1 AS one');
  console.log(row.one, db.on('db').querySync('SELECT 2 AS two')[0].two);`;

test('it is packed, installs elsewhere, and finds the library', { skip }, () => {
  const archive = packed();
  const elsewhere = folder('elsewhere', {
    'package.json': '{ "private": true }',
    'required.js': `const trunkline = require('trunkline'); (async () => { ${PROGRAM} })();`,
    'imported.mjs': `import * as trunkline from 'trunkline'; ${PROGRAM}`,
  });
  run('npm', ['install', '--no-package-lock', '--foreground-scripts', archive], elsewhere);
  assert.equal(run(process.execPath, ['required.js'], elsewhere), '1 2\n');
  assert.equal(run(process.execPath, ['imported.mjs'], elsewhere), '1 2\n');
  const installed = path.join(elsewhere, 'node_modules', 'trunkline');
  assert.ok(fs.existsSync(path.join(installed, 'LICENSE')));

  // Beside the package, where nothing is installed and named.
  const beside = path.join(installed, 'build', 'libtrunkline.so.0');
  fs.symlinkSync(process.env.TRUNKLINE_LIBRARY, beside);
  const installedHere = run('/sbin/ldconfig', ['-p'], elsewhere).includes('libtrunkline.so.0');
  if (!installedHere) assert.equal(run(process.execPath, ['required.js'], elsewhere, { TRUNKLINE_LIBRARY: '' }), '1 2\n');
  fs.rmSync(beside);
  const fails = (more, message) => assert.throws(() => run(process.execPath, ['required.js'], elsewhere, more), message);
  if (!installedHere) fails({ TRUNKLINE_LIBRARY: '' }, /libtrunkline\.so\.0 was not found: install the trunkline library/);
  fails({ TRUNKLINE_LIBRARY: '/nowhere.so' }, /TRUNKLINE_LIBRARY names a library that cannot be loaded/);
  fs.rmSync(path.join(installed, 'build', 'trunkline.node'));
  fails({}, /its addon was not built/);
});

test('its types compile where everything is used', { skip }, () => {
  const typed = folder('typed', {
    'package.json': JSON.stringify({ private: true, type: 'module', devDependencies }),
    'tsconfig.json': JSON.stringify({
      compilerOptions: { strict: true, noEmit: true, target: 'es2022', lib: ['es2022', 'esnext.disposable'], module: 'node16', types: ['node'],
        moduleResolution: 'node16', noUncheckedIndexedAccess: true, noUnusedLocals: true },
      files: ['types.ts', 'required.cts'],
    }),
    'types.ts': fs.readFileSync(path.join(__dirname, 'programs', 'types.ts')),
    'required.cts': "import trunkline = require('trunkline');\nexport const names: string[] = trunkline.parse('').names();\n",
  });
  run('npm', ['install', '--no-package-lock'], typed);
  fs.mkdirSync(path.join(typed, 'node_modules', 'trunkline'));
  for (const file of ['package.json', 'index.d.ts', 'index.d.mts']) {
    fs.copyFileSync(path.join(PACKAGE, file), path.join(typed, 'node_modules', 'trunkline', file));
  }
  try {
    run(path.join(typed, 'node_modules', '.bin', 'tsc'), ['--project', typed], typed);
  } catch (failure) {
    assert.fail(failure.stdout);
  }
});

test('the types declare what the package exports', () => {
  const declared = fs.readFileSync(path.join(PACKAGE, 'index.d.ts'), 'utf8');
  for (const name of Object.keys(require(PACKAGE))) {
    assert.match(declared, new RegExp(`^export (class|function|const) ${name}\\b`, 'm'));
  }
  assert.equal(exported['.'].require.default, './index.js');
  assert.deepEqual(Object.keys(dependencies), ['node-api-headers']);
});
