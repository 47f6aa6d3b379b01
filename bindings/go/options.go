package trunkline

// #include <stdlib.h>
// #include "helper.h"
import "C"

import (
	"math"
	"runtime"
	"time"
	"unsafe"
)

// Option says how the verbs of a handle run: see Conn.With.
type Option interface{ apply(*options) }

// Mode is an option of Registry.On: what the handle's statements may do, and who serves them.
type Mode int32

const (
	Dual  Mode = C.TL_DUAL  // reads to a replica where there is one, writes to the primary
	Read  Mode = C.TL_READ  // reads only; a write is ErrReadOnly
	Write Mode = C.TL_WRITE // everything to the primary
)

func (m Mode) apply(o *options) { o.mode = m }

type option func(*options)

func (set option) apply(o *options) { set(o) }

// Forever is no limit: of Timeout, of MaxLag, and of a context that says when it ends.
const Forever time.Duration = math.MaxInt64

// Timeout is for all of a verb: waiting for a session, dialling, running; of a stream also for each read from it.
// Without it, and where it is 0, the connection's call_timeout holds. A context may end it sooner.
func Timeout(d time.Duration) Option { return option(func(o *options) { o.timeout = milliseconds(d) }) }

// MaxLag is how far a replica may be behind to serve a read; 0: as the connection's replicas.max_lag says.
func MaxLag(d time.Duration) Option { return option(func(o *options) { o.maxLag = milliseconds(d) }) }

// Fallback names the connection that serves reads while no server of this one can be reached or lent.
func Fallback(name string) Option {
	text := &cString{C.CString(name)}
	runtime.SetFinalizer(text, (*cString).free)
	return option(func(o *options) { o.fallback = text })
}

// Reading says that statements only read, and Writing that they write, where their texts do not show it.
var (
	Reading Option = option(func(o *options) { o.flags = C.TL_CALL_READ })
	Writing Option = option(func(o *options) { o.flags = C.TL_CALL_WRITE })
)

// Batch is how many rows and bytes of a stream are read at once; 0: 65536 rows, 4 MiB.
func Batch(rows, bytes uint32) Option {
	return option(func(o *options) { o.batchRows, o.batchBytes = rows, bytes })
}

// Streaming is of Registry.DB: rows are read as database/sql asks for them, and hold their session until then.
// Otherwise an answer is read whole, up to the connection's result_bytes.
var Streaming Option = option(func(o *options) { o.streaming = true })

type options struct {
	mode       Mode
	timeout    int64
	maxLag     int64
	fallback   *cString
	flags      uint32
	changes    uint32
	streaming  bool
	batchRows  uint32
	batchBytes uint32
}

func (o options) with(more []Option) options {
	for _, option := range more {
		option.apply(&o)
	}
	return o
}

// where lays those that every verb may have into a call.
func (o *options) where(call *C.tl_call) {
	call.timeout_ms = C.int64_t(o.timeout)
	call.max_lag_ms = C.int64_t(o.maxLag)
}

// statement lays those into it that statements have besides.
func (o *options) statement(call *C.tl_call) {
	o.where(call)
	call.flags = C.uint32_t(o.flags)
	if o.fallback != nil {
		call.fallback = o.fallback.text
	}
}

// milliseconds as the library wants them, of which 0 is its default and -1 no limit.
func milliseconds(d time.Duration) int64 {
	switch {
	case d == Forever:
		return -1
	case d == 0:
		return 0
	case d < 0:
		return 1 // it is over
	}
	return int64((d + time.Millisecond - 1) / time.Millisecond)
}

// cString is text that the library reads in later calls.
type cString struct{ text *C.char }

func (s *cString) free() { C.free(unsafe.Pointer(s.text)) }
