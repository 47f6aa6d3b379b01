// The same for `import`.
import trunkline from './index.js';

export const {
  open, parse, shared, version, hasFeature,
  Registry, Connection, Handle, Pin, Transaction, Result, Stream, Json, Interval,
  TrunklineError, Misuse, ConfigurationError, NotFound, Closed, Busy, Unavailable, AuthenticationError, TlsError,
  Timeout, AcquireTimeout, ConnectTimeout, StatementTimeout, LockTimeout, Cancelled, ReadOnlyError, Deadlock,
  SerializationFailure, IntegrityError, UniqueViolation, ForeignKeyViolation, NotNullViolation, CheckViolation,
  StatementError, DataError, TooLarge, PermissionDenied, NotSupportedError, ResourceError, OutOfMemory, InternalError,
  Shutdown,
} = trunkline;
export default trunkline;
