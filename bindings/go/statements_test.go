package trunkline

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"testing"
	"time"
)

type person struct {
	ID   int64  `db:"id"`
	Name string `db:"name"`
	Born *int32 `db:"born"`
}

func people(t *testing.T, at place) *Conn {
	conn := at.main(t)
	exec(t, conn, "DROP TABLE IF EXISTS go_people")
	exec(t, conn, "CREATE TABLE go_people (id integer PRIMARY KEY, name varchar(60) NOT NULL, born integer)")
	t.Cleanup(func() { exec(t, conn, "DROP TABLE go_people") })
	exec(t, conn, "INSERT INTO go_people VALUES (?, ?, ?), (2, 'Grace', NULL)", 1, "Ada", 1815)
	return conn
}

func TestRowsAreReadAsTheirTypes(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		conn := people(t, at)
		rows, err := conn.Query(background, "SELECT id, name, born FROM go_people ORDER BY id")
		must(t, err)
		defer rows.Close()
		var names []string
		for rows.Next() {
			var id int
			var name string
			var born sql.NullInt64
			must(t, rows.Scan(&id, &name, &born))
			equal(t, id, len(names)+1)
			equal(t, born.Valid, name == "Ada")
			names = append(names, name)
		}
		must(t, rows.Err())
		equal(t, len(names), 2)
		equal(t, rows.Columns()[2], "born")
	})
}

func TestStructsAreFilledByTheirTags(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		conn := people(t, at)
		all, err := Collect[person](conn.Query(background, "SELECT born, id, name FROM go_people ORDER BY id"))
		must(t, err)
		equal(t, len(all), 2)
		equal(t, all[0].Name, "Ada")
		equal(t, *all[0].Born, 1815)
		equal(t, all[1].Born == nil, true)
		_, err = Collect[struct{ ID int }](conn.Query(background, "SELECT id, name FROM go_people"))
		failure(t, err, ErrMisuse)
		names, err := Collect[string](conn.Query(background, "SELECT name FROM go_people ORDER BY id"))
		must(t, err)
		equal(t, names[1], "Grace")
	})
}

func TestNamedValues(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		var name string
		must(t, people(t, at).QueryRow(background, "SELECT name FROM go_people WHERE id = :id AND name = :name",
			sql.Named("name", "Grace"), sql.Named("id", 2)).Scan(&name))
		equal(t, name, "Grace")
	})
}

func TestAViolationIsTold(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		_, err := people(t, at).Exec(background, "INSERT INTO go_people VALUES (1, 'Eve', NULL)")
		found := failure(t, err, ErrUniqueViolation)
		equal(t, found.Code, "unique_violation")
		equal(t, found.Connection, "main")
		equal(t, found.Outcome == Unknown, false)
		equal(t, errors.Is(err, ErrDeadlock), false)
	})
}

func TestNoRow(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		err := people(t, at).QueryRow(background, "SELECT id FROM go_people WHERE id = 7").Scan(new(int))
		equal(t, errors.Is(err, sql.ErrNoRows), true)
	})
}

func TestNullNeedsAPlace(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		err := people(t, at).QueryRow(background, "SELECT born FROM go_people WHERE id = 2").Scan(new(int))
		equal(t, failure(t, err, ErrData).Message, `row 1, column "born": NULL does not fit into a int`)
	})
}

func TestStreams(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		conn := at.main(t)
		rows, err := conn.With(Batch(100, 0)).Stream(background, at.series, 1050)
		must(t, err)
		sum := 0
		for rows.Next() {
			var i int
			must(t, rows.Scan(&i))
			sum += i
		}
		must(t, rows.Err())
		equal(t, sum, 1050*1051/2)
		rows, err = conn.With(Batch(100, 0)).Stream(background, at.series, 100000)
		must(t, err)
		equal(t, rows.Next(), true)
		must(t, rows.Close())
	})
}

func TestTransactions(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		conn := people(t, at)
		must(t, conn.Transaction(background, TxOptions{}, func(ctx context.Context, tx *Tx) error {
			exec(t, tx, "UPDATE go_people SET name = 'Emmy' WHERE id = 1")
			refused := tx.Transaction(ctx, TxOptions{}, func(_ context.Context, inner *Tx) error {
				exec(t, inner, "DELETE FROM go_people")
				return errors.New("undone")
			})
			equal(t, refused.Error(), "undone")
			return nil
		}))
		tx, err := conn.Begin(background, TxOptions{Isolation: Serializable})
		must(t, err)
		exec(t, tx, "DELETE FROM go_people WHERE id = 2")
		must(t, tx.Rollback(background))
		must(t, tx.Rollback(background))
		failure(t, tx.Commit(background), ErrClosed)
		names, err := Collect[string](conn.Query(background, "SELECT name FROM go_people ORDER BY id"))
		must(t, err)
		equal(t, len(names), 2)
		equal(t, names[0], "Emmy")
	})
}

func TestAPinKeepsItsSession(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		conn := at.main(t)
		must(t, conn.Pin(background, func(ctx context.Context, pin *Pin) error {
			exec(t, pin, "CREATE TEMPORARY TABLE go_kept (a integer)")
			equal(t, exec(t, pin, "INSERT INTO go_kept VALUES (1), (2)").Affected, 2)
			return nil
		}))
	})
}

func TestAContextThatEndsCancels(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		conn := at.main(t)
		ctx, cancel := context.WithCancel(background)
		ended := make(chan error)
		go func() {
			_, err := conn.Query(ctx, at.endless)
			ended <- err
		}()
		if at.running != "" {
			eventually(t, "the statement runs", func() bool { return count(t, conn, at.running) > 0 })
		}
		began := time.Now()
		cancel()
		err := <-ended
		failure(t, err, ErrCancelled)
		equal(t, errors.Is(err, context.Canceled), true)
		equal(t, time.Since(began) < 30*time.Second, true)
		if at.running != "" {
			eventually(t, "the server has stopped it", func() bool { return count(t, conn, at.running) == 0 })
		}
		short, stop := context.WithTimeout(background, 20*time.Millisecond)
		defer stop()
		_, err = conn.Exec(short, at.endless)
		equal(t, errors.Is(err, context.DeadlineExceeded), true)
		_, err = conn.Exec(short, "SELECT 1")
		equal(t, failure(t, err, ErrCancelled).Outcome, NotSent)
	})
}

func count(t testing.TB, conn *Conn, sql string) (n int) {
	must(t, conn.QueryRow(background, sql).Scan(&n))
	return n
}

func TestSeveralSets(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		for _, query := range []func(context.Context, string, ...any) (*Rows, error){at.main(t).Query, at.main(t).Stream} {
			rows, err := query(background, "SELECT 1 AS a; SELECT 2 AS b, 3 AS c")
			must(t, err)
			var b, c int
			equal(t, rows.NextResultSet(), true)
			equal(t, rows.Columns()[1], "c")
			equal(t, rows.Next(), true)
			must(t, rows.Scan(&b, &c))
			equal(t, b*10+c, 23)
			equal(t, rows.Next(), false)
			equal(t, rows.NextResultSet(), false)
			must(t, rows.Err())
			must(t, rows.Close())
		}
	})
}

func TestAnUnknownName(t *testing.T) {
	_, err := sqlitePlace(t).open(t).On("mian").Query(background, "SELECT 1")
	equal(t, failure(t, err, ErrNotFound).Detail("suggestion"), "main")
}

func TestFieldsOfStructsAreFoundAsGoDoes(t *testing.T) {
	type deep struct{ ID int }
	type middle struct {
		deep
		ID int
	}
	type outer struct {
		Other int
		middle
	}
	type two struct {
		A int `db:"id"`
		B int `db:"id"`
	}
	conn := sqlitePlace(t).main(t)
	found, err := Collect[outer](conn.Query(background, "SELECT 7 AS id, 8 AS other"))
	must(t, err)
	equal(t, found[0].ID, 7)
	equal(t, found[0].middle.deep.ID, 0)
	pointers, err := Collect[*outer](conn.Query(background, "SELECT 7 AS id, 8 AS other UNION ALL SELECT 9, 10"))
	must(t, err)
	equal(t, pointers[1].Other, 10)
	_, err = Collect[two](conn.Query(background, "SELECT 7 AS id"))
	failure(t, err, ErrMisuse)
	_, err = Collect[outer](conn.Query(background, "SELECT 7 AS id, 8 AS id"))
	failure(t, err, ErrMisuse)
}

func TestValuesThatDoNotFit(t *testing.T) {
	conn := sqlitePlace(t).main(t)
	scan := func(sql string, to any) error { return conn.QueryRow(background, sql).Scan(to) }
	failure(t, scan("SELECT 1e300", new(float32)), ErrData)
	failure(t, scan("SELECT 300", new(int8)), ErrData)
	failure(t, scan("SELECT -1", new(uint64)), ErrData)
	failure(t, scan("SELECT 9007199254740993", new(float64)), ErrData)
	failure(t, scan("SELECT 1.5", new(int)), ErrData)
	failure(t, scan("SELECT 'x'", new(time.Time)), ErrData)
	failure(t, scan("SELECT 'x'", new([]int)), ErrData)
	failure(t, scan("SELECT 'x'", new(chan int)), ErrMisuse)
	failure(t, scan("SELECT 'x'", 7), ErrMisuse)
	var text string
	must(t, scan("SELECT 1.5", &text))
	equal(t, text, "1.5")
	must(t, conn.QueryRow(background, "SELECT hex(?)", [4]byte{1, 2, 3, 255}).Scan(&text))
	equal(t, text, "010203FF")
}

func TestListsAreReadOnce(t *testing.T) {
	if os.Getenv("TL_PG_SOCKET") == "" {
		t.Skip("no PostgreSQL: TL_PG_SOCKET is not set")
	}
	began := time.Now()
	rows, err := Collect[[]string](postgresqlPlace().main(t).Query(background,
		"SELECT ARRAY['a' || i, 'b', 'c'] FROM generate_series(1, 40000) AS i"))
	must(t, err)
	equal(t, len(rows), 40000)
	equal(t, rows[39999][0]+rows[39999][2], "a40000c")
	if spent := time.Since(began); spent > 10*time.Second { // it was 30 s where each row copied the texts of all
		t.Fatal(spent)
	}
}
