package trunkline

// #include "helper.h"
import "C"

import (
	"context"
	"reflect"
	"runtime"
	"sync"
	"time"
	"unsafe"
)

// Rows is an answer: sets of rows, of which Next goes to the next one. One goroutine at a time.
//
//	for rows.Next() {
//		err := rows.Scan(&id, &name)
//	}
//	err := rows.Err()
type Rows struct {
	handle *handle // nil: closed
	found  *C.helper_rows
	reader *reader

	columns []column // of the batch
	n, at   int      // rows of the batch, and which one is read
	before  int      // rows of the set in earlier batches
	names   []string

	ctx     context.Context // of a stream
	timeout int64
	op      C.tl_op
	ended   bool // all of the set's rows have been read
	moved   bool // on from the set, to the next one where there is more
	more    bool
	counted bool // among the open streams of its session
	err     error
}

// reader is what is used again for other answers. It lets go of an answer that nobody has closed or can any more: to
// look after each answer of its own would cost more than to read a row.
type reader struct {
	columns []column
	found   *C.helper_rows
}

var readers = sync.Pool{New: func() any {
	made := &reader{}
	runtime.SetFinalizer(made, func(r *reader) { C.helper_release(r.found) })
	return made
}}

func (r *Rows) begin(h *handle, found *C.helper_rows) {
	r.handle, r.found = h, found
	r.reader = readers.Get().(*reader)
	r.reader.found = found
	if found.streamed != 0 && h.held {
		r.counted = true
		h.streams.Add(1)
	}
	r.beginSet()
}

// over says that a stream has no more to come.
func (r *Rows) over() {
	if r.counted {
		r.counted = false
		r.handle.streams.Add(-1)
	}
}

func (r *Rows) beginSet() {
	r.names, r.before, r.ended, r.moved, r.more = nil, 0, false, false, false
	n := int(r.found.n)
	if n > cap(r.reader.columns) {
		r.reader.columns = make([]column, n)
	}
	r.columns = r.reader.columns[:n]
	r.openBatch()
}

func (r *Rows) openBatch() {
	r.at, r.n = -1, int(r.found.rows)
	if r.n == 0 {
		return
	}
	for i := range r.columns {
		r.columns[i].open(r.columnAt(i), r.n)
	}
}

func (r *Rows) columnAt(i int) *C.tl_column {
	return (*C.tl_column)(unsafe.Add(unsafe.Pointer(r.found.columns), i*C.sizeof_tl_column))
}

// Next goes to the next row; false: the set has ended, or Err says why there is none.
func (r *Rows) Next() bool {
	r.at++
	for r.at >= r.n {
		if !r.nextBatch() {
			return false
		}
		r.at++
	}
	return true
}

// nextBatch replaces the batch that has been read; false: there is no other.
func (r *Rows) nextBatch() bool {
	if r.handle == nil || r.err != nil || r.ended || len(r.columns) == 0 {
		return false
	}
	if r.found.streamed == 0 && r.found.ahead == nil {
		r.at, r.ended = r.n, true
		return false
	}
	r.before += r.n
	r.err = r.readBatch()
	if r.err != nil {
		r.n, r.at = 0, 0
		r.let()
		return false
	}
	r.openBatch()
	r.ended = r.n == 0
	if r.ended && r.counted {
		r.peek() // at the end of the last set the session is free for others
	}
	return !r.ended
}

func (r *Rows) readBatch() error {
	if r.found.streamed == 0 {
		if status := C.helper_next(r.found, nil, nil); status != C.TL_OK {
			return readError(status, nil)
		}
		return nil
	}
	err := r.read(func(v *verb) C.tl_status {
		if v.c.call.queue == nil {
			return C.helper_next(r.found, &v.c.call, &v.c.err)
		}
		return C.tl_result_next(r.found.result, &v.c.call, nil, &v.c.err)
	}, func(v *verb, queued bool) {
		if queued {
			C.helper_take(r.found, (*C.tl_batch)(v.c.value))
		}
	})
	r.found.affected = C.tl_result_affected(r.found.result)
	return err
}

// read runs a verb of a stream's.
func (r *Rows) read(submit func(*verb) C.tl_status, then func(v *verb, queued bool)) error {
	v := r.handle.core.verbs.get()
	v.c.call.timeout_ms = C.int64_t(r.timeout)
	v.cancel, v.reads = r.op, true
	err := r.handle.run(r.ctx, v, func(*C.tl_conn) C.tl_status { return submit(v) })
	if err == nil {
		then(v, v.c.call.queue != nil)
	}
	r.handle.core.verbs.put(v)
	return err
}

// Scan copies the row's values to what the destinations point at: numbers, text, bool, time.Time, []byte, any, slices
// for lists, pointers for what may be NULL, sql.Scanner, and types of this package. A value that would not be the same
// there is an error that names row and column.
func (r *Rows) Scan(destinations ...any) error {
	if err := r.check(len(destinations)); err != nil {
		return err
	}
	for i, destination := range destinations {
		if err := r.scan(i, destination); err != nil {
			return err
		}
	}
	return nil
}

func (r *Rows) check(n int) error {
	switch {
	case r.handle == nil:
		return errorOf(ErrClosed, Unknown, "the rows are closed")
	case r.at < 0 || r.at >= r.n:
		return errorOf(ErrMisuse, Unknown, "there is no row: call Next before")
	case n != len(r.columns):
		return errorOf(ErrMisuse, Unknown, "a row has %d columns, and there are %d destinations", len(r.columns), n)
	}
	return nil
}

func (r *Rows) scan(i int, destination any) error {
	column := &r.columns[i]
	var bad *misfit
	switch to := destination.(type) {
	case *int64:
		bad = fillInt[int64](column, r.at, 1, unsafe.Pointer(to), 0)
	case *int:
		bad = fillInt[int](column, r.at, 1, unsafe.Pointer(to), 0)
	case *int32:
		bad = fillInt[int32](column, r.at, 1, unsafe.Pointer(to), 0)
	case *string:
		bad = fillString(column, r.at, 1, unsafe.Pointer(to), 0)
	case *float64:
		bad = fillFloat[float64](column, r.at, 1, unsafe.Pointer(to), 0)
	case *bool:
		bad = fillBool(column, r.at, 1, unsafe.Pointer(to), 0)
	case *time.Time:
		bad = fillTime(column, r.at, 1, unsafe.Pointer(to), 0)
	case *[]byte:
		bad = fillBytes(column, r.at, 1, unsafe.Pointer(to), 0)
	case *any:
		bad = fillAny(column, r.at, 1, unsafe.Pointer(to), 0)
	default:
		target := reflect.ValueOf(destination)
		if target.Kind() != reflect.Pointer || target.IsNil() {
			return errorOf(ErrMisuse, Unknown, "destination %d is no pointer but a %T", i+1, destination)
		}
		fill, err := fillerOf(target.Type().Elem())
		if err != nil {
			return err
		}
		bad = fill(column, r.at, 1, target.UnsafePointer(), 0)
	}
	runtime.KeepAlive(r.reader)
	if bad != nil {
		return r.misfit(i, bad)
	}
	return nil
}

func (r *Rows) misfit(column int, bad *misfit) error {
	return &Error{Status: ErrData, Code: ErrData.String(), Outcome: Unknown, Phase: "decode", cause: bad.cause,
		Message: "row " + decimal(r.before+bad.row+1) + ", column \"" + r.Columns()[column] + "\": " + bad.reason}
}

// Values gives the row's values, each as Go's own type for it.
func (r *Rows) Values() ([]any, error) {
	values := make([]any, len(r.columns))
	if err := r.check(len(values)); err != nil {
		return nil, err
	}
	for i := range values {
		value, bad := r.columns[i].value(r.at)
		if bad != nil {
			return nil, r.misfit(i, bad)
		}
		values[i] = value
	}
	runtime.KeepAlive(r.reader)
	return values, nil
}

// Err tells what has ended the rows too early.
func (r *Rows) Err() error { return r.err }

// Close lets go of what is left; a stream's session goes home. Harmless when repeated.
func (r *Rows) Close() error {
	if r.handle != nil {
		r.let()
	}
	return nil
}

func (r *Rows) let() {
	r.over()
	for i := range r.columns {
		r.columns[i] = column{}
	}
	r.reader.found = nil
	readers.Put(r.reader)
	r.handle.core.leave(r.found)
	r.handle, r.found, r.reader, r.columns, r.n, r.at = nil, nil, nil, nil, 0, 0
}

// Columns are the names of the set's columns; none of a statement that gives no rows.
func (r *Rows) Columns() []string {
	if r.names == nil && r.handle != nil {
		r.names = make([]string, len(r.columns))
		for i := range r.names {
			r.names[i] = C.GoString(r.columnAt(i).name)
		}
		runtime.KeepAlive(r.reader)
	}
	return r.names
}

// index is where the column of that name is, -1: nowhere.
func (r *Rows) index(name string) int {
	for i, column := range r.Columns() {
		if column == name {
			return i
		}
	}
	return -1
}

// NextResultSet goes to the next set of rows, of several statements in one text, and drops what is left of this one.
func (r *Rows) NextResultSet() bool { return r.peek() && r.openSet() }

// peek tells whether there is another set. What the columns of this one are can be asked until openSet.
func (r *Rows) peek() (more bool) {
	if !r.moved {
		r.Columns()
		r.moved, r.more = true, r.moveOn()
		if !r.more && r.handle != nil {
			r.over()
		}
	}
	return r.more
}

func (r *Rows) moveOn() (more bool) {
	if r.handle == nil || r.err != nil {
		return false
	}
	if r.found.streamed == 0 {
		var number C.int32_t
		status := C.tl_result_next_set(r.found.result, nil, &number, nil)
		more = status == C.TL_OK && number != 0
	} else {
		r.err = r.read(func(v *verb) C.tl_status {
			return C.tl_result_next_set(r.found.result, &v.c.call, &v.c.number, &v.c.err)
		}, func(v *verb, _ bool) { more = v.c.number != 0 })
	}
	r.n, r.at, r.ended = 0, 0, true
	return more
}

func (r *Rows) openSet() bool {
	if status := C.helper_begin_set(r.found); status != C.TL_OK {
		r.err = readError(status, nil)
		return false
	}
	if r.found.streamed == 0 && r.found.n > 0 {
		C.helper_next(r.found, nil, nil)
	}
	r.beginSet()
	return true
}
