// bench_go measures the Go binding against its peers: bench_go CASE ours|theirs SECONDS. Each peer's side is built where
// the peer is installed, by the build tag of its name.
package main

import (
	"fmt"
	"log"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"
)

const (
	points   = 10_000
	callers  = 64 // at once
	rounds   = 10 // queries of each in a unit
	sessions = 10

	pointSQL = "SELECT id, name FROM bench_points WHERE id = "
	rowsSQL  = "SELECT a, b, c, d, e, f FROM bench_rows"
)

// Key is a case and whose side of it.
type Key struct{ name, side string }

// cases open what they need and give the unit that is measured. The files of the sides fill it in.
var cases = map[Key]func() func(i int){}

// Row is a row of bench_rows on a server.
type Row struct {
	A int64     `db:"a"`
	B int32     `db:"b"`
	C float64   `db:"c"`
	D string    `db:"d"`
	E bool      `db:"e"`
	F time.Time `db:"f"`
}

// SQLiteRow is one of SQLite, which has no moments.
type SQLiteRow struct {
	A int64   `db:"a"`
	B int32   `db:"b"`
	C float64 `db:"c"`
	D string  `db:"d"`
	E bool    `db:"e"`
	F int64   `db:"f"`
}

func check(err error) {
	if err != nil {
		log.Panic(err)
	}
}

func idOf(i int) int { return i * 7919 % points }

func checkPoint(got, wanted int) {
	if got != wanted {
		log.Panicf("id %d instead of %d", got, wanted)
	}
}

func checkRows(n int, last string) {
	if n != 100_000 || last != "text number 100000" {
		log.Panicf("%d rows, the last with %q", n, last)
	}
}

// together makes a unit of callers that each ask for rounds points, one after another.
func together(point func(id int) int) func(int) {
	return func(int) {
		var all sync.WaitGroup
		all.Add(callers)
		for number := 0; number < callers; number++ {
			go func(number int) {
				defer all.Done()
				for i := 0; i < rounds; i++ {
					id := idOf(number + i*callers)
					checkPoint(point(id), id)
				}
			}(number)
		}
		all.Wait()
	}
}

// measure gives nanoseconds per unit, after a warm-up.
func measure(seconds float64, unit func(i int)) float64 {
	runFor := func(wanted float64) float64 {
		began := time.Now()
		for units := 1; ; units++ {
			unit(units)
			if spent := time.Since(began); spent.Seconds() >= wanted {
				return float64(spent.Nanoseconds()) / float64(units)
			}
		}
	}
	runFor(seconds / 5)
	return runFor(seconds)
}

func main() {
	seconds, err := strconv.ParseFloat(os.Args[3], 64)
	check(err)
	open, here := cases[Key{os.Args[1], os.Args[2]}]
	if !here {
		log.Fatalf("bench_go: %s %s is not in this build", os.Args[1], os.Args[2])
	}
	figure := measure(seconds, open())
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	fmt.Printf("%.1f %d\n", figure, usage.Maxrss)
}
