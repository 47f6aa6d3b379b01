package trunkline

// #include "helper.h"
import "C"

import (
	"context"
	"errors"
	"math/rand"
	"sync"
	"time"
	"unsafe"
)

// Isolation is of a transaction; "" is the database's default.
type Isolation string

const (
	ReadCommitted  Isolation = "read committed"
	RepeatableRead Isolation = "repeatable read"
	Serializable   Isolation = "serializable"
)

// TxOptions are how a transaction is begun. The zero value is as the database does.
type TxOptions struct {
	ReadOnly  bool
	Isolation Isolation
	// Retry, of Transaction: how often it is run again, in a new transaction, where this one certainly had no effect
	// and may succeed now: after a deadlock, a serialization failure, or the loss of its session before COMMIT was
	// sent.
	Retry int
}

func (o TxOptions) flags() (C.uint32_t, error) {
	var flags C.uint32_t
	switch o.Isolation {
	case "":
	case ReadCommitted:
		flags = C.TL_BEGIN_READ_COMMITTED
	case RepeatableRead:
		flags = C.TL_BEGIN_REPEATABLE_READ
	case Serializable:
		flags = C.TL_BEGIN_SERIALIZABLE
	default:
		return 0, errorOf(ErrMisuse, NotSent, "there is no isolation %q", string(o.Isolation))
	}
	if o.ReadOnly {
		flags |= C.TL_BEGIN_READ_ONLY
	}
	return flags, nil
}

// Tx is a transaction, or a savepoint in one. Until an inner one ends, statements go through it.
type Tx struct{ session }

// Pin is one session for several statements.
type Pin struct{ session }

// Begin begins a transaction, within one a savepoint. Rollback after Commit does nothing, so that it can be deferred.
func (s *session) Begin(ctx context.Context, how TxOptions) (*Tx, error) {
	flags, err := how.flags()
	if err != nil {
		return nil, err
	}
	inner, err := s.hold(ctx, func(conn *C.tl_conn, v *verb) C.tl_status {
		return C.tl_begin(conn, flags, &v.c.call, (**C.tl_conn)(unsafe.Pointer(&v.c.value)), &v.c.err)
	})
	if err != nil {
		return nil, err
	}
	inner.handle.transaction = true
	return &Tx{inner}, nil
}

// hold takes a session.
func (s *session) hold(ctx context.Context, submit func(*C.tl_conn, *verb) C.tl_status) (session, error) {
	if s.err != nil {
		return session{}, s.err
	}
	v := s.handle.core.verbs.get()
	s.options.where(&v.c.call)
	err := s.handle.run(ctx, v, func(conn *C.tl_conn) C.tl_status { return submit(conn, v) })
	pointer := (*C.tl_conn)(v.c.value)
	s.handle.core.verbs.put(v)
	if err != nil {
		return session{}, err
	}
	inner := session{handle: s.handle.child(pointer), options: s.options}
	inner.options.maxLag, inner.options.fallback = 0, nil
	return inner, nil
}

// Commit ends the transaction. What cannot be told of a COMMIT whose answer was lost is an error whose Outcome is
// Unknown.
func (t *Tx) Commit(ctx context.Context) error {
	return t.end(ctx, func(conn *C.tl_conn, v *verb) C.tl_status { return C.tl_commit(conn, &v.c.call, &v.c.err) })
}

// Rollback undoes and ends it. It does nothing where it has ended. With a stream open that is ErrBusy, and done when
// the stream is closed.
func (t *Tx) Rollback(ctx context.Context) error {
	if t.handle.ended() {
		return nil
	}
	if t.handle.streams.Load() > 0 {
		t.handle.release()
		return errorOf(ErrBusy, NotSent, "a stream of the transaction is open: it is rolled back when that is closed")
	}
	return t.end(ctx, func(conn *C.tl_conn, v *verb) C.tl_status { return C.tl_rollback(conn, &v.c.call, &v.c.err) })
}

// end lets go of the handle whatever comes of it, unless a stream is open; a transaction that is open then the library
// rolls back.
func (t *Tx) end(ctx context.Context, submit func(*C.tl_conn, *verb) C.tl_status) error {
	v := t.handle.core.verbs.get()
	v.c.call.timeout_ms = C.int64_t(t.options.timeout)
	open := t.handle.streams.Load() > 0
	err := t.handle.run(ctx, v, func(conn *C.tl_conn) C.tl_status { return submit(conn, v) })
	t.handle.core.verbs.put(v)
	if !open {
		t.handle.release()
	}
	return err
}

// Transaction calls work in a transaction, within one in a savepoint. It commits when work returns nil, and else rolls
// back, also when it panics. The context that work is given is the caller's; by it the library tells who would wait for
// himself. A commit whose answer was lost is not run again.
func (s *session) Transaction(ctx context.Context, how TxOptions, work func(context.Context, *Tx) error) error {
	if how.Retry > 0 && s.err == nil && s.handle.transaction {
		return errorOf(ErrMisuse, NotSent, "a savepoint is not run again by itself; its transaction may be")
	}
	ctx = withOwner(ctx)
	for rerun := 0; ; rerun++ {
		again, err := s.once(ctx, how, work)
		if err == nil || !again || rerun >= how.Retry {
			return err
		}
		if !pause(ctx, rerun) {
			return err
		}
	}
}

// once tells besides whether the transaction may be run again.
func (s *session) once(ctx context.Context, how TxOptions, work func(context.Context, *Tx) error) (again bool, err error) {
	tx, err := s.Begin(ctx, how)
	if err != nil {
		return false, err
	}
	defer tx.undo()
	if err = work(ctx, tx); err != nil {
		ended := tx.handle.ended()
		tx.undo()
		return !ended && passing(err), err
	}
	if tx.handle.ended() {
		return false, nil
	}
	err = tx.Commit(ctx)
	return passing(err), err
}

// undo rolls back what has not ended, though the caller's context may have.
func (t *Tx) undo() {
	ctx, cancel := patience()
	defer cancel()
	t.Rollback(ctx)
}

// passing tells whether a transaction had certainly no effect, and may succeed now.
func passing(err error) bool {
	var failure *Error
	if !errors.As(err, &failure) || failure.Outcome == Unknown {
		return false
	}
	return failure.Status == ErrDeadlock || failure.Status == ErrSerialization || failure.Status == ErrUnavailable
}

// randomly is seeded, which Go's own source is only from 1.20 on.
var randomly = source{rand: rand.New(rand.NewSource(time.Now().UnixNano()))}

type source struct {
	mu   sync.Mutex
	rand *rand.Rand
}

func (s *source) below(d time.Duration) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Duration(s.rand.Int63n(int64(d)))
}

// pause waits with others that met the same conflict, not all for as long; false: the context has ended.
func pause(ctx context.Context, rerun int) bool {
	if rerun > 7 {
		rerun = 7
	}
	longest := 10 * time.Millisecond << rerun
	if longest > time.Second {
		longest = time.Second
	}
	timer := time.NewTimer(longest/2 + randomly.below(longest/2))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// Pin calls work with one session for several statements, which goes home when it returns.
func (c *Conn) Pin(ctx context.Context, work func(context.Context, *Pin) error) error {
	ctx = withOwner(ctx)
	pin, err := c.Hold(ctx)
	if err != nil {
		return err
	}
	defer pin.Close()
	return work(ctx, pin)
}

// Hold is Pin without a function: the session goes home with Close.
func (c *Conn) Hold(ctx context.Context) (*Pin, error) {
	inner, err := c.hold(ctx, func(conn *C.tl_conn, v *verb) C.tl_status {
		return C.tl_pin(conn, &v.c.call, (**C.tl_conn)(unsafe.Pointer(&v.c.value)), &v.c.err)
	})
	if err != nil {
		return nil, err
	}
	return &Pin{inner}, nil
}

// Close gives the session back. Harmless when repeated.
func (p *Pin) Close() error {
	p.handle.release()
	return nil
}
