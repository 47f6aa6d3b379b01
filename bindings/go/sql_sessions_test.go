package trunkline

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Of database/sql: whose sessions statements have, and what becomes of them.

func TestSQLATransactionEndsWithItsContext(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		db := sqlTable(t, at)
		ctx, cancel := context.WithCancel(background)
		tx, err := db.BeginTx(ctx, nil)
		must(t, err)
		sqlExec(t, tx, "DELETE FROM go_sql")
		cancel()
		eventually(t, "it has been rolled back", func() bool { return errors.Is(tx.Commit(), sql.ErrTxDone) })
		eventually(t, "its session is home", func() bool { return db.Stats().InUse == 0 })
		equal(t, sqlInt(t, db, "SELECT count(*) FROM go_sql"), 2)
	})
}

func TestSQLStatementsEndWithTheirContext(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		db, _ := sqlDB(t, at)
		for _, timeout := range []time.Duration{-1, 30 * time.Millisecond} {
			ctx, cancel := context.WithTimeout(background, timeout)
			err := db.QueryRowContext(ctx, at.endless).Scan(new(any))
			equal(t, errors.Is(err, context.DeadlineExceeded), true)
			_, err = db.ExecContext(ctx, at.endless)
			equal(t, errors.Is(err, context.DeadlineExceeded), true)
			cancel()
		}
		equal(t, sqlInt(t, db, "SELECT 1"), 1)
	})
}

func TestSQLAConnIsOneSession(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		db, _ := sqlDB(t, at)
		conn, err := db.Conn(background)
		must(t, err)
		equal(t, sqlInt(t, conn, "SELECT 1"), 1)
		sqlExec(t, conn, "CREATE TEMPORARY TABLE go_mine (a integer)")
		sqlExec(t, conn, "INSERT INTO go_mine VALUES (1), (2)")
		equal(t, sqlInt(t, conn, "SELECT count(*) FROM go_mine"), 2)
		tx, err := conn.BeginTx(background, nil)
		must(t, err)
		sqlExec(t, tx, "INSERT INTO go_mine VALUES (3)")
		must(t, tx.Commit())
		equal(t, sqlInt(t, conn, "SELECT count(*) FROM go_mine"), 3)
		must(t, conn.Close())
		_, err = db.Exec("SELECT count(*) FROM go_mine")
		failure(t, err, ErrStatement)
	})
}

func TestSQLReadsHoldNoSession(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		db, reg := sqlDB(t, at)
		conn, err := db.Conn(background)
		must(t, err)
		defer conn.Close()
		rows, err := conn.QueryContext(background, "SELECT 1 AS a")
		must(t, err)
		equal(t, leased(t, reg), 0)
		equal(t, db.Stats().InUse, 1)
		must(t, rows.Close())
		sqlExec(t, conn, "CREATE TEMPORARY TABLE go_mine (a integer)")
		equal(t, leased(t, reg), 1)
	})
}

func TestSQLErrorsAreNeverBadConn(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		db := sqlTable(t, at)
		_, err := db.Exec("INSERT INTO go_sql VALUES (1, 'Eve', NULL)")
		var found *Error
		equal(t, errors.As(err, &found), true)
		equal(t, found.Code, "unique_violation")
		equal(t, errors.Is(err, driver.ErrBadConn), false)
	})
}

func TestSQLALostSessionIsNotTriedAgain(t *testing.T) {
	if os.Getenv("TL_PG_SOCKET") == "" {
		t.Skip("no PostgreSQL: TL_PG_SOCKET is not set")
	}
	db := sqlTable(t, postgresqlPlace())
	_, err := db.Exec("CREATE FUNCTION go_hang_up() RETURNS int LANGUAGE plpgsql AS " +
		"$$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN 1; END $$")
	must(t, err)
	defer db.Exec("DROP FUNCTION go_hang_up()")
	_, err = db.Exec("INSERT INTO go_sql SELECT 3, 'once', go_hang_up()")
	equal(t, errors.Is(err, driver.ErrBadConn), false)
	failure(t, err, ErrUnavailable)
	equal(t, sqlInt(t, db, "SELECT count(*) FROM go_sql"), 2)
	equal(t, sqlInt(t, db, "SELECT 1"), 1)
}

func TestSQLANameMayComeLater(t *testing.T) {
	reg := sqlitePlace(t).open(t)
	db := reg.DB("later")
	failure(t, db.Ping(), ErrNotFound)
	for i := 0; i < 2; i++ {
		_, err := reg.Add("later", map[string]any{"driver": "sqlite", "database": ":memory:"})
		must(t, err)
		must(t, db.Ping())
		_, err = reg.Remove(background, "later")
		must(t, err)
	}
	must(t, db.Close())
}

func TestSQLWhatIsBadConn(t *testing.T) {
	conn := sqlitePlace(t).main(t)
	for _, c := range []struct {
		fresh   bool
		status  Status
		outcome Outcome
		bad     bool
	}{
		{true, ErrUnavailable, NotSent, true}, {true, ErrUnavailable, Refused, true}, {true, ErrUnavailable, RolledBack, false},
		{true, ErrUnavailable, Unknown, false}, {false, ErrUnavailable, NotSent, false}, {true, ErrBusy, NotSent, false},
	} {
		pin, err := conn.Hold(background)
		must(t, err)
		held := &sqlConn{conn: conn, pin: pin, fresh: c.fresh}
		err = held.lost(&Error{Status: c.status, Outcome: c.outcome})
		equal(t, errors.Is(err, driver.ErrBadConn), c.bad)
		equal(t, held.pin == nil, c.bad)
		failure(t, err, c.status)
		must(t, held.Close())
	}
}

func TestSQLLimitsAreOfCallers(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		db, reg := sqlDB(t, at, "pool = { max = 5 }")
		db.SetMaxOpenConns(2)
		var conns []*sql.Conn
		for i := 0; i < 2; i++ {
			conn, err := db.Conn(background)
			must(t, err)
			conns = append(conns, conn)
		}
		ctx, cancel := context.WithTimeout(background, 20*time.Millisecond)
		defer cancel()
		_, err := db.Conn(ctx)
		equal(t, errors.Is(err, context.DeadlineExceeded), true)
		equal(t, leased(t, reg), 0)
		for _, conn := range conns {
			must(t, conn.Close())
		}
		equal(t, db.Stats().Idle, 0)
		must(t, db.Ping())
	})
}

func TestSQLNothingIsLeftLeased(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		db := sqlTable(t, at, "pool = { max = 4, acquire_timeout = \"60s\" }")
		var all sync.WaitGroup
		for i := 0; i < 16; i++ {
			all.Add(1)
			go func(i int) {
				defer all.Done()
				ctx, cancel := context.WithCancel(background)
				defer cancel()
				for j := 0; j < 10; j++ {
					tx, err := db.BeginTx(ctx, nil)
					if err != nil {
						t.Error(err)
						return
					}
					if _, err := tx.ExecContext(ctx, "UPDATE go_sql SET born = ? WHERE id = 1", i); err != nil {
						t.Error(err)
					}
					if j%3 == 0 {
						cancel() // the next begin fails, and what was open is rolled back
						return
					}
					if err := tx.Commit(); err != nil {
						t.Error(err)
					}
				}
			}(i)
		}
		all.Wait()
		eventually(t, "nobody is in there", func() bool { return db.Stats().InUse == 0 })
	}) // and at.open looks for leases
}

func TestSQLOpenUsesTheSharedRegistry(t *testing.T) {
	path := filepath.Join(t.TempDir(), "trunkline.toml")
	must(t, os.WriteFile(path, []byte("[connections.analytics]\ndriver = \"sqlite\"\ndatabase = \":memory:\"\n"), 0o600))
	t.Setenv("TRUNKLINE_CONFIG", path)
	db, err := sql.Open("trunkline", "analytics")
	must(t, err)
	equal(t, sqlInt(t, db, "SELECT 41 + 1"), 42)
	must(t, db.Close())
	reg, err := Shared(Options{})
	must(t, err)
	names, err := reg.Names()
	must(t, err)
	equal(t, strings.Join(names, " "), "analytics")
	db, err = sql.Open("trunkline", "analytics")
	must(t, err)
	equal(t, sqlInt(t, db, "SELECT 1"), 1)
	must(t, db.Close())
	other, err := Parse("[connections.a]\ndriver = \"sqlite\"\ndatabase = \":memory:\"", Options{})
	must(t, err)
	failure(t, other.Share(), ErrConfiguration)
}

func TestSQLRowsReadToTheirEndAreClosed(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		db := sqlTable(t, at)
		db.SetMaxOpenConns(1)
		for _, text := range []string{"SELECT id FROM go_sql", "SELECT id FROM go_sql; SELECT 1 AS one; SELECT 2 AS two WHERE 1 = 0"} {
			rows, err := db.Query(text)
			must(t, err)
			for sets := 0; ; sets++ {
				columns, err := rows.Columns()
				must(t, err)
				equal(t, columns[0], []string{"id", "one", "two"}[sets])
				for rows.Next() {
				}
				if !rows.NextResultSet() {
					break
				}
			}
			must(t, rows.Err())
			equal(t, db.Stats().InUse, 0)
		}
	})
}

func TestSQLWhatFailsAfterTheLastRowIsTold(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		if at.name == "mariadb" {
			return // where dividing by zero is NULL
		}
		db := at.open(t).DB("main", Streaming)
		fails := map[string]string{"sqlite": "SELECT 1 AS a; SELECT abs(-9223372036854775808)", "postgresql": "SELECT 1 AS a; SELECT 1/0"}
		rows, err := db.Query(fails[at.name])
		must(t, err)
		for rows.Next() {
		}
		rows.NextResultSet()
		for rows.Next() {
		}
		equal(t, rows.Err() != nil, true)
		must(t, rows.Close())
		must(t, db.Close())
	})
}

func TestSQLAConnIsAskedItself(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		db, _ := sqlDB(t, at, "pool = { max = 1 }")
		conn, err := db.Conn(background)
		must(t, err)
		defer conn.Close()
		sqlExec(t, conn, "CREATE TEMPORARY TABLE go_mine (a integer)")
		must(t, conn.PingContext(background))
		ctx, cancel := context.WithCancel(background)
		tx, err := conn.BeginTx(ctx, nil)
		must(t, err)
		sqlExec(t, tx, "INSERT INTO go_mine VALUES (1)")
		cancel()
		eventually(t, "it has been rolled back", func() bool { return errors.Is(tx.Commit(), sql.ErrTxDone) })
		eventually(t, "the session is free", func() bool {
			var n int
			err := conn.QueryRowContext(background, "SELECT count(*) FROM go_mine").Scan(&n)
			return err == nil && n == 0
		})
	})
}
