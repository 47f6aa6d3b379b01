package trunkline

import (
	"database/sql"
	"os"
	"testing"
	"time"
	"unsafe"
)

func TestManyRows(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		conn := people(t, at)
		rows := [][]any{}
		for i := 10; i < 1010; i++ {
			rows = append(rows, []any{i, "name " + decimal(i), nil})
		}
		loaded, err := conn.Load(background, "go_people", []string{"id", "name", "born"}, rows)
		must(t, err)
		equal(t, loaded, 1000)
		many, err := conn.ExecMany(background, "UPDATE go_people SET born = ? WHERE id = ?", [][]any{{1, 10}, {2, 11}})
		must(t, err)
		equal(t, many.Affected(), 2)
		must(t, many.Close())
		_, err = conn.ExecMany(background, "INSERT INTO go_people VALUES (?, ?, NULL)", [][]any{{5000, "x"}, {10, "y"}})
		failure(t, err, ErrUniqueViolation)
		equal(t, count(t, conn, "SELECT count(*) FROM go_people WHERE id = 5000"), 0)
		_, err = conn.ExecMany(background, "INSERT INTO go_people VALUES (?, ?, NULL)", [][]any{{1, "x"}, {2}})
		failure(t, err, ErrMisuse)
		_, err = conn.ExecMany(background, "INSERT INTO go_people VALUES (:a, 'x', NULL)", [][]any{{sql.Named("a", 1)}, {2}, {3}})
		failure(t, err, ErrMisuse)
	})
}

func TestHandlesOfOneConnection(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		reg := at.open(t)
		_, err := reg.On("main", Read).Exec(background, "CREATE TABLE go_never (a integer)")
		failure(t, err, ErrReadOnly)
		_, err = reg.On("main").With(Read).Exec(background, "CREATE TABLE go_never (a integer)")
		failure(t, err, ErrReadOnly)
		exec(t, reg.On("main"), "SELECT 1")
		_, err = reg.On("main").With(Timeout(20*time.Millisecond)).Exec(background, at.endless)
		failure(t, err, ErrStatementTimeout)
		_, err = reg.On("main").With(Fallback("nowhere")).Exec(background, "SELECT 1")
		failure(t, err, ErrNotFound)
		_, err = reg.On("main").After("no token").Exec(background, "SELECT 1")
		failure(t, err, ErrMisuse)
		_, err = reg.On("main").Token()
		failure(t, err, ErrMisuse)
		kinds, err := reg.On("main").Explain(background, "SELECT 1")
		must(t, err)
		equal(t, kinds.Next(), true)
		must(t, kinds.Close())
	})
}

func TestTokens(t *testing.T) {
	if os.Getenv("TL_PG_SOCKET") == "" {
		t.Skip("no PostgreSQL: TL_PG_SOCKET is not set")
	}
	conn := postgresqlPlace().main(t, `consistency = "session"`)
	token, err := conn.Token()
	must(t, err)
	equal(t, token, "")
	exec(t, conn, "CREATE TABLE go_token (a integer)")
	exec(t, conn, "DROP TABLE go_token")
	token, err = conn.Token()
	must(t, err)
	equal(t, token != "", true)
	exec(t, conn.After(token), "SELECT 1")
}

func TestASessionWithAnOpenStreamIsBusy(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		reg := at.open(t)
		tx, err := reg.On("main").With(Batch(10, 0)).Begin(background, TxOptions{})
		must(t, err)
		rows, err := tx.Stream(background, at.series, 100000)
		must(t, err)
		equal(t, rows.Next(), true)
		_, err = tx.Exec(background, "SELECT 1")
		equal(t, failure(t, err, ErrBusy).Outcome, NotSent)
		failure(t, tx.Commit(background), ErrBusy)
		must(t, rows.Close())
		exec(t, tx, "SELECT 1")
		rows, err = tx.Stream(background, at.series, 100)
		must(t, err)
		for rows.Next() {
		}
		exec(t, tx, "SELECT 1") // it has been read to its end
		must(t, rows.Close())
		must(t, tx.Commit(background))

		tx, err = reg.On("main").With(Batch(10, 0)).Begin(background, TxOptions{})
		must(t, err)
		rows, err = tx.Stream(background, at.series, 100000)
		must(t, err)
		equal(t, rows.Next(), true)
		failure(t, tx.Rollback(background), ErrBusy)
		must(t, tx.Rollback(background))
		for rows.Next() {
		}
		equal(t, rows.Err() != nil, true)
		must(t, rows.Close())
	})
}

func TestArrow(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		reg := at.open(t)
		rows, err := reg.On("main").Stream(background, at.series, 10)
		must(t, err)
		var stream [5]uintptr // a struct ArrowArrayStream
		out := unsafe.Pointer(&stream)
		must(t, rows.ExportArrow(out))
		equal(t, rows.Next(), false)
		equal(t, stream[0] != 0, true) // its get_schema
		ReleaseArrow(out)
		eventually(t, "its session is home", func() bool { return leased(t, reg) == 0 })
	})
}
