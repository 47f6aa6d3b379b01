'use strict';
// The numbers of trunkline.h; a test compares them with it.

exports.TYPES = {
  NULL: 0, BOOL: 1, INT64: 2, UINT64: 3, FLOAT64: 4, DECIMAL: 5, TEXT: 6, BYTES: 7, DATE: 8, TIME: 9, TIMESTAMP: 10,
  TIMESTAMPTZ: 11, DURATION: 12, INTERVAL: 13, UUID: 14, JSON: 15, LIST: 16, ANY: 17, NAME: 18,
};

exports.STATUS = {
  MISUSE: -1, CONFIGURATION: -2, NOT_FOUND: -3, CLOSED: -4, BUSY: -5, UNAVAILABLE: -6, AUTHENTICATION: -7, TLS: -8,
  ACQUIRE_TIMEOUT: -9, CONNECT_TIMEOUT: -10, STATEMENT_TIMEOUT: -11, CANCELLED: -12, READ_ONLY: -13, DEADLOCK: -14,
  SERIALIZATION: -15, LOCK_TIMEOUT: -16, UNIQUE: -17, FOREIGN_KEY: -18, NOT_NULL: -19, CHECK: -20, CONSTRAINT: -21,
  STATEMENT: -22, DATA: -23, PERMISSION: -24, TOO_LARGE: -25, UNSUPPORTED: -26, RESOURCE: -27, NO_MEMORY: -28,
  INTERNAL: -29, SHUTDOWN: -30,
};

exports.OUTCOMES = ['not_sent', 'refused', 'rolled_back', 'unknown'];

exports.CALL = { READ: 0x1, WRITE: 0x2, STREAM: 0x4 };
exports.BEGIN = { READ_ONLY: 0x1, READ_COMMITTED: 0x10, REPEATABLE_READ: 0x20, SERIALIZABLE: 0x30 };
exports.CHANGE = { VERIFY: 0x1 };
exports.MODES = { dual: 0, read: 1, write: 2 };
exports.ROLES = [null, 'primary', 'replica'];

exports.EVENTS = {
  connect: 0x1, disconnect: 0x2, checkout: 0x4, checkin: 0x8, dial_failed: 0x10, timeout: 0x20, query: 0x40,
  slow_query: 0x80, state_change: 0x100, role_change: 0x800, retry: 0x1000, fallback: 0x2000,
};
exports.ASK = { NAME: 0x200, CREDENTIALS: 0x400 };

// Of a Record of the addon: src/answers.hpp.
exports.KIND = { EVENT: 6, QUESTION: 7 };
