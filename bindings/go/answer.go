package trunkline

// #include "helper.h"
import "C"

import (
	"runtime"
	"time"
	"unsafe"
)

// What an answer says beside its rows.

// Affected is how many rows the set's statement inserted, changed, deleted or gave; -1: unknown.
func (r *Rows) Affected() int64 {
	if r.handle == nil {
		return -1
	}
	defer runtime.KeepAlive(r.reader)
	return int64(r.found.affected)
}

// Endpoint is who served it: "host:port/database", or a file.
func (r *Rows) Endpoint() string {
	return r.told(func(result *C.tl_result) string { return C.GoString(C.tl_result_endpoint(result)) })
}

// Connection is the name that Endpoint is of: the one asked, or its fallback.
func (r *Rows) Connection() string {
	return r.told(func(result *C.tl_result) string { return C.GoString(C.tl_result_connection(result)) })
}

var roles = map[C.int32_t]string{C.TL_PRIMARY: "primary", C.TL_REPLICA: "replica"}

// Role is what that was when it began with the statement, "primary" or "replica"; "": nobody served it.
func (r *Rows) Role() string {
	return r.told(func(result *C.tl_result) string { return roles[C.tl_result_role(result)] })
}

func (r *Rows) told(ask func(*C.tl_result) string) string {
	if r.handle == nil {
		return ""
	}
	defer runtime.KeepAlive(r.reader)
	return ask(r.found.result)
}

// Lag is how far that was behind the primary then, at most; false: it is not known.
func (r *Rows) Lag() (time.Duration, bool) {
	if r.handle == nil {
		return 0, false
	}
	lag := C.tl_result_lag_ms(r.found.result)
	runtime.KeepAlive(r.reader)
	return time.Duration(lag) * time.Millisecond, lag >= 0
}

// LastID is the id that the last INSERT made; 0: none.
func (r *Rows) LastID() int64 {
	if r.handle == nil {
		return 0
	}
	defer runtime.KeepAlive(r.reader)
	return int64(r.found.last_id)
}

// Column is what an answer says of one of its columns; -1 and "" stand for unknown.
type Column struct {
	Name      string
	Type      string // trunkline's: "int64", "text", "timestamptz", …; "any" where every value has its own
	TypeName  string // the database's own
	TypeID    uint32 // and its number, 0: none
	Precision int32
	Scale     int32
	Nullable  int32 // 1 or 0
}

// ColumnTypes tells of each column of the set more than its name.
func (r *Rows) ColumnTypes() []Column {
	described := make([]Column, len(r.columns))
	for i := range described {
		of := r.columnAt(i)
		described[i] = Column{C.GoString(of.name), C.GoString(C.tl_type_name(of._type)), C.GoString(of.type_name),
			uint32(of.type_id), int32(of.precision), int32(of.scale), int32(of.nullable)}
	}
	runtime.KeepAlive(r.reader)
	return described
}

// ExportArrow gives the set's rows to the ArrowArrayStream that out points at (https://arrow.apache.org), such as a
// cdata.CArrowArrayStream, and closes these. They are of Stream, and none has been read.
func (r *Rows) ExportArrow(out unsafe.Pointer) error {
	switch {
	case r.handle == nil:
		return errorOf(ErrClosed, Unknown, "the rows are closed")
	case r.found.streamed == 0 || r.before+r.n > 0:
		return errorOf(ErrMisuse, Unknown, "only the rows of Stream can be exported, before they are read")
	}
	var failure *C.tl_error
	status := C.tl_result_export_stream(r.found.result, (*C.struct_ArrowArrayStream)(out), &failure)
	r.let()
	if status != C.TL_OK {
		return readError(status, failure)
	}
	return nil
}

// ReleaseArrow ends a stream of ExportArrow that nobody has imported.
func ReleaseArrow(stream unsafe.Pointer) {
	C.helper_release_arrow((*C.struct_ArrowArrayStream)(stream))
}
