'use strict';
// Errors: one class for each class that trunkline tells apart. Those of a group share a base.

const addon = require('./addon');
const { OUTCOMES, STATUS } = require('./constants');

class TrunklineError extends Error {
  constructor(message, fields = {}) {
    super(message);
    this.status = fields.status ?? new.target.status;
    this.code = addon.statusName(this.status);
    this.sqlstate = fields.sqlstate ?? '';
    this.native = fields.native ?? 0;
    this.outcome = fields.outcome ?? 'not_sent';
    this.connection = fields.connection ?? '';
    this.endpoint = fields.endpoint ?? '';
    this.phase = fields.phase ?? '';
    this.details = fields.details ?? [];
  }
}
TrunklineError.status = STATUS.INTERNAL;
// On the prototype, as it is with the errors of JavaScript, so that it is not one more property to print.
named(TrunklineError, 'TrunklineError');

function named(made, name) {
  Object.defineProperty(made.prototype, 'name', { value: name, writable: true, configurable: true });
}

const classes = { TrunklineError };
const byStatus = new Map();

function define(name, base, status) {
  const made = { [name]: class extends base {} }[name];
  named(made, name);
  if (status !== undefined) {
    made.status = status;
    byStatus.set(status, made);
  }
  classes[name] = made;
  return made;
}

define('Misuse', TrunklineError, STATUS.MISUSE);
define('ConfigurationError', TrunklineError, STATUS.CONFIGURATION);
define('NotFound', TrunklineError, STATUS.NOT_FOUND);
define('Closed', TrunklineError, STATUS.CLOSED);
define('Busy', TrunklineError, STATUS.BUSY);
define('Unavailable', TrunklineError, STATUS.UNAVAILABLE);
define('AuthenticationError', TrunklineError, STATUS.AUTHENTICATION);
define('TlsError', TrunklineError, STATUS.TLS);
const Timeout = define('Timeout', TrunklineError);
define('AcquireTimeout', Timeout, STATUS.ACQUIRE_TIMEOUT);
define('ConnectTimeout', Timeout, STATUS.CONNECT_TIMEOUT);
define('StatementTimeout', Timeout, STATUS.STATEMENT_TIMEOUT);
define('LockTimeout', Timeout, STATUS.LOCK_TIMEOUT);
define('Cancelled', TrunklineError, STATUS.CANCELLED);
define('ReadOnlyError', TrunklineError, STATUS.READ_ONLY);
define('Deadlock', TrunklineError, STATUS.DEADLOCK);
define('SerializationFailure', TrunklineError, STATUS.SERIALIZATION);
const IntegrityError = define('IntegrityError', TrunklineError, STATUS.CONSTRAINT);
define('UniqueViolation', IntegrityError, STATUS.UNIQUE);
define('ForeignKeyViolation', IntegrityError, STATUS.FOREIGN_KEY);
define('NotNullViolation', IntegrityError, STATUS.NOT_NULL);
define('CheckViolation', IntegrityError, STATUS.CHECK);
define('StatementError', TrunklineError, STATUS.STATEMENT);
const DataError = define('DataError', TrunklineError, STATUS.DATA);
define('TooLarge', DataError, STATUS.TOO_LARGE);
define('PermissionDenied', TrunklineError, STATUS.PERMISSION);
define('NotSupportedError', TrunklineError, STATUS.UNSUPPORTED);
define('ResourceError', TrunklineError, STATUS.RESOURCE);
define('OutOfMemory', TrunklineError, STATUS.NO_MEMORY);
define('InternalError', TrunklineError, STATUS.INTERNAL);
define('Shutdown', TrunklineError, STATUS.SHUTDOWN);

// An error that this package has found itself, of the class that the library would use.
function ofStatus(status, message, fields) {
  return new (byStatus.get(status) ?? TrunklineError)(message, { status, ...fields });
}

// What the addon tells of a failed call. What it has refused itself has a status and a message.
function ofFailure([status, message, sqlstate, native, connection, endpoint, phase, outcome = 0, flat = []]) {
  if (message === undefined) {
    return ofStatus(status, addon.statusName(status).replaceAll('_', ' '), { outcome: 'unknown' });
  }
  const details = [];
  for (let i = 0; i < flat.length; i += 2) details.push([flat[i], flat[i + 1]]);
  return ofStatus(status, message,
    { sqlstate, native, connection, endpoint, phase, outcome: OUTCOMES[outcome] ?? 'unknown', details });
}

// The value that a call of the addon has answered at once.
function checked(answer) {
  if (Array.isArray(answer)) throw ofFailure(answer);
  return answer;
}

module.exports = { classes, checked, ofFailure, ofStatus };
