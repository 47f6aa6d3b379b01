package trunkline

// #include <stdlib.h>
// #include "helper.h"
import "C"

import (
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"
)

// core is what handles of a registry share.
type core struct {
	registry *C.tl_registry
	verbs    *table
	queue    atomic.Pointer[queue]
	making   sync.Mutex // of a queue
	places   places

	left    unsafe.Pointer // a list of helper_rows, which the next statement lets go of
	waiting atomic.Int32   // how long it is, about

	names   names
	drivers drivers
	shared  atomic.Bool  // with all code of the process
	asked   atomic.Int32 // subscriptions to questions
}

func newCore(registry *C.tl_registry) *core {
	c := &core{registry: registry, verbs: newTable()}
	runtime.SetFinalizer(c, (*core).release)
	return c
}

func (c *core) release() {
	C.helper_release(c.takeLeft())
	if q := c.queue.Load(); q != nil {
		q.shutdown()
	}
	C.tl_registry_release(c.registry)
}

// queueNow is the queue of statements, made when it is wanted first.
func (c *core) queueNow() (*queue, *Error) {
	if q := c.queue.Load(); q != nil {
		return q, nil
	}
	c.making.Lock()
	defer c.making.Unlock()
	if q := c.queue.Load(); q != nil {
		return q, nil
	}
	q, err := newQueue(c.registry, c.verbs.answers)
	if err == nil {
		go q.dispatch()
		c.queue.Store(q)
	}
	return q, err
}

// stop ends the queue's goroutine when all verbs under way are answered. The next verb makes another.
func (c *core) stop() {
	if q := c.queue.Swap(nil); q != nil {
		q.shutdown()
	}
}

const (
	smallAnswer = 1 << 16 // bytes in a column beyond which its memory does not wait to be released
	mostLeft    = 64
)

// leave lets go of a result with the next statement. One that holds a session, or much memory, goes at once.
func (c *core) leave(rows *C.helper_rows) {
	if rows.streamed != 0 || isLarge(rows) {
		C.helper_release(rows)
		return
	}
	for {
		head := atomic.LoadPointer(&c.left)
		rows.next = (*C.helper_rows)(head)
		if atomic.CompareAndSwapPointer(&c.left, head, unsafe.Pointer(rows)) {
			break
		}
	}
	if c.waiting.Add(1) > mostLeft {
		C.helper_release(c.takeLeft())
	}
}

func (c *core) takeLeft() *C.helper_rows {
	if atomic.LoadPointer(&c.left) == nil {
		return nil
	}
	c.waiting.Store(0)
	return (*C.helper_rows)(atomic.SwapPointer(&c.left, nil))
}

func isLarge(rows *C.helper_rows) bool {
	if rows.rows > 1000 {
		return true
	}
	for _, column := range unsafe.Slice(rows.columns, rows.n) {
		if column.data_len+column.heap_len > smallAnswer {
			return true
		}
	}
	return false
}
