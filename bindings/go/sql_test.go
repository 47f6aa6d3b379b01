package trunkline

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"sync"
	"testing"
	"time"
)

// What database/sql asks of a driver, on each database.

func sqlDB(t *testing.T, at place, more ...string) (*sql.DB, *Registry) {
	reg := at.open(t, more...)
	db := reg.DB("main")
	t.Cleanup(func() {
		must(t, db.Close())
		equal(t, db.Stats().OpenConnections, 0)
	})
	return db, reg
}

// sqlTable makes a table of people with Ada and Grace.
func sqlTable(t *testing.T, at place, more ...string) *sql.DB {
	db, reg := sqlDB(t, at, more...)
	run := func(text string) { exec(t, reg.On("main"), text) }
	run("DROP TABLE IF EXISTS go_sql")
	run("CREATE TABLE go_sql (id integer PRIMARY KEY, name varchar(60), born integer)")
	run("INSERT INTO go_sql VALUES (1, 'Ada', 1815), (2, 'Grace', NULL)")
	t.Cleanup(func() { run("DROP TABLE go_sql") })
	return db
}

type execer interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
}

func sqlExec(t testing.TB, on execer, text string, args ...any) sql.Result {
	t.Helper()
	result, err := on.ExecContext(background, text, args...)
	must(t, err)
	return result
}

type rowQuerier interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
}

func sqlInt(t testing.TB, on rowQuerier, text string, args ...any) (n int) {
	t.Helper()
	must(t, on.QueryRowContext(background, text, args...).Scan(&n))
	return n
}

func TestSQLValuesComeBack(t *testing.T) {
	moment := time.Date(2024, 2, 29, 12, 34, 56, 789_012_000, time.UTC)
	types := map[string]map[string]string{
		"sqlite":     {"text": "text", "bytes": "blob", "float": "real", "bool": "boolean", "time": "datetime"},
		"postgresql": {"text": "text", "bytes": "bytea", "float": "float8", "bool": "boolean", "time": "timestamptz"},
		"mariadb":    {"text": "text", "bytes": "blob", "float": "double", "bool": "boolean", "time": "datetime(6)"},
	}
	onEach(t, func(t *testing.T, at place) {
		db, reg := sqlDB(t, at)
		names := types[at.name]
		conn := reg.On("main")
		exec(t, conn, "DROP TABLE IF EXISTS go_values")
		exec(t, conn, fmt.Sprintf("CREATE TABLE go_values (i bigint, f %s, s %s, b %s, t %s, m %s)", names["float"], names["text"],
			names["bytes"], names["bool"], names["time"]))
		t.Cleanup(func() { exec(t, conn, "DROP TABLE go_values") })
		const insert = "INSERT INTO go_values VALUES (?, ?, ?, ?, ?, ?)"
		text := "ü\x00\n'"
		if at.name == "postgresql" {
			text = "ü\n'" // whose texts hold no NUL
		}
		sqlExec(t, db, insert, int64(-1)<<63, 1.0/3, text, []byte{0, 255}, true, moment)
		sqlExec(t, db, insert, nil, (*float64)(nil), sql.NullString{}, []byte(nil), nil, sql.NullTime{})
		rows, err := db.Query("SELECT i, f, s, b, t, m FROM go_values ORDER BY i IS NULL")
		must(t, err)
		defer rows.Close()
		var i int64
		var f float64
		var s string
		var b []byte
		var truth bool
		var m time.Time
		equal(t, rows.Next(), true)
		must(t, rows.Scan(&i, &f, &s, &b, &truth, &m))
		equal(t, i, int64(-1)<<63)
		equal(t, f, 1.0/3)
		equal(t, s, text)
		equal(t, string(b), "\x00\xff")
		equal(t, truth, true)
		equal(t, m.Equal(moment), true)
		equal(t, rows.Next(), true)
		values := make([]any, 6)
		must(t, rows.Scan(&values[0], &values[1], &values[2], &values[3], &values[4], &values[5]))
		for _, value := range values {
			equal(t, value == nil, true)
		}
		equal(t, rows.Next(), false)
		must(t, rows.Err())
	})
}

func TestSQLTypesOfPostgreSQL(t *testing.T) {
	if os.Getenv("TL_PG_SOCKET") == "" {
		t.Skip("no PostgreSQL: TL_PG_SOCKET is not set")
	}
	db, _ := sqlDB(t, postgresqlPlace())
	rows, err := db.Query(`SELECT 12.50::numeric(6,2) AS d, '2024-02-29'::date AS day, '13:04:05.5'::time AS clock,
		'3f333df6-90a4-4fda-8dd3-9485d27cee36'::uuid AS u, '{"a": 1}'::jsonb AS j, ARRAY[1,NULL,3] AS l, 'infinity'::date AS far,
		'1 mon 2 days 3 sec'::interval AS i`)
	must(t, err)
	defer rows.Close()
	types, err := rows.ColumnTypes()
	must(t, err)
	equal(t, types[0].DatabaseTypeName(), "NUMERIC")
	precision, scale, known := types[0].DecimalSize()
	equal(t, fmt.Sprint(precision, scale, known), "6 2 true")
	equal(t, types[1].ScanType() == reflect.TypeOf(time.Time{}), true)
	var d, clock, u, far string
	var day time.Time
	var j json.RawMessage
	var l []*int32
	var i Interval
	equal(t, rows.Next(), true)
	must(t, rows.Scan(&d, &day, &clock, &u, &j, ListOf(&l), &far, &i))
	equal(t, d+" "+clock+" "+far, "12.50 13:04:05.5 infinity")
	equal(t, day, time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC))
	equal(t, u, "3f333df6-90a4-4fda-8dd3-9485d27cee36")
	equal(t, string(j), `{"a": 1}`)
	equal(t, fmt.Sprint(*l[0], l[1], *l[2]), "1 <nil> 3")
	equal(t, i, Interval{1, 2, 3_000_000})
	equal(t, sqlInt(t, db, "SELECT count(*) FROM generate_series(1, 9) AS n WHERE n = ANY(?)", []int{2, 3, 10}), 2)
}

func TestSQLNamedValues(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		db := sqlTable(t, at)
		equal(t, sqlInt(t, db, "SELECT id FROM go_sql WHERE name = :name AND id < :most", sql.Named("most", 9),
			sql.Named("name", "Grace")), 2)
	})
}

func TestSQLWrongValuesAreRefused(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		db, _ := sqlDB(t, at)
		_, err := db.Exec("SELECT ?", make(chan int))
		equal(t, failure(t, err, ErrMisuse).Message, "parameter 1: a value of type chan int cannot be sent")
		_, err = db.Exec("SELECT ?")
		failure(t, err, ErrMisuse)
	})
}

func TestSQLResults(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		db := sqlTable(t, at)
		changed, err := sqlExec(t, db, "UPDATE go_sql SET born = 1").RowsAffected()
		must(t, err)
		equal(t, changed, 2)
		auto := map[string]string{"sqlite": "integer PRIMARY KEY", "mariadb": "integer AUTO_INCREMENT PRIMARY KEY"}[at.name]
		if auto == "" {
			_, err := sqlExec(t, db, "INSERT INTO go_sql VALUES (3, 'Emmy', NULL)").LastInsertId()
			failure(t, err, ErrUnsupported)
			return
		}
		conn, err := db.Conn(background)
		must(t, err)
		defer conn.Close()
		sqlExec(t, conn, "CREATE TEMPORARY TABLE go_ids (id "+auto+", a integer)")
		sqlExec(t, conn, "INSERT INTO go_ids (a) VALUES (7)")
		id, err := sqlExec(t, conn, "INSERT INTO go_ids (a) VALUES (7)").LastInsertId()
		must(t, err)
		equal(t, id, 2)
	})
}

func TestSQLTransactions(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		db := sqlTable(t, at)
		tx, err := db.Begin()
		must(t, err)
		sqlExec(t, tx, "DELETE FROM go_sql")
		equal(t, sqlInt(t, tx, "SELECT count(*) FROM go_sql"), 0)
		must(t, tx.Rollback())
		equal(t, sqlInt(t, db, "SELECT count(*) FROM go_sql"), 2)
		tx, err = db.BeginTx(background, &sql.TxOptions{Isolation: sql.LevelSerializable})
		must(t, err)
		sqlExec(t, tx, "DELETE FROM go_sql WHERE id = 1")
		must(t, tx.Commit())
		equal(t, errors.Is(tx.Commit(), sql.ErrTxDone), true)
		equal(t, sqlInt(t, db, "SELECT count(*) FROM go_sql"), 1)
		tx, err = db.BeginTx(background, &sql.TxOptions{ReadOnly: true})
		must(t, err)
		equal(t, sqlInt(t, tx, "SELECT count(*) FROM go_sql"), 1)
		_, err = tx.Exec("DELETE FROM go_sql")
		failure(t, err, ErrReadOnly)
		must(t, tx.Rollback())
		_, err = db.BeginTx(background, &sql.TxOptions{Isolation: sql.LevelSnapshot})
		failure(t, err, ErrUnsupported)
	})
}

func TestSQLPreparedStatements(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		db := sqlTable(t, at)
		statement, err := db.Prepare("SELECT id FROM go_sql WHERE name = ?")
		must(t, err)
		defer statement.Close()
		var all sync.WaitGroup
		for i := 0; i < 8; i++ {
			all.Add(1)
			go func() {
				defer all.Done()
				for j := 0; j < 20; j++ {
					var id int
					if err := statement.QueryRow("Grace").Scan(&id); err != nil || id != 2 {
						t.Error(id, err)
					}
				}
			}()
		}
		all.Wait()
		tx, err := db.Begin()
		must(t, err)
		equal(t, errors.Is(tx.Stmt(statement).QueryRow("nobody").Scan(new(int)), sql.ErrNoRows), true)
		must(t, tx.Rollback())
		broken, err := db.Prepare("SELEC 1")
		must(t, err)
		defer broken.Close()
		_, err = broken.Exec()
		failure(t, err, ErrStatement)
	})
}

func TestSQLColumnTypes(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		rows, err := sqlTable(t, at).Query("SELECT id, name FROM go_sql")
		must(t, err)
		defer rows.Close()
		types, err := rows.ColumnTypes()
		must(t, err)
		equal(t, types[1].Name(), "name")
		equal(t, types[1].DatabaseTypeName() != "", true)
		if at.name != "sqlite" {
			equal(t, types[0].ScanType().Kind(), reflect.Int64)
			equal(t, types[1].ScanType().Kind(), reflect.String)
		}
	})
}

func TestSQLSeveralSets(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		db, _ := sqlDB(t, at)
		rows, err := db.Query("SELECT 1; SELECT 2, 3")
		must(t, err)
		defer rows.Close()
		var a, b int
		equal(t, rows.Next(), true)
		must(t, rows.Scan(&a))
		equal(t, rows.Next(), false)
		equal(t, rows.NextResultSet(), true)
		equal(t, rows.Next(), true)
		must(t, rows.Scan(&a, &b))
		equal(t, a*10+b, 23)
		equal(t, rows.NextResultSet(), false)
		must(t, rows.Err())
	})
}

func TestSQLStreaming(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		reg := at.open(t)
		db := reg.DB("main", Streaming, Batch(10, 0))
		rows, err := db.Query(at.series, 1000)
		must(t, err)
		n := 0
		for ; n < 15 && rows.Next(); n++ {
		}
		equal(t, leased(t, reg), 1)
		must(t, rows.Close())
		eventually(t, "its session is home", func() bool { return leased(t, reg) == 0 })
		must(t, db.Close())
	})
}

// A session that is lost in a statement may have done it: database/sql must not try again.
// Only what certainly did not run, on a session that was taken for it, is tried again by database/sql.
