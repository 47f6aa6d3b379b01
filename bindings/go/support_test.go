package trunkline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

var background = context.Background()

// So that no other program's statements are taken for this one's.
var mark = fmt.Sprintf(" /* of Go test %d */", os.Getpid())

// place is a database that tests run on, in the words that differ between them.
type place struct {
	name    string
	toml    string
	series  string // a column i from 1 to ?
	endless string // runs until it is cancelled
	running string // how many of those are at the server, where it can be asked
}

func sqlitePlace(t testing.TB) place {
	return place{
		name:    "sqlite",
		toml:    "driver = \"sqlite\"\ndatabase = \"" + t.TempDir() + "/main.db\"\n",
		series:  "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT i FROM n",
		endless: "WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c) SELECT count(*) FROM c",
	}
}

func postgresqlPlace() place {
	return place{
		name: "postgresql",
		toml: "driver = \"postgresql\"\nsocket = \"" + os.Getenv("TL_PG_SOCKET") + "\"\nport = " + os.Getenv("TL_PG_PORT") +
			"\ndatabase = \"" + os.Getenv("TL_PG_DATABASE") + "\"\nuser = \"" + os.Getenv("TL_PG_USER") + "\"\n",
		series:  "SELECT i FROM generate_series(1, ?::int) AS i",
		endless: "SELECT pg_sleep(600)" + mark,
		running: "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%" + mark + "%' " +
			"AND pid <> pg_backend_pid()",
	}
}

func mariadbPlace() place {
	return place{
		name: "mariadb",
		toml: "driver = \"mariadb\"\nsocket = \"" + os.Getenv("TL_MARIADB_SOCKET") + "\"\ndatabase = \"" +
			os.Getenv("TL_MARIADB_DATABASE") + "\"\nuser = \"" + os.Getenv("TL_MARIADB_USER") + "\"\n",
		series:  "SELECT seq AS i FROM seq_1_to_1000000 WHERE seq <= ?",
		endless: "SELECT SLEEP(600)" + mark,
		running: "SELECT count(*) FROM information_schema.processlist WHERE info LIKE '%" + mark + "%' " +
			"AND id <> CONNECTION_ID()",
	}
}

// onEach runs a test on every database that is there.
func onEach(t *testing.T, test func(t *testing.T, at place)) {
	t.Run("sqlite", func(t *testing.T) { test(t, sqlitePlace(t)) })
	t.Run("postgresql", func(t *testing.T) {
		if os.Getenv("TL_PG_SOCKET") == "" {
			t.Skip("no PostgreSQL: TL_PG_SOCKET is not set")
		}
		test(t, postgresqlPlace())
	})
	t.Run("mariadb", func(t *testing.T) {
		if os.Getenv("TL_MARIADB_SOCKET") == "" {
			t.Skip("no MariaDB: TL_MARIADB_SOCKET is not set")
		}
		test(t, mariadbPlace())
	})
}

// open gives a registry whose connection "main" is there, with more settings as TOML.
func (at place) open(t testing.TB, more ...string) *Registry {
	t.Helper()
	reg, err := Parse("default = \"main\"\n[connections.main]\n"+at.toml+strings.Join(more, "\n"), Options{Source: "test.toml"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		eventually(t, "all sessions are home", func() bool { return leased(t, reg) == 0 })
		if err := reg.Close(background, ""); err != nil {
			t.Error(err)
		}
	})
	return reg
}

func (at place) main(t testing.TB, more ...string) *Conn {
	return at.open(t, more...).On("main")
}

func leased(t testing.TB, reg *Registry) int {
	rows, err := reg.Inspect(background, "leases", "")
	must(t, err)
	defer rows.Close()
	n := 0
	for rows.Next() {
		n++
	}
	return n
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func exec(t testing.TB, conn interface {
	Exec(context.Context, string, ...any) (Result, error)
}, sql string, args ...any) Result {
	t.Helper()
	result, err := conn.Exec(background, sql, args...)
	must(t, err)
	return result
}

// eventually waits for what nobody tells of.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it has not come true that %s", what)
		}
	}
}

// failure is the library's error of a call that has to fail.
func failure(t testing.TB, err error, class error) *Error {
	t.Helper()
	var found *Error
	if !errors.As(err, &found) || !errors.Is(err, class) {
		t.Fatalf("%v, which should be %v", err, class)
	}
	return found
}

func equal[T comparable](t testing.TB, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("got %v, want %v", got, want)
	}
}
