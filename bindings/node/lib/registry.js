'use strict';
// The registry: every name of one configuration.

const { AsyncLocalStorage } = require('node:async_hooks');

const addon = require('./addon');
const { perform, say } = require('./calls');
const { CHANGE, MODES } = require('./constants');
const { checked } = require('./errors');
const { Events } = require('./events');
const { Connection, NONE } = require('./handle');
const { camelled, healthOf } = require('./health');
const { OWN, area, records, scratch } = require('./memory');
const { answerCredentials, answerNames } = require('./questions');
const { resultOf } = require('./result');
const { tomlOf } = require('./toml');
const { ASYNC_DISPOSE } = require('./values');

const MOST_HANDLES = 512; // kept for the next on()

// Registry -> name, of the using() that is under way. By what the addon knows it by: one name for all of its objects.
const using = new AsyncLocalStorage();

class Registry {
  #external;
  #handles = new Map();
  #shared = false;
  #events;

  constructor(external) {
    this.#external = external;
    for (const { warning } of this.#inspectNow('warnings')) process.emitWarning(warning, 'TrunklineConfigWarning');
  }

  static share(registry) {
    registry.#shared = true;
    return registry;
  }

  // ---- connections ----

  // The connection of that name; without one that of using(), else the default.
  on(name, options = NONE) {
    const { mode = 'dual', after } = options;
    if (!Object.hasOwn(MODES, mode)) {
      throw new TypeError(`mode is one of ${Object.keys(MODES).join(', ')}, not ${String(mode)}`);
    }
    const wanted = optional(name) ?? using.getStore()?.get(this);
    const found = this.#kept(wanted, mode);
    return after === undefined || after === '' ? found : found.after(after);
  }

  // Within fn() and what it awaits, on() without a name is on(name).
  using(name, fn) {
    const connection = this.on(name);
    return using.run(new Map([...using.getStore() ?? [], [this, name]]), fn, connection);
  }

  // Callers of the same name and mode share a handle. Of a shared registry others may remove the name and add it again.
  #kept(name, mode) {
    const key = name === undefined ? mode : `${mode} ${name}`;
    const found = this.#handles.get(key);
    if (found !== undefined) return found;
    const made = new Connection(checked(addon.connection(this.#external, name, MODES[mode])), this);
    // A name that is not there is somebody's to be asked for, and may never be there.
    if (!this.#shared && (name === undefined || this.has(name))) {
      if (this.#handles.size >= MOST_HANDLES) this.#handles.clear();
      this.#handles.set(key, made);
    }
    return made;
  }

  // ---- what is there ----

  has(name) {
    return checked(addon.has(this.#external, required(name)));
  }

  // By order of registration.
  names() {
    return Array.from(this.#inspectNow('names'), ({ name }) => name);
  }

  // The figures of each pool of a connection, or of all.
  stats(name) {
    return Array.from(this.#inspectNow('pools', name), camelled);
  }

  // What has been counted of the connections that are open, in Prometheus' text format.
  metrics() {
    return Object.values(this.#inspectNow('prometheus')[0])[0];
  }

  // What the library knows, as a result: see tl_inspect.
  inspect(what, name, options = NONE) {
    const wanted = optional(name);
    return this.#perform(options, (slot) => addon.inspect(this.#external, slot, String(what), wanted), resulted(options));
  }

  // Whether the servers answer, all asked at once.
  async health({ name, open = false, ...options } = NONE) {
    return healthOf(await this.inspect(open ? 'health_open' : 'health', name, options));
  }

  #inspectNow(what, name) {
    return resultOf(area, OWN, checked(addon.inspectNow(this.#external, what, optional(name))), NONE);
  }

  // ---- adding, removing, changing ----

  // Registers a connection; false where there is one with the same settings.
  add(name, settings) {
    const added = checked(addon.add(this.#external, required(name), tomlOf(settings)));
    this.#handles.clear();
    return added;
  }

  // Closes a connection for good and forgets its name; false where there is no such name.
  async remove(name, options = NONE) {
    const wanted = required(name);
    this.#handles.clear();
    try {
      return await this.#perform(options, (slot) => addon.remove(this.#external, slot, wanted), truth);
    } finally {
      this.#handles.clear();
    }
  }

  // Lays settings over those of a connection; false where they were so already.
  patch(name, settings, { verify = false, ...options } = NONE) {
    return this.#perform(options, (slot) =>
      addon.patch(this.#external, slot, optional(name), tomlOf(settings), verify ? CHANGE.VERIFY : 0), truth);
  }

  // Reads the file again and does what it says; a row for each name that is another now.
  async reload({ verify = false, ...options } = NONE) {
    try {
      return await this.#perform(options, (slot) => addon.reload(this.#external, slot, verify ? CHANGE.VERIFY : 0),
        resulted(options));
    } finally {
      this.#handles.clear();
    }
  }

  // ---- opening and closing ----

  connect(name, options = NONE) {
    const wanted = optional(name) ?? using.getStore()?.get(this);
    return this.#perform(options, (slot) => addon.connect(this.#external, slot, wanted), nothing);
  }

  connectAll(options = NONE) {
    return this.#perform(options, (slot) => addon.connectAll(this.#external, slot), nothing);
  }

  // Closes the sessions of a connection, or of all; the next statement opens others.
  trim(name) {
    checked(addon.trim(this.#external, optional(name)));
  }

  // Closes one connection, or all. `release`: also forgets the name.
  async close(name, { release = false, ...options } = NONE) {
    if (!release) {
      return this.#perform(options, (slot) => addon.close(this.#external, slot, optional(name)), nothing);
    }
    await this.remove(name, options);
    return undefined;
  }

  async [ASYNC_DISPOSE]() {
    if (!this.#shared) await this.close();
  }

  // Makes this the registry that all code of the process shares.
  share() {
    checked(addon.share(this.#external));
    this.#shared = true;
    this.#handles.clear();
  }

  // ---- what the application is told and asked ----

  get events() {
    this.#events ??= new Events(this.#external);
    return this.#events;
  }

  // Asks fn(name) for the settings of connections that the registry does not have, until what this gives is called.
  resolver(fn, options = NONE) {
    return answerNames(this.#external, fn, options);
  }

  // Asks fn(name) for what sessions log in with, where credentials = "ask".
  credentials(fn, options = NONE) {
    return answerCredentials(this.#external, fn, options);
  }

  #perform(options, submit, take) {
    return perform(this, options.signal, (slot) => {
      say(options);
      return submit(slot);
    }, take);
  }
}

// A name that may be left out: what is none must not be taken for all.
function optional(name) {
  return name === undefined || name === null ? undefined : required(name);
}

function required(name) {
  if (typeof name === 'string') return name;
  throw new TypeError(`the name of a connection is a string, not ${name === null ? 'null' : typeof name}`);
}

function resulted(options) {
  return (index, handle) => resultOf(scratch, index, handle, options);
}

function truth(index) {
  return records.i64[8 * index + 6] !== 0n;
}

function nothing() {}

function nameOf(text, what) {
  if (text === undefined || text === null) return undefined;
  const given = String(text);
  if (given.includes('\0')) throw new TypeError(`${what} holds a NUL`);
  return given;
}

// Reads a configuration file; without a path the one that TRUNKLINE_CONFIG names, else trunkline.toml upward from the
// working folder. Opens nothing else.
function open(path, { environment } = NONE) {
  return new Registry(checked(addon.open(nameOf(path, 'the path'), nameOf(environment, 'the environment'))));
}

// Reads a configuration from text; `source` names it in errors.
function parse(toml, { source, environment } = NONE) {
  return new Registry(checked(
    addon.parse(String(toml), nameOf(source, 'the source'), nameOf(environment, 'the environment'))));
}

// The registry that all code of the process shares, whichever language it is in.
function shared(path, { environment } = NONE) {
  const found = checked(addon.shared(nameOf(path, 'the path'), nameOf(environment, 'the environment')));
  ofProcess ??= Registry.share(new Registry(found));
  return ofProcess;
}
let ofProcess; // one, so that using() means the same to all who ask for it

module.exports = { Registry, open, parse, shared };
