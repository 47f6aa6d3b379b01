// Named database connections from one TOML file. Durations are milliseconds; Infinity is none.

/// <reference types="node" />

import { EventEmitter } from 'node:events';

// ---- values ----

/** A parameter that is sent as JSON, whatever it is: `new Json([1, 2])`, `new Json('text')`, `new Json(null)`. */
export class Json {
  constructor(value: unknown);
  value: unknown;
}

/** A calendar interval: a month has no fixed number of days, nor a day of hours. */
export class Interval {
  constructor(parts?: { months?: number; days?: number; microseconds?: number | bigint });
  months: number;
  days: number;
  /** A BigInt where no number holds it exactly. */
  microseconds: number | bigint;
  /** As ISO 8601 has it: P1Y2M3DT4H5M6.789S. */
  toString(): string;
  toJSON(): string;
}

/**
 * What may be sent: numbers (int64 where they are safe integers, else float64), BigInts, strings, booleans, null, bytes,
 * a Date (timestamptz), an array (a list), a plain object or Json (json), an Interval.
 */
export type Parameter =
  | null | boolean | number | bigint | string | Date | NodeJS.ArrayBufferView | ArrayBufferLike | Json | Interval
  | readonly Parameter[] | { readonly [key: string]: unknown };

/** An array for ?, on PostgreSQL also $1; an object for :name. */
export type Parameters = readonly Parameter[] | { readonly [name: string]: Parameter };

export type Row = Record<string, any>;

// ---- how a verb is run ----

export interface CallOptions {
  /** For all of it: waiting for a session, dialling, running. Without it the connection's. */
  timeout?: number;
  /** Has the verb cancelled on the server; it then rejects with a Cancelled whose name is 'AbortError'. */
  signal?: AbortSignal;
}

export interface ReadOptions extends CallOptions {
  /** How far a replica may be behind to serve it. */
  maxLag?: number;
  /** The connection that serves it while no server of its own can be reached or lent. */
  fallback?: string;
  /** What the statement does, where its text does not show it. */
  read?: boolean;
  write?: boolean;
}

export interface ManyOptions extends CallOptions {
  fallback?: string;
}

export interface DecodeOptions {
  /** `'auto'` (the default): a number where it is exact, else a BigInt; `'number'`: what is not exact is a DataError. */
  int64?: 'auto' | 'number' | 'bigint';
  /** `'text'`: ISO 8601 to the microsecond instead of a Date, which has milliseconds. */
  timestamptz?: 'date' | 'text';
}

export interface QueryOptions extends ReadOptions, DecodeOptions {
  /** What a row is; with `'columns'` the result holds an array for each column instead. */
  rows?: 'object' | 'array' | 'columns';
}

export interface StreamOptions extends QueryOptions {
  /** How many rows are read together. */
  batchRows?: number;
}

export interface TransactionOptions extends CallOptions {
  readOnly?: boolean;
  isolation?: 'read committed' | 'repeatable read' | 'serializable';
  maxLag?: number;
}

export interface RetryOptions extends TransactionOptions {
  /** How often it is run again where it had no effect: after a deadlock, a serialization failure, a lost session. */
  retry?: number;
}

// ---- answers ----

export interface Column {
  readonly name: string;
  /** trunkline's name: 'int64', 'text', 'timestamptz', …; 'any' where every value has its own type. */
  readonly type: string;
  /** The database's own name. */
  readonly typeName: string;
  /** And its number, 0: none. */
  readonly typeId: number;
  readonly precision: number;
  readonly scale: number;
  readonly nullable: boolean | null;
  /** The number of `type`. */
  readonly code: number;
}

/** The answer of a statement: an array of its rows. */
export class Result<T = Row> extends Array<T> {
  readonly columns: readonly Column[];
  /** Rows that the statement inserted, changed, deleted or gave; -1: unknown. */
  readonly affected: number;
  /** SQLite: the id that the last INSERT made; 0: none. */
  readonly lastId: number | bigint;
  /** How many rows there are, also where they come by columns. */
  readonly rowCount: number;
  readonly endpoint: string;
  readonly connection: string;
  readonly role: 'primary' | 'replica' | null;
  /** How far that was behind the primary, at most; null: not known. */
  readonly lag: number | null;
  /** Those of all statements of the text; the first is this. */
  readonly sets: readonly Result<any>[];
}

/** The rows of a statement, read as they are asked for. Holds its session until the last is read, or it is closed. */
export class Stream<T = Row> implements AsyncIterable<T> {
  private constructor();
  /** Known once something was read. */
  readonly columns: readonly Column[] | undefined;
  readonly endpoint: string | undefined;
  readonly connection: string | undefined;
  readonly role: 'primary' | 'replica' | null | undefined;
  readonly lag: number | null | undefined;
  /** Its return() and throw() close the stream, and do not wait for a next() that is under way: that has ended then. */
  [Symbol.asyncIterator](): AsyncGenerator<T, void, undefined>;
  /** The rows that came together. */
  batches(): AsyncGenerator<T[], void, undefined>;
  /** Moves to the next result set, dropping what is left of this one; false where there is none. */
  nextSet(): Promise<boolean>;
  /** Lets go of what is left; who waits for it is told that it has ended. Harmless when repeated. */
  close(): void;
}

// ---- handles ----

/** What statements are run on. */
export class Handle {
  protected constructor();
  query<T = unknown[]>(sql: string, parameters: Parameters | undefined,
    options: QueryOptions & { rows: 'array' | 'columns' }): Promise<Result<T>>;
  query<T = Row>(sql: string, parameters?: Parameters, options?: QueryOptions): Promise<Result<T>>;
  /** The same, and waits for it here: for scripts, and SQLite. */
  querySync<T = unknown[]>(sql: string, parameters: Parameters | undefined,
    options: Omit<QueryOptions, 'signal'> & { rows: 'array' | 'columns' }): Result<T>;
  querySync<T = Row>(sql: string, parameters?: Parameters, options?: Omit<QueryOptions, 'signal'>): Result<T>;
  /** Nothing is sent before the first row is asked for. */
  stream<T = Row>(sql: string, parameters?: Parameters, options?: StreamOptions): Stream<T>;
  /** Runs a statement for each of the rows: all of them take effect, or none. A row of the result is what one changed. */
  executeMany(sql: string, rows: Iterable<Parameters>, options?: ManyOptions): Promise<Result<{ affected: number | null }>>;
  /** Fills columns of a table with rows, by the fastest way that the database has; how many rows there are more. */
  load(table: string, columns: Iterable<string>, rows: Iterable<readonly Parameter[]>,
    options?: ManyOptions): Promise<number>;
  /** Where a statement would go now, and why, without running it. */
  explain(sql: string, options?: ReadOptions): Promise<Result>;
  /** A place behind all that was written through the handle, for `after`; '': nothing was written yet. */
  token(): string;
  /** A transaction; within one a savepoint. Rolled back when nobody has it any more. */
  begin(options?: TransactionOptions): Promise<Transaction>;
  /** Runs work(tx); commits at its end, and rolls back if it throws. Within a transaction it is a savepoint. */
  transaction<T>(work: (tx: Transaction) => T | PromiseLike<T>, options?: RetryOptions): Promise<T>;
}

/** A connection by name: each statement takes a session from the pool and gives it back. */
export class Connection extends Handle {
  /** Runs work(session) on one session for all of its statements. */
  pin<T>(work: (session: Pin) => T | PromiseLike<T>, options?: CallOptions & { maxLag?: number }): Promise<T>;
  /** One session for several statements, until it is closed. */
  pin(options?: CallOptions & { maxLag?: number }): Promise<Pin>;
  /** The same connection under a tag, which is shown wherever its leases are listed. */
  tag(text: string): Connection;
  /** The same for reads that also find what was written before a token was taken. */
  after(token: string): Connection;
}

/** One session. */
export class Pin extends Handle implements AsyncDisposable {
  close(): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A transaction or savepoint. */
export class Transaction extends Handle implements AsyncDisposable {
  commit(options?: CallOptions): Promise<void>;
  rollback(options?: CallOptions): Promise<void>;
  /** Rolls back what is still open. */
  [Symbol.asyncDispose](): Promise<void>;
}

// ---- the registry ----

export type Setting =
  | string | number | bigint | boolean | readonly Setting[] | { readonly [key: string]: Setting | undefined };
/** An object, or TOML. */
export type Settings = string | { readonly [key: string]: Setting | undefined };

export interface OnOptions {
  /** `'dual'`: reads to a replica where there is one; `'read'`: refuses writes; `'write'`: all to the primary. */
  mode?: 'dual' | 'read' | 'write';
  /** A token that its reads find; the handle is one of its own then. */
  after?: string;
}

export interface PoolStats {
  connection: string;
  role: string;
  endpoint: string;
  max: number;
  maxOverflow: number;
  idle: number;
  leased: number;
  dialling: number;
  waiting: number;
  opened: number;
  closed: number;
  dialFailures: number;
  acquired: number;
  waited: number;
  acquireTimeouts: number;
}

export interface EndpointHealth {
  role: string;
  endpoint: string;
  status: 'healthy' | 'unhealthy' | 'bypassed' | 'unknown';
  /** Seconds. */
  latency: number | null;
  idle: number;
  leased: number;
  dialling: number;
  waiting: number;
  max: number;
  maxOverflow: number;
  reason: string | null;
  error: string | null;
}

export interface Health {
  /** None whose health_check is true is unhealthy. */
  ok: boolean;
  connections: Record<string, {
    status: 'healthy' | 'unhealthy' | 'unknown';
    state: string;
    healthCheck: boolean;
    error: string | null;
    endpoints: EndpointHealth[];
  }>;
}

export type EventKind =
  | 'connect' | 'disconnect' | 'checkout' | 'checkin' | 'dial_failed' | 'timeout' | 'query' | 'slow_query'
  | 'state_change' | 'role_change' | 'retry' | 'fallback';

/** What has happened; null stands for what there is not. */
export interface Event {
  kind: EventKind;
  at: Date;
  connection: string;
  endpoint: string | null;
  session: number | null;
  backend: string | null;
  tag: string | null;
  /** Milliseconds. */
  duration: number | null;
  status: string | null;
  /** As it was given, never the values of its parameters. */
  statement: string | null;
  message: string | null;
  /** Events of the registry that were dropped before this one. */
  lost: number;
}

/**
 * Tells of a kind only while somebody listens to it, which keeps no process alive. A listener runs in the asynchronous
 * context in which it was added.
 */
export interface Events extends EventEmitter {
  on(kind: EventKind, listener: (event: Event) => void): this;
  once(kind: EventKind, listener: (event: Event) => void): this;
  off(kind: EventKind, listener: (event: Event) => void): this;
}

export type Login = string | { password: string; user?: string; /** How long it is valid. */ valid?: number };

/** Named connections. Opens nothing by itself: the first statement does. */
export class Registry implements AsyncDisposable {
  private constructor();
  /** The connection of that name; without one that of `using`, else the default. */
  on(name?: string, options?: OnOptions): Connection;
  /** Within fn() and what it awaits, on() without a name is on(name). */
  using<T>(name: string, fn: (connection: Connection) => T): T;

  has(name: string): boolean;
  names(): string[];
  /** The figures of each pool. */
  stats(name?: string): PoolStats[];
  /** What was counted, in Prometheus' text format. */
  metrics(): string;
  /** What the library knows: 'connections', 'sessions', 'leases', 'settings', 'warnings', 'budget', 'check', … */
  inspect(what: string, name?: string, options?: CallOptions & DecodeOptions): Promise<Result>;
  /** Whether the servers answer, all asked at once. `open`: also opens connections that nobody has used yet. */
  health(options?: CallOptions & { name?: string; open?: boolean }): Promise<Health>;

  /** Registers a connection; false where there is one with the same settings. */
  add(name: string, settings: Settings): boolean;
  /** Closes a connection for good and forgets its name; false where there is no such name. */
  remove(name: string, options?: CallOptions): Promise<boolean>;
  /** Lays settings over those of a connection (undefined: the default); false where they were so already. */
  patch(name: string | undefined, settings: Settings, options?: CallOptions & { verify?: boolean }): Promise<boolean>;
  /** Reads the file again and does what it says. */
  reload(options?: CallOptions & { verify?: boolean }):
    Promise<Result<{ name: string; change: string; keys: string | null }>>;

  /** Opens a connection now instead of at its first statement; reopens a closed one. */
  connect(name?: string, options?: CallOptions): Promise<void>;
  connectAll(options?: CallOptions): Promise<void>;
  /** Closes the sessions of a connection, or of all; the next statement opens others. */
  trim(name?: string): void;
  /** Closes one connection, or all. `release`: also forgets the name. */
  close(name?: string, options?: CallOptions & { release?: boolean }): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;

  /** Makes this the registry that all code of the process shares. */
  share(): void;
  readonly events: Events;
  /** Asks fn(name) for connections that there are not, until what it gives is called; null: there is no such connection. */
  resolver(fn: (name: string) => Settings | null | undefined | PromiseLike<Settings | null | undefined>,
    options?: { /** Forgotten when nobody used it for so long. */ unused?: number }): () => void;
  /** Asks fn(name) for what sessions log in with, where credentials = "ask", until what it gives is called. */
  credentials(fn: (name: string) => Login | null | undefined | PromiseLike<Login | null | undefined>,
    options?: { valid?: number }): () => void;
}

export interface OpenOptions {
  /** Whose settings are laid over the file's; without it TRUNKLINE_ENV's. */
  environment?: string;
}

/** Reads a configuration file; without a path TRUNKLINE_CONFIG's, else trunkline.toml upward from the working folder. */
export function open(path?: string | null, options?: OpenOptions): Registry;
/** Reads a configuration from text; `source` names it in errors. */
export function parse(toml: string, options?: OpenOptions & { source?: string }): Registry;
/** The registry that all code of the process shares, whichever language it is in. It lives as long as the process. */
export function shared(path?: string | null, options?: OpenOptions): Registry;
/** Of the library that is loaded. */
export const version: string;
/** 'driver.sqlite', 'driver.postgresql', 'driver.mariadb' */
export function hasFeature(name: string): boolean;

// ---- errors ----

export class TrunklineError extends Error {
  constructor(message: string, fields?: Partial<Omit<TrunklineError, keyof Error>>);
  /** The class as a word: 'unique_violation'. */
  code: string;
  /** And as a number, TL_E_… of trunkline.h. */
  status: number;
  sqlstate: string;
  /** The database's own code, 0: none. */
  native: number;
  /** What became of the statement. */
  outcome: 'not_sent' | 'refused' | 'rolled_back' | 'unknown';
  connection: string;
  endpoint: string;
  phase: string;
  /** More, as [key, value]: 'constraint', 'file', 'line', 'suggestion', 'holders', …; a key may repeat. */
  details: [key: string, value: string][];
}
export class Misuse extends TrunklineError {}
export class ConfigurationError extends TrunklineError {}
export class NotFound extends TrunklineError {}
export class Closed extends TrunklineError {}
export class Busy extends TrunklineError {}
export class Unavailable extends TrunklineError {}
export class AuthenticationError extends TrunklineError {}
export class TlsError extends TrunklineError {}
/** Base of what was not done in time. */
export class Timeout extends TrunklineError {}
export class AcquireTimeout extends Timeout {}
export class ConnectTimeout extends Timeout {}
export class StatementTimeout extends Timeout {}
export class LockTimeout extends Timeout {}
export class Cancelled extends TrunklineError {}
export class ReadOnlyError extends TrunklineError {}
export class Deadlock extends TrunklineError {}
export class SerializationFailure extends TrunklineError {}
/** A constraint refused the statement. */
export class IntegrityError extends TrunklineError {}
export class UniqueViolation extends IntegrityError {}
export class ForeignKeyViolation extends IntegrityError {}
export class NotNullViolation extends IntegrityError {}
export class CheckViolation extends IntegrityError {}
export class StatementError extends TrunklineError {}
/** A value does not fit: into its column, or into a type of JavaScript. */
export class DataError extends TrunklineError {}
export class TooLarge extends DataError {}
export class PermissionDenied extends TrunklineError {}
export class NotSupportedError extends TrunklineError {}
export class ResourceError extends TrunklineError {}
export class OutOfMemory extends TrunklineError {}
export class InternalError extends TrunklineError {}
export class Shutdown extends TrunklineError {}
