// What each "do" of the data file is in JavaScript.

import { writeFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';

import { hasFeature, parse, shared, version } from '../../bindings/node/index.mjs';
import { Mismatch, patience } from './cross_case.mjs';
import { parameters, written } from './cross_values.mjs';

const shownRows = 5; // of a stream
const rows = 'array';

function handle(test, { on = 'db' }) {
  return test.handles.get(on) ?? test.registry.on(on);
}

function hold(test, one, made) {
  test.handles.set(one.as, made);
  return {};
}

function options({ timeout, max_lag: maxLag, read, write, fallback }) {
  return { rows, timeout, maxLag, read, write, fallback };
}

function transactionOptions({ retry, read_only: readOnly, isolation }) {
  return { retry, readOnly, isolation };
}

function rowsOf(list, columns) {
  return Array.from(list, (row) => row.map((value, i) => written(value, columns[i].type)));
}

function picked(columns, list, pick) {
  const places = pick.map((name) => columns.findIndex((column) => column.name === name));
  return list.map((row) => places.map((place) => row[place]));
}

function answered(one, result) {
  const sets = result.sets.map((set) => rowsOf(set, set.columns));
  const all = sets[0];
  return {
    columns: result.columns.map(({ name, type }) => [name, type]),
    affected: result.affected,
    last_id: result.lastId,
    connection: result.connection,
    endpoint: result.endpoint,
    lag: result.lag,
    role: result.role ?? 'none',
    sets,
    count: all.length,
    last: all.at(-1),
    rows: one.pick === undefined ? all : picked(result.columns, all, one.pick),
    value: all.length === 1 && all[0].length === 1 ? all[0][0] : undefined,
  };
}

// Until `true` comes of it.
async function eventually(condition) {
  for (const until = performance.now() + patience; !await condition(); await setTimeout(1)) {
    if (performance.now() > until) throw new Mismatch('it has not come true');
  }
}

const registry = {
  library: (test, one) => ({
    version,
    features: Object.fromEntries(Object.keys(test.said(one, 'expect').features).map((name) => [name, hasFeature(name)])),
  }),
  parse: async (test, one) => {
    const other = parse(test.said(one, 'toml'), { source: 'other.toml' });
    const value = other.names();
    await other.close();
    return { value };
  },
  has: (test, one) => ({ value: test.registry.has(one.name) }),
  names: (test) => ({ value: test.registry.names() }),
  add: (test, one) => ({ value: test.registry.add(one.name, test.said(one, 'toml')) }),
  remove: async (test, one) => ({ value: await test.registry.remove(one.name) }),
  patch: async (test, one) =>
    ({ value: await test.registry.patch(one.name, test.said(one, 'toml'), { verify: one.verify }) }),
  write: async (test, one) => {
    await writeFile(`${test.words.folder}/trunkline.toml`, test.said(one, 'toml'));
    return {};
  },
  reload: async (test, one) => answered(one, await test.registry.reload({ rows })),
  connect: async (test, one) => {
    await test.registry.connect(one.name);
    return {};
  },
  connect_all: async (test) => {
    await test.registry.connectAll();
    return {};
  },
  trim: (test, one) => {
    test.registry.trim(one.name);
    return {};
  },
  close: async (test, one) => {
    await test.registry.close(one.name);
    return {};
  },
  inspect: async (test, one) => answered(one, await test.registry.inspect(one.what, one.name, { rows })),
  health: async (test, one) => {
    const { ok, connections } = await test.registry.health({ open: one.open });
    const sorted = Object.entries(connections).sort();
    return { ok, connections: sorted.map(([name, { status, state }]) => [name, status, state]) };
  },
  metrics: (test, one) => ({ value: test.registry.metrics().includes(one.line) }),
  share: (test) => {
    test.registry.share();
    return { value: shared().names() };
  },
  events: async (test, one) => {
    const heard = [];
    const listener = (event) => heard.push(one.pick.map((name) => event[name] ?? ''));
    test.registry.events.on(one.kind, listener);
    await test.steps(one.steps);
    await eventually(() => heard.length >= one.count);
    test.registry.events.off(one.kind, listener);
    return { events: heard.slice(0, one.count) };
  },
  resolver: async (test, one) => {
    const known = test.said(one, 'known');
    const end = test.registry.resolver((name) => known[name]);
    await test.steps(one.steps);
    end();
    return {};
  },
  credentials: async (test, one) => {
    const end = test.registry.credentials(() => ({ user: test.said(one, 'user'), password: test.said(one, 'password') }));
    await test.steps(one.steps);
    end();
    return {};
  },
};

const handles = {
  on: (test, one) => hold(test, one, test.registry.on(one.name, { mode: one.mode })),
  tag: (test, one) => hold(test, one, handle(test, one).tag(one.text)),
  after: (test, one) => hold(test, one, handle(test, one).after(test.said(one, 'token'))),
  token: (test, one) => ({ value: handle(test, one).token() }),
};

const statements = {
  query: async (test, one) => {
    const connection = one.after === undefined ? handle(test, one) : handle(test, one).after(one.after);
    const values = parameters(test.said(one, 'values') ?? []);
    return answered(one, await connection.query(test.said(one, 'sql'), values, options(one)));
  },
  explain: async (test, one) => answered(one, await handle(test, one).explain(test.said(one, 'sql'), options(one))),
  stream: async (test, one) => {
    const stream = handle(test, one).stream(test.said(one, 'sql'), [], options(one));
    const first = [];
    let last = [];
    let count = 0;
    for await (const row of stream) {
      if (count < shownRows) first.push(row);
      last = row;
      if (++count === one.take) break;
    }
    return { count, rows: rowsOf(first, stream.columns), last: rowsOf([last], stream.columns)[0] };
  },
  execute_many: async (test, one) => {
    const many = test.said(one, 'rows').map(parameters);
    return { affected: (await handle(test, one).executeMany(test.said(one, 'sql'), many)).affected };
  },
  load: async (test, one) => {
    const many = test.said(one, 'rows').map(parameters);
    return { value: await handle(test, one).load(test.said(one, 'table'), one.columns, many) };
  },
  // Runs a statement, and stops it once it has its session.
  cancel: async (test, one) => {
    const abort = new AbortController();
    const running = handle(test, one).query(test.said(one, 'sql'), [], { signal: abort.signal });
    const leased = async () => (await test.registry.inspect('leases')).length > 0;
    const [ended] = await Promise.allSettled([running, eventually(leased).then(() => abort.abort())]);
    if (ended.status === 'rejected') throw ended.reason;
    return {};
  },
};

const blocks = {
  transaction: async (test, one) => {
    await handle(test, one).transaction(async (tx) => {
      test.handles.set(one.as ?? 'tx', tx);
      await test.steps(one.steps);
    }, transactionOptions(one));
    return {};
  },
  begin: async (test, one) => hold(test, one, await handle(test, one).begin(transactionOptions(one))),
  commit: async (test, one) => {
    await handle(test, one).commit();
    return {};
  },
  rollback: async (test, one) => {
    await handle(test, one).rollback();
    return {};
  },
  pin: async (test, one) => {
    await handle(test, one).pin(async (session) => {
      test.handles.set(one.as, session);
      await test.steps(one.steps);
    });
    return {};
  },
  apart: async (test, one) => {
    await Promise.all([test.steps(one.steps)]);
    return {};
  },
};

export const verbs = { ...registry, ...handles, ...statements, ...blocks };
