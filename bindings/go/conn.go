package trunkline

// #include "helper.h"
import "C"

import (
	"context"
	"runtime"
	"time"
	"unsafe"
)

// session is what statements are run on. Several goroutines may use one.
type session struct {
	handle  *handle
	options options
	err     error // why there is no handle
}

// Conn is a pooled connection: each statement takes a session of its own. There is nothing to close.
type Conn struct{ session }

// Result is what a statement without rows has done.
type Result struct {
	Affected int64 // rows that it inserted, changed or deleted; -1: unknown
	LastID   int64 // SQLite and MariaDB: the id that the last INSERT made; 0: none
}

// With is the same connection with other ways to run its verbs. Cheap: one for each request.
func (c *Conn) With(options ...Option) *Conn {
	varied := *c
	varied.options = c.options.with(options)
	if varied.options.mode != c.options.mode && varied.err == nil {
		return varied.derive(nil, "")
	}
	return &varied
}

// Tag is the same connection under a tag, which is shown wherever its leases are listed.
func (c *Conn) Tag(text string) *Conn { return c.derive(&text, "") }

// After is the same connection for reads that also find what was written before the token was taken (see Token; "":
// nothing more), from whatever server. What it writes, reads of the other do not wait for, nor the other way round from
// now on.
func (c *Conn) After(token string) *Conn { return c.derive(nil, token) }

func (c *Conn) derive(tag *string, after string) *Conn {
	derived := *c
	if c.err != nil {
		return &derived
	}
	var text *C.char
	size := 0
	if tag != nil {
		text, size = textAt(*tag+"\x00"), len(*tag)
	}
	var pointer *C.tl_conn
	var failure *C.tl_error
	status := C.tl_conn_derive(c.handle.pointer, text, C.size_t(size), textAt(after), C.size_t(len(after)),
		C.int32_t(c.options.mode), &pointer, &failure)
	runtime.KeepAlive(c.handle.owned)
	if status != C.TL_OK {
		derived.err = readError(status, failure)
		return &derived
	}
	derived.handle = &handle{core: c.handle.core, owned: own(pointer), name: c.handle.name}
	derived.handle.local.Store(c.handle.local.Load())
	return &derived
}

// Query runs a statement and reads its answer whole: no session is held when it returns. Values are for ? (on
// PostgreSQL also $1), or each is a sql.Named for :name. A slice is a list, for "= ANY(?)".
func (s *session) Query(ctx context.Context, sql string, args ...any) (*Rows, error) {
	return s.query(ctx, 0, sql, args)
}

// Stream runs a statement whose rows are read as they are asked for. They hold a session until the last is read, a read
// fails, or they are closed: the end of the context is noticed by the next read.
func (s *session) Stream(ctx context.Context, sql string, args ...any) (*Rows, error) {
	return s.query(ctx, C.TL_CALL_STREAM, sql, args)
}

// Exec runs a statement whose rows, if it has any, nobody wants.
func (s *session) Exec(ctx context.Context, sql string, args ...any) (Result, error) {
	rows, _, err := s.run(ctx, 0, sql, args)
	if err != nil {
		return Result{}, err
	}
	result := Result{int64(rows.affected), int64(rows.last_id)}
	s.handle.core.leave(rows)
	return result, nil
}

// QueryRow runs a statement of which one row is wanted. What has failed, Scan tells.
func (s *session) QueryRow(ctx context.Context, sql string, args ...any) *Row {
	row := &Row{} // no more than can be inlined: so it costs a caller no memory
	s.fill(row, ctx, sql, args)
	return row
}

func (s *session) fill(row *Row, ctx context.Context, sql string, args []any) {
	found, _, err := s.run(ctx, 0, sql, args)
	if err != nil {
		row.err = err
		return
	}
	row.rows.begin(s.handle, found)
}

func (s *session) query(ctx context.Context, flags C.uint32_t, sql string, args []any) (*Rows, error) {
	found, op, err := s.run(ctx, flags, sql, args)
	if err != nil {
		return nil, err
	}
	rows := &Rows{ctx: ctx, timeout: s.options.timeout, op: op}
	rows.begin(s.handle, found)
	return rows, nil
}

func (s *session) run(ctx context.Context, flags C.uint32_t, sql string, args []any) (*C.helper_rows, C.tl_op, error) {
	if s.err != nil {
		return nil, 0, s.err
	}
	values, err := encode(args)
	if err != nil {
		return nil, 0, err
	}
	core := s.handle.core
	v := core.verbs.get()
	s.options.statement(&v.c.call)
	v.c.call.flags |= flags
	v.c.call.batch_rows, v.c.call.batch_bytes = C.uint32_t(s.options.batchRows), C.uint32_t(s.options.batchBytes)
	records, arena := values.at()
	if size := 16*len(values.records) + len(values.arena) + len(sql); !s.handle.held && size <= longestHanded {
		v.conn, v.sql, v.values = s.handle.pointer, sql, values
	}
	err = s.handle.run(ctx, v, func(conn *C.tl_conn) C.tl_status {
		return C.helper_query(core.takeLeft(), conn, textAt(sql), C.size_t(len(sql)), records,
			C.size_t(len(values.records)), arena, C.size_t(len(values.arena)), v.c)
	})
	rows, op := (*C.helper_rows)(v.c.value), v.cancel
	core.verbs.put(v)
	values.free()
	runtime.KeepAlive(s.options.fallback)
	return rows, op, err
}

// many runs a verb whose answer is a result of no rows that anybody waits for.
func (s *session) many(ctx context.Context, submit func(*C.tl_conn, *verb) C.tl_status) (*Rows, error) {
	v := s.handle.core.verbs.get()
	s.options.statement(&v.c.call)
	v.c.call.flags = 0
	err := s.handle.run(ctx, v, func(conn *C.tl_conn) C.tl_status { return submit(conn, v) })
	rows := s.handle.core.rowsOf(s.handle, v, err)
	runtime.KeepAlive(s.options.fallback)
	return rows, err
}

// ExecMany runs a statement for each of the rows of values; all of them take effect, or none. What it gives has a row
// for each, with how many rows that changed (NULL: not known); on MariaDB it has none. Rows.Affected is the sum.
func (s *session) ExecMany(ctx context.Context, sql string, rows [][]any) (*Rows, error) {
	if s.err != nil {
		return nil, s.err
	}
	values, n, err := encodeRows(rows)
	if err != nil {
		return nil, err
	}
	defer values.free()
	records, arena := values.at()
	return s.many(ctx, func(conn *C.tl_conn, v *verb) C.tl_status {
		return C.tl_execute_many(conn, textAt(sql), C.size_t(len(sql)), records, C.size_t(n),
			C.size_t(len(rows)), unsafe.Pointer(arena), C.size_t(len(values.arena)), &v.c.call,
			(**C.tl_result)(unsafe.Pointer(&v.c.value)), &v.c.err)
	})
}

// Load fills columns of a table with rows, all of them or none, by the fastest way that the database has: COPY on
// PostgreSQL. It gives how many rows there are more. Names are those that the database keeps; "schema.table" is two.
func (s *session) Load(ctx context.Context, table string, columns []string, rows [][]any) (int64, error) {
	if s.err != nil {
		return 0, s.err
	}
	values, n, err := encodeRows(rows)
	if err != nil {
		return 0, err
	}
	defer values.free()
	if len(rows) > 0 && n != len(columns) {
		return 0, errorOf(ErrMisuse, NotSent, "a row has %d values, and there are %d columns", n, len(columns))
	}
	names := &parameters{arena: values.arena}
	for _, column := range columns {
		names.text(C.TL_TEXT, column)
	}
	values.arena = names.arena
	records, arena := values.at()
	asked, _ := names.at()
	loaded, err := s.many(ctx, func(conn *C.tl_conn, v *verb) C.tl_status {
		return C.tl_load(conn, textAt(table), C.size_t(len(table)), asked, C.size_t(len(columns)),
			records, C.size_t(len(rows)), unsafe.Pointer(arena), C.size_t(len(values.arena)), &v.c.call,
			(**C.tl_result)(unsafe.Pointer(&v.c.value)), &v.c.err)
	})
	if err != nil {
		return 0, err
	}
	defer loaded.Close()
	return loaded.Affected(), nil
}

// Explain tells where Query would send a statement now, and why, without running it. A row for each server, those first
// that would be asked: kind, reason, choice, connection, endpoint, role, lag (seconds) and why.
func (s *session) Explain(ctx context.Context, sql string) (*Rows, error) {
	if s.err != nil {
		return nil, s.err
	}
	flags := C.uint32_t(s.options.flags)
	return s.many(ctx, func(conn *C.tl_conn, v *verb) C.tl_status {
		v.c.call.flags = flags
		return C.tl_explain(conn, textAt(sql), C.size_t(len(sql)), &v.c.call, (**C.tl_result)(unsafe.Pointer(&v.c.value)),
			&v.c.err)
	})
}

// Token is a place behind all that was written through the handle and that its reads find, for After, also in another
// process; "": nothing was written yet. Asks nobody. Wants consistency = "session".
func (s *session) Token() (string, error) {
	if s.err != nil {
		return "", s.err
	}
	s.handle.mu.RLock()
	defer s.handle.mu.RUnlock()
	if s.handle.pointer == nil {
		return "", errHandleEnded()
	}
	for size := C.size_t(256); ; {
		text := make([]byte, size)
		var length C.size_t
		var failure *C.tl_error
		status := C.tl_conn_token(s.handle.pointer, (*C.char)(unsafe.Pointer(&text[0])), size, &length, &failure)
		runtime.KeepAlive(s.handle.owned)
		if status != C.TL_OK {
			return "", readError(status, failure)
		}
		if length < size {
			return string(text[:length]), nil
		}
		size = length + 1
	}
}

// patience is a context for what ends a session in good order, though the caller's context has ended.
func patience() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), 10*time.Second)
}
