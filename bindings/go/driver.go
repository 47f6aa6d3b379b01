package trunkline

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
)

func init() { sql.Register("trunkline", sqlDriver{}) }

// DB is the connection of that name for database/sql, which keeps no idle connections of its own: the pools are
// trunkline's.
func (r *Registry) DB(name string, how ...Option) *sql.DB {
	db := sql.OpenDB(&connector{reg: r, name: name, how: how})
	db.SetMaxIdleConns(0)
	return db
}

// sqlDriver is what sql.Open("trunkline", NAME) finds: connections of the registry that the process shares.
type sqlDriver struct{}

func (d sqlDriver) Open(name string) (driver.Conn, error) {
	found, err := d.OpenConnector(name)
	if err != nil {
		return nil, err
	}
	return found.Connect(context.Background())
}

func (sqlDriver) OpenConnector(name string) (driver.Connector, error) {
	reg, err := Shared(Options{})
	if err != nil {
		return nil, err
	}
	return &connector{reg: reg, name: name}, nil
}

type connector struct {
	reg   *Registry
	name  string
	how   []Option
	reads readTexts
}

// Connect looks the name up each time, as others may have removed it and added it again.
func (c *connector) Connect(context.Context) (driver.Conn, error) {
	conn := c.reg.On(c.name, c.how...)
	if conn.err != nil {
		return nil, conn.err
	}
	return &sqlConn{connector: c, conn: conn}, nil
}

func (c *connector) Driver() driver.Driver { return sqlDriver{} }

// sqlConn is what database/sql takes for a session. As long as it has only read there is none, and each statement has
// one of the pool's, of a replica perhaps. With whatever else it runs it is one, so that temporary tables, settings and
// ids stay with it.
type sqlConn struct {
	*connector
	conn  *Conn
	pin   *Pin
	fresh bool // the session was taken for the statement that runs
	tx    *Tx
}

var (
	_ driver.ConnPrepareContext = (*sqlConn)(nil)
	_ driver.ConnBeginTx        = (*sqlConn)(nil)
	_ driver.QueryerContext     = (*sqlConn)(nil)
	_ driver.ExecerContext      = (*sqlConn)(nil)
	_ driver.Pinger             = (*sqlConn)(nil)
	_ driver.Validator          = (*sqlConn)(nil)
	_ driver.SessionResetter    = (*sqlConn)(nil)
	_ driver.NamedValueChecker  = (*sqlConn)(nil)
)

// on is where a statement runs.
func (c *sqlConn) on(ctx context.Context, text string) (*session, error) {
	c.fresh = false
	if c.tx != nil {
		return &c.tx.session, nil
	}
	if c.pin == nil && c.reads.has(ctx, c.conn, text) {
		return &c.conn.session, nil
	}
	return c.held(ctx)
}

// held has the session from now on.
func (c *sqlConn) held(ctx context.Context) (*session, error) {
	if c.pin == nil {
		pin, err := c.conn.Hold(ctx)
		if err != nil {
			return nil, err
		}
		c.pin, c.fresh = pin, true
	}
	return &c.pin.session, nil
}

// lost is what has become of a statement. Where its session was taken for it, is gone, and has certainly not run it,
// database/sql is told that it may try another.
func (c *sqlConn) lost(err error) error {
	var failure *Error
	if !c.fresh || !errors.As(err, &failure) || failure.Status != ErrUnavailable || failure.Outcome > Refused {
		return err
	}
	c.pin.Close()
	c.pin = nil
	return badConn{failure}
}

// badConn is an Error that is driver.ErrBadConn, too.
type badConn struct{ failure *Error }

func (b badConn) Error() string        { return b.failure.Message }
func (b badConn) Is(target error) bool { return target == driver.ErrBadConn }
func (b badConn) Unwrap() error        { return b.failure }

func (c *sqlConn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	where, err := c.on(ctx, text)
	if err != nil {
		return nil, err
	}
	read := where.Query
	if where.options.streaming {
		read = where.Stream
	}
	rows, err := read(ctx, text, plain(args)...)
	if err != nil {
		return nil, c.lost(err)
	}
	return newSQLRows(rows), nil
}

func (c *sqlConn) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	where, err := c.on(ctx, text)
	if err != nil {
		return nil, err
	}
	result, err := where.Exec(ctx, text, plain(args)...)
	if err != nil {
		return nil, c.lost(err)
	}
	return sqlResult(result), nil
}

func plain(args []driver.NamedValue) []any {
	if len(args) == 0 {
		return nil
	}
	values := make([]any, len(args))
	for i, arg := range args {
		values[i] = arg.Value
		if arg.Name != "" {
			values[i] = sql.Named(arg.Name, arg.Value)
		}
	}
	return values
}

// CheckNamedValue leaves values to the encoder, which knows more types than database/sql does.
func (c *sqlConn) CheckNamedValue(*driver.NamedValue) error { return nil }

// Ping asks the session where there is one, and else any.
func (c *sqlConn) Ping(ctx context.Context) error {
	_, err := c.ExecContext(ctx, "SELECT 1", nil)
	return err
}

// ResetSession is there so that database/sql keeps a sql.Conn whose transaction has ended with its context.
func (c *sqlConn) ResetSession(context.Context) error { return nil }

// IsValid has database/sql close what is a session instead of keeping it: another pool would be above the pool.
func (c *sqlConn) IsValid() bool { return c.pin == nil && c.tx == nil }

func (c *sqlConn) Close() error {
	if c.tx != nil {
		c.tx.undo()
		c.tx = nil
	}
	if c.pin != nil {
		c.pin.Close()
		c.pin = nil
	}
	return nil
}

func (c *sqlConn) Begin() (driver.Tx, error) {
	return c.BeginTx(context.Background(), driver.TxOptions{})
}

var isolations = map[sql.IsolationLevel]Isolation{
	sql.LevelDefault: "", sql.LevelReadCommitted: ReadCommitted, sql.LevelRepeatableRead: RepeatableRead,
	sql.LevelSerializable: Serializable,
}

func (c *sqlConn) BeginTx(ctx context.Context, how driver.TxOptions) (driver.Tx, error) {
	isolation, known := isolations[sql.IsolationLevel(how.Isolation)]
	if !known {
		return nil, errorOf(ErrUnsupported, NotSent, "there is no isolation %q", sql.IsolationLevel(how.Isolation))
	}
	if c.tx != nil {
		return nil, errorOf(ErrMisuse, NotSent, "a transaction is open on this connection")
	}
	c.fresh = false
	where := &c.conn.session // where a replica may serve what only reads
	if !how.ReadOnly || c.pin != nil {
		var err error
		if where, err = c.held(ctx); err != nil {
			return nil, err
		}
	}
	tx, err := where.Begin(ctx, TxOptions{ReadOnly: how.ReadOnly, Isolation: isolation})
	if err != nil {
		return nil, c.lost(err)
	}
	c.tx = tx
	return &sqlTx{c}, nil
}

type sqlTx struct{ conn *sqlConn }

func (t *sqlTx) Commit() error {
	tx := t.conn.tx
	t.conn.tx = nil
	return tx.Commit(context.Background())
}

func (t *sqlTx) Rollback() error {
	tx := t.conn.tx
	t.conn.tx = nil
	return tx.Rollback(context.Background())
}
