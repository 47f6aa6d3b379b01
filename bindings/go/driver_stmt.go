package trunkline

import (
	"context"
	"database/sql/driver"
)

func (c *sqlConn) Prepare(text string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), text)
}

// PrepareContext asks nobody: the library prepares what is run again, on each session where that happens.
func (c *sqlConn) PrepareContext(_ context.Context, text string) (driver.Stmt, error) {
	return &sqlStmt{conn: c, text: text}, nil
}

type sqlStmt struct {
	conn *sqlConn
	text string
}

var (
	_ driver.StmtQueryContext  = (*sqlStmt)(nil)
	_ driver.StmtExecContext   = (*sqlStmt)(nil)
	_ driver.NamedValueChecker = (*sqlStmt)(nil)
)

func (s *sqlStmt) Close() error                               { return nil }
func (s *sqlStmt) NumInput() int                              { return -1 }
func (s *sqlStmt) CheckNamedValue(v *driver.NamedValue) error { return s.conn.CheckNamedValue(v) }
func (s *sqlStmt) Exec(args []driver.Value) (driver.Result, error) {
	return s.ExecContext(context.Background(), numbered(args))
}
func (s *sqlStmt) Query(args []driver.Value) (driver.Rows, error) {
	return s.QueryContext(context.Background(), numbered(args))
}

func (s *sqlStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return s.conn.ExecContext(ctx, s.text, args)
}

func (s *sqlStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.conn.QueryContext(ctx, s.text, args)
}

func numbered(args []driver.Value) []driver.NamedValue {
	values := make([]driver.NamedValue, len(args))
	for i, arg := range args {
		values[i] = driver.NamedValue{Ordinal: i + 1, Value: arg}
	}
	return values
}

type sqlResult Result

func (r sqlResult) LastInsertId() (int64, error) {
	if r.LastID == 0 {
		return 0, errorOf(ErrUnsupported, Unknown, "the database tells no id of this statement; RETURNING does")
	}
	return r.LastID, nil
}

func (r sqlResult) RowsAffected() (int64, error) {
	if r.Affected < 0 {
		return 0, errorOf(ErrUnsupported, Unknown, "the database does not tell how many rows this statement changed")
	}
	return r.Affected, nil
}
