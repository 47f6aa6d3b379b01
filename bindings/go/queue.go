package trunkline

// #include <stdlib.h>
// #include "helper.h"
import "C"

import (
	"os"
	"runtime"
	"sync"
	"syscall"
	"unsafe"
)

const together = 256 // completions taken at once

// linger is how long the goroutine of a queue waits in C before it waits as for a socket, in milliseconds. It is woken
// sooner there: the runtime would first look into an epoll that is in its own.
const linger = 20

// queue is a tl_queue and the goroutine that takes from it, which in the end waits as for a socket and holds no thread.
// While it is awake callers have it submit their statements, many with one call into C: if each did so itself, they
// would wait for each other's locks.
type queue struct {
	pointer *C.tl_queue
	file    *os.File // of a copy of its descriptor, which is the library's to close
	taken   *C.tl_completion
	n       C.size_t
	deliver func([]C.tl_completion)

	mu     sync.Mutex
	awake  bool
	woken  bool // a caller has, or is about to
	closed bool
	inside int // callers that submit themselves
	handed []*verb
	turn   []*verb // those that are being submitted
}

// newQueue makes one whose goroutine the caller starts.
func newQueue(registry *C.tl_registry, deliver func([]C.tl_completion)) (*queue, *Error) {
	q := &queue{deliver: deliver}
	var err *C.tl_error
	if status := C.tl_queue_new(registry, 0, &q.pointer, &err); status != C.TL_OK {
		return nil, readError(status, err)
	}
	fd, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(C.tl_queue_fd(q.pointer)), syscall.F_DUPFD_CLOEXEC, 0)
	if errno != 0 {
		C.tl_queue_release(q.pointer)
		return nil, errorOf(ErrResource, NotSent, "no descriptor for a queue: %w", errno)
	}
	syscall.SetNonblock(int(fd), true) // without which the runtime does not poll it
	q.file = os.NewFile(fd, "trunkline-queue")
	q.taken = (*C.tl_completion)(C.calloc(together, C.sizeof_tl_completion))
	runtime.SetFinalizer(q, (*queue).release)
	return q, nil
}

// shutdown ends the goroutine when what is under way has been answered.
func (q *queue) shutdown() { C.tl_queue_shutdown(q.pointer) }

func (q *queue) dispatch() {
	connection, err := q.file.SyscallConn()
	if err == nil {
		err = connection.Read(func(uintptr) bool { return q.drain() })
	}
	if err != nil {
		panic("trunkline: the runtime cannot poll a queue: " + err.Error())
	}
	q.file.Close()
	q.deliver = nil // which may know the queue: a circle would never be collected
}

// release is for when nobody can name the queue in a call any more.
func (q *queue) release() {
	C.tl_queue_release(q.pointer)
	C.free(unsafe.Pointer(q.taken))
}

// longestHanded is up to how many bytes a statement is copied for the dispatcher.
const longestHanded = 4096

// hand gives a statement to the dispatcher; false: the caller is to submit it, and say submitted. That is so while the
// dispatcher sleeps, unless there are as many callers in C already as there are processors: each more would take a
// thread to wait for a lock.
func (q *queue) hand(v *verb) bool {
	if v.conn == nil {
		return false
	}
	q.mu.Lock()
	if q.closed || !q.awake && q.inside < runtime.GOMAXPROCS(0) {
		q.inside++
		q.mu.Unlock()
		return false
	}
	v.copyStatement()
	q.handed = append(q.handed, v)
	wakes := !q.awake && !q.woken
	q.woken = q.woken || wakes
	q.mu.Unlock()
	if wakes {
		C.tl_queue_wake(q.pointer)
	}
	return true
}

func (q *queue) submitted() {
	q.mu.Lock()
	q.inside--
	q.mu.Unlock()
}

// copyStatement puts it where C may read it later.
func (v *verb) copyStatement() {
	n := len(v.values.records) * C.sizeof_tl_value
	size := n + len(v.values.arena) + len(v.sql)
	if size > v.room {
		C.free(unsafe.Pointer(v.c.memory))
		v.room = size + size/2
		v.c.memory = (*C.char)(C.malloc(C.size_t(v.room)))
	}
	memory := unsafe.Slice((*byte)(unsafe.Pointer(v.c.memory)), v.room)
	if n > 0 {
		copy(memory, unsafe.Slice((*byte)(unsafe.Pointer(&v.values.records[0])), n))
	}
	copy(memory[n:], v.values.arena)
	copy(memory[n+len(v.values.arena):], v.sql)
	v.c.conn = v.conn
	v.c.n, v.c.arena_len = C.size_t(len(v.values.records)), C.size_t(len(v.values.arena))
	v.c.sql_len = C.size_t(len(v.sql))
}

// drain hands out what has arrived, and what it brings about; true: nothing will arrive any more.
func (q *queue) drain() (ended bool) {
	idle := false
	for {
		woken, timeout := q.begin(idle)
		status := C.helper_turn(q.pointer, q.list(), q.taken, together, timeout, &q.n)
		q.refuse()
		q.deliver(unsafe.Slice(q.taken, together)[:q.n])
		if status == C.TL_E_SHUTDOWN || status == C.TL_E_CLOSED {
			return q.close()
		}
		quiet := q.n == 0 && !woken && q.sleep()           // what was woken may have left something
		if quiet && (idle || runtime.GOMAXPROCS(0) == 1) { // to wait in C would keep the only processor from the others
			return false
		}
		idle = quiet
		// So that those who were answered ask again, and what they ask goes as one; once more for those whom another
		// processor has taken.
		runtime.Gosched()
		runtime.Gosched()
	}
}

// begin takes what was handed over. Where there is nothing an idle one sleeps in its turn.
func (q *queue) begin(idle bool) (woken bool, timeout C.int64_t) {
	q.mu.Lock()
	defer q.mu.Unlock()
	woken, q.woken = q.woken, false
	q.turn, q.handed = q.handed, q.turn[:0]
	q.awake = !idle || woken || len(q.turn) > 0
	if !q.awake {
		timeout = linger
	}
	return woken, timeout
}

// sleep is false where somebody has handed over a statement meanwhile.
func (q *queue) sleep() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.awake = len(q.handed) > 0
	return !q.awake
}

// list chains the statements of the turn.
func (q *queue) list() *C.helper_verb {
	var list *C.helper_verb
	for i := len(q.turn) - 1; i >= 0; i-- {
		q.turn[i].c.next = list
		list = q.turn[i].c
	}
	return list
}

// refuse tells those of the turn whose submission has failed.
func (q *queue) refuse() {
	for _, v := range q.turn {
		if v.c.submitted != C.TL_OK {
			v.status, v.refused = v.c.submitted, true
			v.done <- struct{}{}
		}
	}
}

// close refuses what comes too late, so that it goes to the next queue.
func (q *queue) close() (ended bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.awake, q.closed = false, true
	for _, v := range q.handed {
		v.status, v.refused = C.TL_E_SHUTDOWN, true
		v.done <- struct{}{}
	}
	q.handed = nil
	return true
}

// answers tells verbs what they have come to.
func (t *table) answers(completions []C.tl_completion) {
	verbs := t.known()
	for i := range completions {
		completion := &completions[i]
		v := verbs[completion.user_data&^C.HELPER_STREAMED]
		v.status, v.c.err, v.c.value = completion.status, completion.error, completion.value
		v.c.number = C.int32_t(completion.arg[0])
		v.done <- struct{}{}
	}
}
