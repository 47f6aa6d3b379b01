// Uses everything that index.d.ts declares. Compiled, never run.
import trunklineDefault, {
  AcquireTimeout, AuthenticationError, Busy, Cancelled, CheckViolation, Closed, ConfigurationError, ConnectTimeout,
  Connection, DataError, Deadlock, ForeignKeyViolation, Handle, IntegrityError, InternalError, Interval, Json, LockTimeout, Misuse,
  NotFound, NotNullViolation, NotSupportedError, OutOfMemory, PermissionDenied, Pin, ReadOnlyError, Registry,
  ResourceError, Result, SerializationFailure, Shutdown, StatementError, StatementTimeout, Stream, Timeout, TlsError, TooLarge,
  Transaction, TrunklineError, Unavailable, UniqueViolation, hasFeature, open, parse, shared, version,
} from 'trunkline';
import type {
  CallOptions, Column, Event, EventKind, Events, Health, Login, OnOptions, Parameter, Parameters, PoolStats, QueryOptions,
  ManyOptions, RetryOptions, Row, Settings, StreamOptions, TransactionOptions,
} from 'trunkline';

interface Person {
  id: number;
  name: string | null;
}

async function statements(conn: Connection, signal: AbortSignal): Promise<void> {
  const people: Result<Person> = await conn.query<Person>('SELECT id, name FROM people WHERE id = ?', [1]);
  const name: string | null | undefined = people[0]?.name;
  const rows: Row[] = await conn.query('SELECT 1');
  const arrays: unknown[][] = await conn.query('SELECT 1', [], { rows: 'array' });
  const columns: Result<number[]> = await conn.query<number[]>('SELECT 1', undefined, { rows: 'columns' });
  const options: QueryOptions = {
    rows: 'object', int64: 'bigint', timestamptz: 'text', timeout: Infinity, signal, read: true, write: false, maxLag: 10,
    fallback: 'other',
  };
  const now: Person[] = conn.querySync<Person>('SELECT :id', { id: 1 }, { int64: 'number' });
  const told: [readonly Column[], number, number | bigint, number, string, string, string | null, number | null] = [
    people.columns, people.affected, people.lastId, people.rowCount, people.endpoint, people.connection, people.role, people.lag,
  ];
  const column: Column | undefined = people.columns[0];
  const about: [string, string, string, number, number, number, boolean | null, number] | undefined = column && [
    column.name, column.type, column.typeName, column.typeId, column.precision, column.scale, column.nullable, column.code];
  const others: readonly Result<unknown>[] = people.sets;
  const mapped: (string | null)[] = people.map((person) => person.name);
  console.log(name, rows, arrays, columns, now, told, about, others, mapped, await conn.query('SELECT 1', [], options));
}

async function streams(conn: Handle): Promise<void> {
  const options: StreamOptions = { batchRows: 100, rows: 'object' };
  const stream: Stream<Person> = conn.stream<Person>('SELECT 1', [], options);
  for await (const { id } of stream) console.log(id.toFixed());
  for await (const batch of stream.batches()) console.log(batch.length);
  const more: boolean = await stream.nextSet();
  console.log(more, stream.columns, stream.endpoint, stream.connection, stream.role, stream.lag);
  stream.close();
}

async function work(conn: Connection): Promise<void> {
  const how: ManyOptions = { timeout: 10, fallback: 'x' };
  const many = await conn.executeMany('INSERT INTO t VALUES (?)', [[1], [null]], how);
  const changed: number | null | undefined = many[0]?.affected;
  const loaded: number = await conn.load('t', ['a', 'b'], new Set([[1, 'x']]));
  const where: Result = await conn.explain('SELECT 1', { maxLag: 5 });
  const token: string = conn.after(conn.token()).tag('request').token();
  const options: RetryOptions = { retry: 3, readOnly: true, isolation: 'serializable', timeout: 5, maxLag: 1 };
  const answer: number = await conn.transaction(async (tx: Transaction) => {
    await tx.query('SELECT 1');
    return tx.transaction(() => 5);
  }, options);
  const begin: TransactionOptions = { isolation: 'read committed' };
  const tx: Transaction = await conn.begin(begin);
  await tx.commit({ timeout: 1 });
  await tx.rollback();
  await tx[Symbol.asyncDispose]();
  const pinned: string = await conn.pin(async (session: Pin) => (await session.query('SELECT 1')).endpoint, { timeout: 1 });
  const session: Pin = await conn.pin({ maxLag: 3 });
  session.close();
  await session[Symbol.asyncDispose]();
  console.log(changed, loaded, where, token, answer, pinned);
}

async function registry(db: Registry, signal: AbortSignal): Promise<void> {
  const on: OnOptions = { mode: 'write', after: '' };
  const conn: Connection = db.on('main', on);
  const five: number = db.using('main', (within: Connection) => (within === conn ? 5 : 6));
  const settings: Settings = { driver: 'sqlite', pool: { max: 3, acquire_timeout: '5s' } };
  const truths: boolean[] = [db.has('x'), db.add('x', settings), await db.remove('x'), await db.patch('x', 'pool.max = 1', { verify: true })];
  const call: CallOptions = { timeout: 5, signal };
  const changes: { name: string; change: string; keys: string | null }[] = await db.reload({ verify: true });
  await db.connect('x', call);
  await db.connectAll(call);
  db.trim('x');
  await db.close('x', { release: true, timeout: 5 });
  await db[Symbol.asyncDispose]();
  db.share();
  const health: Health = await db.health({ name: 'x', open: true, timeout: 5 });
  const latency: number | null | undefined = health.connections['x']?.endpoints[0]?.latency;
  const stats: PoolStats[] = db.stats('x');
  const text: string = db.metrics();
  const found: Result = await db.inspect('leases', 'x', { int64: 'bigint' });
  const events: Events = db.events;
  const kind: EventKind = 'slow_query';
  events.on(kind, (event: Event) => console.log(event.statement, event.duration?.toFixed(), event.lost, event.at.getTime()));
  events.once('connect', () => undefined).off('query', () => undefined);
  const ends: (() => void)[] = [
    db.resolver(async (name: string) => (name === 'x' ? settings : null), { unused: 1000 }),
    db.credentials((): Login => ({ user: 'x', password: 'y', valid: 5 }), { valid: 10 }),
    db.credentials(() => 'password'),
  ];
  console.log(five, truths, changes, health.ok, latency, stats[0]?.dialFailures, text, found, ends, db.names());
}

function values(): void {
  const interval: Interval = new Interval({ months: 1, microseconds: 5n });
  const sent: Parameter[] = [null, true, 1, 1n, 'x', new Date(), Buffer.from('x'), new Uint8Array(1), new ArrayBuffer(1), [1, null],
    { a: [1] }, new Json(undefined), interval];
  const named: Parameters = { a: 1, b: sent };
  console.log(named, interval.toString(), interval.days, interval.months, interval.microseconds, interval.toJSON());
  // @ts-expect-error: undefined is no value
  const wrong: Parameter = undefined;
  // @ts-expect-error: a handle is not made by hand
  new Registry();
  console.log(wrong);
}

function errors(error: unknown): string {
  const classes = [
    AcquireTimeout, AuthenticationError, Busy, Cancelled, CheckViolation, Closed, ConfigurationError, ConnectTimeout, DataError,
    Deadlock, ForeignKeyViolation, IntegrityError, InternalError, LockTimeout, Misuse, NotFound, NotNullViolation,
    NotSupportedError, OutOfMemory, PermissionDenied, ReadOnlyError, ResourceError, SerializationFailure, Shutdown, StatementError,
    StatementTimeout, Timeout, TlsError, TooLarge, Unavailable, UniqueViolation,
  ];
  if (!(error instanceof TrunklineError)) return String(classes.length);
  const outcome: 'not_sent' | 'refused' | 'rolled_back' | 'unknown' = error.outcome;
  const numbers: number = error.status + error.native;
  const first: [string, string] | undefined = error.details[0];
  const made = new UniqueViolation('twice', { outcome: 'refused' });
  return [error.code, error.sqlstate, outcome, numbers, error.connection, error.endpoint, error.phase, first, error.cause, made.message].join();
}

const registries: Registry[] = [open(), open('x.toml', { environment: 'testing' }), parse('', { source: 'x' }), shared(null)];
export { errors, registries, registry, statements, streams, values, work };
export const last: [string, boolean, Registry] = [version, hasFeature('driver.sqlite'), trunklineDefault.parse('')];
