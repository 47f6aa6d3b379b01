package trunkline

// #include <stdlib.h>
// #include "helper.h"
import "C"

import (
	"os"
	"runtime"
	"syscall"
	"unsafe"
)

const together = 256 // completions taken at once

// queue is a tl_queue and the goroutine that takes from it, which waits as for a socket and holds no thread.
type queue struct {
	pointer *C.tl_queue
	file    *os.File // of a copy of its descriptor, which is the library's to close
	taken   *C.tl_completion
	n       C.size_t
	deliver func([]C.tl_completion)
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
	C.tl_queue_release(q.pointer)
	C.free(unsafe.Pointer(q.taken))
}

// drain hands out what has arrived; true: nothing will arrive any more.
func (q *queue) drain() (ended bool) {
	for {
		status := C.helper_drain(q.pointer, q.taken, together, &q.n)
		q.deliver(unsafe.Slice(q.taken, together)[:q.n])
		if status == C.TL_E_SHUTDOWN || status == C.TL_E_CLOSED {
			return true
		}
		if q.n == 0 {
			return false
		}
		runtime.Gosched() // so that those who were answered ask again, and what they ask goes as one
	}
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
