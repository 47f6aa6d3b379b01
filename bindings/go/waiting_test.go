package trunkline

import (
	"context"
	"errors"
	"os"
	osexec "os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// threads are those that the process has.
func threads(t testing.TB) int {
	tasks, err := os.ReadDir("/proc/self/task")
	must(t, err)
	return len(tasks)
}

// waits has as many callers wait at once on a pool of ten, each for the statement, and tells the most threads there
// were.
func waits(t *testing.T, conn *Conn, callers int, ctx context.Context, statement string) (most int) {
	var all sync.WaitGroup
	for i := 0; i < callers; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			if rows, err := conn.Query(ctx, statement); err != nil {
				t.Error(err)
			} else {
				rows.Close()
			}
		}()
	}
	ended := make(chan struct{})
	go func() { all.Wait(); close(ended) }()
	for {
		if now := threads(t); now > most {
			most = now
		}
		select {
		case <-ended:
			return most
		case <-time.After(time.Millisecond):
		}
	}
}

// alone runs a test in a process of its own; false: it has been.
func alone(t *testing.T) bool {
	if os.Getenv("TRUNKLINE_TEST_ALONE") != "" {
		return true
	}
	only := "^" + strings.ReplaceAll(t.Name(), "/", "$/^") + "$"
	command := osexec.Command(os.Args[0], "-test.run", only, "-test.v")
	command.Env = append(os.Environ(), "TRUNKLINE_TEST_ALONE=1", "GOMAXPROCS=2")
	if told, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, told)
	}
	return false
}

func TestWhoWaitsHoldsNoThread(t *testing.T) {
	statements := map[string]string{
		"sqlite":     "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) SELECT sum(i) FROM n",
		"postgresql": "SELECT pg_sleep(0.005)", "mariadb": "SELECT SLEEP(0.005)",
	}
	onEach(t, func(t *testing.T, at place) {
		if !alone(t) {
			return
		}
		conn := at.main(t, "pool = { max = 10, acquire_timeout = \"10m\" }")
		// The library's own, for dialling and computing, are among them: docs/threading.md.
		if most := waits(t, conn, 1000, background, statements[at.name]); most >= 30 {
			t.Fatalf("%d threads", most)
		}
	})
}

func TestEachCallerHasItsOwnAnswer(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		conn := at.main(t, "pool = { max = 4, acquire_timeout = \"10m\" }")
		var all sync.WaitGroup
		for caller := 0; caller < 64; caller++ {
			all.Add(1)
			go func(caller int) {
				defer all.Done()
				text := strings.Repeat("x", caller*100) // some are too long to be handed over
				for i := 0; i < 30; i++ {
					ctx, cancel := context.WithCancel(background)
					if i%7 == 3 {
						go cancel()
					}
					var n int
					var got string
					err := conn.QueryRow(ctx, "SELECT i, '"+text+"' FROM (SELECT "+decimal(caller*1000+i)+
						" AS i) AS one").Scan(&n, &got)
					cancel()
					switch {
					case err == nil && (n != caller*1000+i || got != text):
						t.Errorf("%d of %d has the answer %d", i, caller, n)
					case err != nil && !errors.Is(err, context.Canceled):
						t.Error(err)
					}
				}
			}(caller)
		}
		all.Wait()
	})
}

func TestAStreamEndsWithItsContext(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		reg := at.open(t)
		ctx, cancel := context.WithCancel(background)
		rows, err := reg.On("main").With(Batch(10, 0)).Stream(ctx, at.series, 1000000)
		must(t, err)
		equal(t, rows.Next(), true)
		cancel()
		for rows.Next() {
		}
		equal(t, errors.Is(rows.Err(), context.Canceled), true)
		eventually(t, "its session is home", func() bool { return leased(t, reg) == 0 })
	})
}

func TestWaitingForOneselfIsTold(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		conn := at.main(t, "pool = { max = 1 }")
		err := conn.Transaction(background, TxOptions{}, func(ctx context.Context, tx *Tx) error {
			exec(t, tx, "SELECT 1")
			_, err := conn.With(Writing).Exec(ctx, "CREATE TABLE go_never (a integer)")
			return err
		})
		failure(t, err, ErrBusy)
	})
}

func TestTwoStatementsOnATransactionWaitForEachOther(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		tx, err := at.main(t).Begin(background, TxOptions{})
		must(t, err)
		var all sync.WaitGroup
		for i := 0; i < 20; i++ {
			all.Add(1)
			go func(i int) {
				defer all.Done()
				var n int
				if err := tx.QueryRow(background, "SELECT "+decimal(i)).Scan(&n); err != nil || n != i {
					t.Error(n, err)
				}
			}(i)
		}
		all.Wait()
		must(t, tx.Commit(background))
	})
}

func TestATransactionIsRunAgain(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		runs := 0
		must(t, at.main(t).Transaction(background, TxOptions{Retry: 3}, func(ctx context.Context, tx *Tx) error {
			if runs++; runs < 3 {
				return &Error{Status: ErrDeadlock, Outcome: RolledBack}
			}
			return nil
		}))
		equal(t, runs, 3)
	})
}
