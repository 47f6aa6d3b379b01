package trunkline

// #include "helper.h"
import "C"

import (
	"errors"
	"fmt"
	"strings"
	"unsafe"
)

// Status is the class of an error, TL_E_… of trunkline.h.
type Status int32

// The classes, the same for every database; each is a target of errors.Is. docs/errors.md says when it occurs.
const (
	ErrMisuse              Status = C.TL_E_MISUSE
	ErrConfiguration       Status = C.TL_E_CONFIGURATION
	ErrNotFound            Status = C.TL_E_NOT_FOUND
	ErrClosed              Status = C.TL_E_CLOSED
	ErrBusy                Status = C.TL_E_BUSY
	ErrUnavailable         Status = C.TL_E_UNAVAILABLE
	ErrAuthentication      Status = C.TL_E_AUTHENTICATION
	ErrTLS                 Status = C.TL_E_TLS
	ErrAcquireTimeout      Status = C.TL_E_ACQUIRE_TIMEOUT
	ErrConnectTimeout      Status = C.TL_E_CONNECT_TIMEOUT
	ErrStatementTimeout    Status = C.TL_E_STATEMENT_TIMEOUT
	ErrCancelled           Status = C.TL_E_CANCELLED
	ErrReadOnly            Status = C.TL_E_READ_ONLY
	ErrDeadlock            Status = C.TL_E_DEADLOCK
	ErrSerialization       Status = C.TL_E_SERIALIZATION
	ErrLockTimeout         Status = C.TL_E_LOCK_TIMEOUT
	ErrUniqueViolation     Status = C.TL_E_UNIQUE
	ErrForeignKeyViolation Status = C.TL_E_FOREIGN_KEY
	ErrNotNullViolation    Status = C.TL_E_NOT_NULL
	ErrCheckViolation      Status = C.TL_E_CHECK
	ErrConstraint          Status = C.TL_E_CONSTRAINT
	ErrStatement           Status = C.TL_E_STATEMENT
	ErrData                Status = C.TL_E_DATA
	ErrPermission          Status = C.TL_E_PERMISSION
	ErrTooLarge            Status = C.TL_E_TOO_LARGE
	ErrUnsupported         Status = C.TL_E_UNSUPPORTED
	ErrResource            Status = C.TL_E_RESOURCE
	ErrNoMemory            Status = C.TL_E_NO_MEMORY
	ErrInternal            Status = C.TL_E_INTERNAL
	ErrShutdown            Status = C.TL_E_SHUTDOWN
)

// String is the word of docs/errors.md, such as "unique_violation".
func (s Status) String() string { return C.GoString(C.tl_status_name(C.tl_status(s))) }

// Error makes a class a target of errors.Is: errors.Is(err, trunkline.ErrDeadlock).
func (s Status) Error() string { return strings.ReplaceAll(s.String(), "_", " ") }

// Outcome says what became of a statement that failed.
type Outcome int32

// Only the first two are certain not to have had an effect.
const (
	NotSent    Outcome = C.TL_NOT_SENT
	Refused    Outcome = C.TL_REFUSED
	RolledBack Outcome = C.TL_ROLLED_BACK
	Unknown    Outcome = C.TL_UNKNOWN
)

var outcomes = [...]string{"not_sent", "refused", "rolled_back", "unknown"}

func (o Outcome) String() string { return outcomes[o] }

// Detail is one of the pairs that an error has besides: "constraint", "file", "line", "key", "suggestion", "holders",
// ….
type Detail struct{ Key, Value string }

// Error is what every failure of the library is. It never holds a secret.
type Error struct {
	Status     Status
	Code       string // the class as a word, "unique_violation"
	Message    string // one line for a person
	SQLState   string // "" where the server gave none
	Native     int32  // the database's own code, 0: none
	Outcome    Outcome
	Connection string
	Endpoint   string
	Phase      string // configure, acquire, connect, send, receive, decode, reset, or ""
	Details    []Detail
	cause      error // of the context that ended it
}

func (e *Error) Error() string { return e.Message }

// Is reports whether target is the error's class.
func (e *Error) Is(target error) bool {
	status, ok := target.(Status)
	return ok && status == e.Status
}

// Unwrap gives context.Canceled or context.DeadlineExceeded where a context has ended the verb, and otherwise what a
// conversion of the caller's own (sql.Scanner, driver.Valuer) has failed with, or nil.
func (e *Error) Unwrap() error { return e.cause }

// Detail gives the first detail of that key, "" where there is none.
func (e *Error) Detail(key string) string {
	for _, detail := range e.Details {
		if detail.Key == key {
			return detail.Value
		}
	}
	return ""
}

func errorOf(status Status, outcome Outcome, format string, arguments ...any) *Error {
	failure := fmt.Errorf(format, arguments...)
	return &Error{Status: status, Code: status.String(), Message: failure.Error(), Outcome: outcome,
		cause: errors.Unwrap(failure)}
}

// readError takes what a failed call has reported, of which no tl_error need be there, and releases it.
func readError(status C.tl_status, from *C.tl_error) *Error {
	if from == nil {
		return errorOf(Status(status), Unknown, "%s", Status(status).Error())
	}
	defer C.tl_error_release(from)
	read := &Error{
		Status: Status(status), Code: Status(status).String(), Message: C.GoString(C.tl_error_message(from)),
		SQLState: C.GoString(C.tl_error_sqlstate(from)), Native: int32(C.tl_error_native(from)),
		Outcome: Unknown, Connection: C.GoString(C.tl_error_connection(from)),
		Endpoint: C.GoString(C.tl_error_endpoint(from)), Phase: C.GoString(C.tl_error_phase(from)),
	}
	if outcome := int(C.tl_error_outcome(from)); outcome >= 0 && outcome < len(outcomes) {
		read.Outcome = Outcome(outcome)
	}
	var key, value *C.char
	for i := 0; C.tl_error_detail(from, C.size_t(i), &key, &value) == C.TL_OK; i++ {
		read.Details = append(read.Details, Detail{C.GoString(key), C.GoString(value)})
	}
	return read
}

// textAt is the memory of a string, for C to read during one call.
func textAt(text string) *C.char { return *(**C.char)(unsafe.Pointer(&text)) }
