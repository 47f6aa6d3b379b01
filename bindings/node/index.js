'use strict';
// Named database connections from one TOML file.

const addon = require('./lib/addon');
const { checked, classes } = require('./lib/errors');
const { Connection, Handle, Pin, Transaction } = require('./lib/handle');
const { Registry, open, parse, shared } = require('./lib/registry');
const { Result } = require('./lib/result');
const { Stream } = require('./lib/stream');
const { Interval, Json } = require('./lib/values');

module.exports = {
  open,
  parse,
  shared,
  version: addon.version(),
  hasFeature: (name) => checked(addon.hasFeature(String(name))),
  Registry,
  Connection,
  Handle,
  Pin,
  Transaction,
  Result,
  Stream,
  Json,
  Interval,
  ...classes,
};
