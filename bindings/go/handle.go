package trunkline

// #include "helper.h"
import "C"

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
)

// owned is a tl_conn. It knows nothing of its registry, which keeps it for the next On: a circle would never be
// collected.
type owned struct {
	pointer *C.tl_conn
	local   atomic.Int32
}

func own(pointer *C.tl_conn) *owned {
	o := &owned{pointer: pointer}
	runtime.SetFinalizer(o, (*owned).release)
	return o
}

func (o *owned) release() { C.tl_conn_release(o.pointer) }

// handle is what verbs are called on.
type handle struct {
	core *core
	*owned
	name string // of a pooled one; "": the default
	held bool   // pinned, or in a transaction: one session, which ends

	transaction bool
	busy        atomic.Int32 // verbs on a held one
	streams     atomic.Int32 // of a held one, which are not read to their end
	mu          sync.RWMutex // of a held one's pointer
}

// child is a handle on one session of this one's.
func (h *handle) child(pointer *C.tl_conn) *handle {
	child := &handle{core: h.core, owned: own(pointer), held: true}
	child.local.Store(h.local.Load())
	return child
}

// release gives the session of a held handle back, and leaves verbs under way alone.
func (h *handle) release() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.pointer != nil {
		runtime.SetFinalizer(h.owned, nil)
		h.owned.release()
		h.pointer = nil
	}
}

func (h *handle) ended() bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.pointer == nil
}

const (
	unknownPlace = iota
	computedHere // a SQLite database: who asks computes
	elsewhere
)

// computing counts statements that run on their goroutine's thread. More of them than there are processors would gain
// nothing, and each that waits for another would hold a thread.
var computing atomic.Int32

// entering tells whether a verb runs on its caller's thread, which saves SQLite's two switches between threads.
func (h *handle) entering() (blocking bool) {
	if h.held && h.busy.Add(1) > 1 {
		return false
	}
	// The library would take a verb on the thread that happened to take a question for one that waits for its own
	// answer.
	if h.core.asked.Load() > 0 {
		return false
	}
	local := h.local.Load()
	if local == unknownPlace {
		local = h.core.drivers.placeOf(h.core, h.name)
		h.local.Store(local)
	}
	if local != computedHere {
		return false
	}
	if computing.Add(1) > int32(runtime.GOMAXPROCS(0)) {
		computing.Add(-1)
		return false
	}
	return true
}

func (h *handle) leaving(blocking bool) {
	if blocking {
		computing.Add(-1)
	}
	if h.held {
		h.busy.Add(-1)
	}
}

func errHandleEnded() error {
	return errorOf(ErrClosed, NotSent, "the transaction or the pinned session has ended")
}

// run runs a verb of the handle's.
func (h *handle) run(ctx context.Context, v *verb, submit func(*C.tl_conn) C.tl_status) error {
	if h.held && h.ended() {
		return errHandleEnded()
	}
	if h.streams.Load() > 0 && !v.reads {
		return errorOf(ErrBusy, NotSent, "a stream of this session is open: read it to its end, or close it")
	}
	v.waits = !h.held && !v.reads
	guarded := func() C.tl_status {
		if !h.held {
			return submit(h.pointer)
		}
		h.mu.RLock()
		defer h.mu.RUnlock()
		if h.pointer == nil {
			return C.TL_E_CLOSED
		}
		return submit(h.pointer)
	}
	blocking := h.entering()
	err := h.core.run(ctx, v, blocking, guarded)
	if blocking && h.held && errors.Is(err, ErrBusy) {
		// The verb before has been answered, and is about to leave its session. On the queue this one waits for its
		// turn.
		v.again()
		err = h.core.run(ctx, v, false, guarded)
	}
	h.leaving(blocking)
	runtime.KeepAlive(h.owned)
	return err
}
