package trunkline

// #include <stdlib.h>
// #include "helper.h"
import "C"

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"
)

// verb is one call of the library that may wait. It is used again for others: the library knows it by its number. What
// C reads and writes of it is C's own memory, which goes with the registry.
type verb struct {
	c      *C.helper_verb
	cancel C.tl_op // what the end of its context cancels; 0: its own op
	index  C.uint64_t
	status C.tl_status
	done   chan struct{}

	reads bool // from a stream, which has its session
	waits bool // for a session, perhaps

	// Of a statement that the dispatcher may submit.
	conn    *C.tl_conn
	sql     string
	values  *parameters
	room    int  // bytes for it in C's memory
	refused bool // its submission was
}

// table gives verbs their numbers.
type table struct {
	mu   sync.Mutex
	all  []*verb
	free []*verb
}

func newTable() *table {
	t := &table{}
	runtime.SetFinalizer(t, (*table).release)
	return t
}

func (t *table) release() {
	for _, v := range t.all {
		C.free(unsafe.Pointer(v.c.memory))
		C.free(unsafe.Pointer(v.c))
	}
}

func (t *table) get() *verb {
	t.mu.Lock()
	if last := len(t.free) - 1; last >= 0 {
		v := t.free[last]
		t.free = t.free[:last]
		t.mu.Unlock()
		return v
	}
	defer t.mu.Unlock()
	memory := (*C.helper_verb)(C.calloc(1, C.sizeof_helper_verb))
	memory.call.struct_size = C.sizeof_tl_call
	v := &verb{c: memory, index: C.uint64_t(len(t.all)), done: make(chan struct{}, 1)}
	t.all = append(t.all, v)
	return v
}

func (t *table) put(v *verb) {
	v.c.call = C.tl_call{struct_size: C.sizeof_tl_call}
	v.c.err, v.c.value, v.c.number, v.cancel = nil, nil, 0, 0
	v.conn, v.sql, v.values, v.refused, v.reads, v.waits = nil, "", nil, false, false, false
	t.mu.Lock()
	t.free = append(t.free, v)
	t.mu.Unlock()
}

// again prepares it for another try, under another id: the one before has been used.
func (v *verb) again() {
	if v.c.call.op != 0 {
		v.c.call.op, v.cancel = 0, 0
	}
	C.tl_error_release(v.c.err)
	v.c.err, v.refused = nil, false
}

func (t *table) known() []*verb {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.all
}

// asker numbers those who ask without saying who they are: goroutines share threads, by which the library would know
// them.
var asker atomic.Uint64

// run has submit make the call, which waits there or on the queue. A context that ends cancels the call, and what the
// call has come to is known when run returns.
func (c *core) run(ctx context.Context, v *verb, blocking bool, submit func() C.tl_status) error {
	if err := ctx.Err(); err != nil {
		return endedBefore(err)
	}
	cancellable := ctx.Done() != nil
	if cancellable {
		c.reserveOp(v)
	}
	v.c.call.owner = ownerOf(ctx)
	var failure *Error
	if blocking {
		failure = c.block(ctx, v, cancellable, submit)
	} else {
		failure = c.enqueue(ctx, v, cancellable, submit)
	}
	runtime.KeepAlive(c)
	if failure == nil {
		return nil
	}
	if failure.Status == ErrCancelled {
		failure.cause = ctx.Err()
	}
	return failure
}

func endedBefore(cause error) *Error {
	failure := errorOf(ErrCancelled, NotSent, "the context had ended before: %w", cause)
	return failure
}

// block makes the call on this goroutine's thread.
func (c *core) block(ctx context.Context, v *verb, cancellable bool, submit func() C.tl_status) *Error {
	if v.c.call.owner == 0 {
		v.c.call.owner = C.uint64_t(asker.Add(1) | 1<<63)
	}
	if cancellable {
		ended := make(chan struct{})
		defer close(ended)
		go c.cancelWith(ctx, v.cancel, ended)
	}
	v.status = submit()
	if v.status != C.TL_OK {
		c.releaseOp(v)
	}
	return v.failure()
}

func (c *core) cancelWith(ctx context.Context, op C.tl_op, ended <-chan struct{}) {
	select {
	case <-ended:
	case <-ctx.Done():
		C.tl_cancel(c.registry, op)
		runtime.KeepAlive(c)
	}
}

// enqueue makes it on the queue. A goroutine that waits there holds no thread.
func (c *core) enqueue(ctx context.Context, v *verb, cancellable bool, submit func() C.tl_status) *Error {
	if v.waits {
		if err := c.places.take(ctx); err != nil {
			c.releaseOp(v)
			return endedBefore(err)
		}
		defer c.places.give()
	}
	for {
		q, failure := c.queueNow()
		if failure != nil {
			c.releaseOp(v)
			return failure
		}
		begun := c.submit(q, v, submit)
		runtime.KeepAlive(q)
		if begun {
			c.wait(ctx, v, cancellable)
		}
		if begun && !v.refused {
			return v.failure()
		}
		if v.status != C.TL_E_SHUTDOWN || c.queue.Load() == q { // else Close has ended it, and there is another
			c.releaseOp(v)
			return v.failure()
		}
		v.again()
		if cancellable {
			c.reserveOp(v)
		}
	}
}

// gate lets as many callers into C at once as there are processors: each more would take a thread to wait for a lock.
var gate = make(chan struct{}, runtime.GOMAXPROCS(0))

// submit has it begun by the dispatcher, or here; false: that was refused. Otherwise v is the dispatcher's until it is
// done, and may have been refused there.
func (c *core) submit(q *queue, v *verb, submit func() C.tl_status) (begun bool) {
	v.c.call.queue = q.pointer
	v.c.call.user_data = v.index
	if v.c.call.flags&C.TL_CALL_STREAM != 0 {
		v.c.call.user_data |= C.HELPER_STREAMED
	}
	if q.hand(v) {
		return true
	}
	statement := v.conn != nil
	if !statement {
		gate <- struct{}{}
	}
	status := submit() // from here on v may be done
	if statement {
		q.submitted()
	} else {
		<-gate
	}
	if status != C.TL_OK {
		v.status = status
	}
	return status == C.TL_OK
}

// failure takes what it has failed with; nil: it has not.
func (v *verb) failure() *Error {
	if v.status == C.TL_OK {
		return nil
	}
	failure := readError(v.status, v.c.err)
	v.c.err = nil
	return failure
}

func (c *core) wait(ctx context.Context, v *verb, cancellable bool) {
	if !cancellable {
		<-v.done
		return
	}
	select {
	case <-v.done:
	case <-ctx.Done():
		C.tl_cancel(c.registry, v.cancel)
		<-v.done
	}
}

// reserveOp gives it the id under which it is cancelled. Reads of a stream are cancelled as the statement that they
// belong to.
func (c *core) reserveOp(v *verb) {
	if v.cancel == 0 {
		v.c.call.op = C.tl_op_new(c.registry)
		v.cancel = v.c.call.op
	}
}

// releaseOp lets go of an id that the call has not used.
func (c *core) releaseOp(v *verb) {
	if v.c.call.op != 0 {
		C.tl_op_release(c.registry, v.c.call.op)
	}
}

type ownerKey struct{}

// ownerOf is whose sessions the context knows of: of a transaction or pin that a function is called with.
func ownerOf(ctx context.Context) C.uint64_t {
	owner, _ := ctx.Value(ownerKey{}).(uint64)
	return C.uint64_t(owner)
}

// withOwner gives a context by which the library tells that its caller waits for itself.
func withOwner(ctx context.Context) context.Context {
	if ownerOf(ctx) != 0 {
		return ctx
	}
	return context.WithValue(ctx, ownerKey{}, asker.Add(1)|1<<62)
}
