package trunkline

// #include "helper.h"
import "C"

import (
	"context"
	"runtime"
	"time"
)

// EventKind is a bit for each kind of event; Events takes several.
type EventKind uint32

const (
	EventConnect     EventKind = C.TL_EVENT_CONNECT      // a session was opened; Duration is of the dial
	EventDisconnect  EventKind = C.TL_EVENT_DISCONNECT   // a session leaves its pool, to be closed; Duration is its age
	EventCheckout    EventKind = C.TL_EVENT_CHECKOUT     // a session is lent; Duration is how long its borrower waited
	EventCheckin     EventKind = C.TL_EVENT_CHECKIN      // a session comes home; Duration is how long it was held
	EventDialFailed  EventKind = C.TL_EVENT_DIAL_FAILED  // a session could not be opened; Message says why
	EventTimeout     EventKind = C.TL_EVENT_TIMEOUT      // a caller's time was up
	EventQuery       EventKind = C.TL_EVENT_QUERY        // a statement has ended
	EventSlowQuery   EventKind = C.TL_EVENT_SLOW_QUERY   // the same, of one that took the connection's slow_query or longer
	EventStateChange EventKind = C.TL_EVENT_STATE_CHANGE // a connection has another state, which Message is
	EventRoleChange  EventKind = C.TL_EVENT_ROLE_CHANGE  // a server counts as another now; Message says as what
	EventRetry       EventKind = C.TL_EVENT_RETRY        // a call that did not run is tried once more; Message says why
	EventFallback    EventKind = C.TL_EVENT_FALLBACK     // another connection serves a call; Message says which, and why
)

// AllEvents are those of all kinds.
const AllEvents = EventConnect | EventDisconnect | EventCheckout | EventCheckin | EventDialFailed | EventTimeout | EventQuery |
	EventSlowQuery | EventStateChange | EventRoleChange | EventRetry | EventFallback

// Event is what has happened. "" and 0 stand for what there is not.
type Event struct {
	Kind       string // "connect", "slow_query", …
	At         time.Time
	Connection string
	Endpoint   string
	Session    int64         // a number that is never used again
	Backend    string        // the server's own number of the session
	Tag        string        // of the borrower
	Duration   time.Duration // see the kind
	Status     string        // the class of a failure, as Error.Code
	Statement  string        // its text as it was given, never the values of its parameters
	Message    string
	Lost       int // events that were dropped before this one, since too many waited to be taken
}

// told is an event or a question as it arrives.
type told struct {
	Event
	question uint64
}

// Events tells what happens from now on, of the kinds that are given or else of all, until the context ends; then the
// channel is closed. Who takes them slowly loses events beyond some 1000, which Event.Lost counts, and holds up nobody.
func (r *Registry) Events(ctx context.Context, kinds ...EventKind) (<-chan Event, error) {
	var wanted EventKind
	for _, kind := range kinds {
		wanted |= kind
	}
	if wanted == 0 {
		wanted = AllEvents
	}
	events := make(chan Event)
	err := r.core.subscribe(ctx, C.uint32_t(wanted), func(happened told) {
		select {
		case events <- happened.Event:
		case <-ctx.Done():
		}
	}, func() { close(events) })
	if err != nil {
		return nil, err
	}
	return events, nil
}

const eventColumns = 11

// subscription has tell called with each event until the context ends, and then end, by a goroutine of its own.
type subscription struct {
	core    *core
	queue   *queue
	op      C.tl_op
	tell    func(told)
	end     func()
	ended   chan struct{}
	columns [eventColumns]C.tl_column
}

func (c *core) subscribe(ctx context.Context, kinds C.uint32_t, tell func(told), end func()) error {
	if err := ctx.Err(); err != nil {
		return endedBefore(err)
	}
	s := &subscription{core: c, tell: tell, end: end, ended: make(chan struct{})}
	q, err := newQueue(c.registry, s.deliver)
	if err != nil {
		return err
	}
	s.queue = q
	s.op = C.tl_op_new(c.registry)
	call := C.tl_call{struct_size: C.sizeof_tl_call, queue: q.pointer, op: s.op}
	var failure *C.tl_error
	status := C.tl_subscribe(c.registry, kinds, &call, &failure)
	if status != C.TL_OK {
		C.tl_op_release(c.registry, s.op)
		q.shutdown()
	} else if ctx.Done() != nil {
		go s.watch(ctx)
	}
	go q.dispatch()
	if status != C.TL_OK {
		return readError(status, failure)
	}
	return nil
}

func (s *subscription) watch(ctx context.Context) {
	select {
	case <-ctx.Done():
		C.tl_cancel(s.core.registry, s.op)
		runtime.KeepAlive(s.core)
	case <-s.ended:
	}
}

func (s *subscription) deliver(completions []C.tl_completion) {
	for i := range completions {
		completion := &completions[i]
		if completion.kind == C.TL_EVENT || completion.kind == C.TL_QUESTION {
			s.tell(s.read(completion))
			continue
		}
		C.tl_error_release(completion.error) // the last one, which says that it was cancelled or shut down
		close(s.ended)
		s.end()
		s.queue.shutdown()
	}
}

// read takes an event's row: kind, at, connection, endpoint, session, backend, tag, duration, status, statement,
// message.
func (s *subscription) read(completion *C.tl_completion) told {
	batch := (*C.tl_batch)(completion.value)
	defer C.tl_batch_release(batch)
	var rows C.int64_t
	s.columns[0].struct_size = C.sizeof_tl_column
	C.tl_batch_columns(batch, &s.columns[0], eventColumns, &rows)
	var row [eventColumns]column
	for i := range row {
		row[i].open(&s.columns[i], 1)
	}
	return told{Event{
		Kind: row[0].textOrNone(), At: time.UnixMicro(row[1].numberOrNone()).UTC(), Connection: row[2].textOrNone(),
		Endpoint: row[3].textOrNone(), Session: row[4].numberOrNone(), Backend: row[5].textOrNone(), Tag: row[6].textOrNone(),
		Duration: time.Duration(row[7].numberOrNone()) * time.Microsecond, Status: row[8].textOrNone(),
		Statement: row[9].textOrNone(), Message: row[10].textOrNone(), Lost: int(completion.arg[1]),
	}, uint64(completion.arg[2])}
}

func (c *column) textOrNone() string {
	if c.null(0) {
		return ""
	}
	return c.string(0)
}

func (c *column) numberOrNone() int64 {
	if c.null(0) {
		return 0
	}
	return c.int64s()[0]
}
