package trunkline

import (
	"context"
	"errors"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"
)

// What is left behind, and what happens beside closing.

func TestNoGoroutineForAContextThatNeverEnds(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		conn := at.main(t)
		exec(t, conn, "SELECT 1")
		before := runtime.NumGoroutine()
		rows, err := conn.Query(background, "SELECT 1")
		must(t, err)
		equal(t, runtime.NumGoroutine() <= before, true)
		must(t, rows.Close())
	})
}

func TestNothingStaysAfterClose(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		before := runtime.NumGoroutine()
		for i := 0; i < 20; i++ {
			reg, err := Parse("default = \"main\"\n[connections.main]\n"+at.toml, Options{})
			must(t, err)
			ctx, cancel := context.WithCancel(background)
			exec(t, reg.On("main"), "SELECT 1")
			_, err = reg.On("main").Exec(ctx, "SELECT 1")
			must(t, err)
			must(t, reg.Close(background, ""))
			cancel()
		}
		eventually(t, "the goroutines have ended", func() bool { return runtime.NumGoroutine() <= before })
	})
}

func TestRegistriesThatAreForgottenGo(t *testing.T) {
	if !alone(t) {
		return
	}
	before := runtime.NumGoroutine()
	for i := 0; i < 20; i++ {
		reg, err := Parse("default = \"main\"\n[connections.main]\n"+sqlitePlace(t).toml, Options{})
		must(t, err)
		ctx, cancel := context.WithCancel(background)
		for _, conn := range []*Conn{reg.On("main"), reg.On("").Tag("x")} {
			_, err = conn.Exec(background, "SELECT 1")
			must(t, err)
			must(t, conn.Transaction(ctx, TxOptions{}, func(context.Context, *Tx) error { return nil }))
		}
		must(t, reg.ConnectAll(ctx))
		cancel()
	}
	eventually(t, "the collector has found them", func() bool { runtime.GC(); return runtime.NumGoroutine() <= before })
}

func TestSubscriptionsThatHaveEndedLeaveNothing(t *testing.T) {
	if !alone(t) {
		return
	}
	reg := sqlitePlace(t).open(t)
	descriptors := func() int {
		open, err := os.ReadDir("/proc/self/fd")
		must(t, err)
		return len(open)
	}
	before := 0
	for i := 0; i < 50; i++ {
		ctx, cancel := context.WithCancel(background)
		events, err := reg.Events(ctx)
		must(t, err)
		if i == 0 {
			before = descriptors() // the runtime's own for its poller are among them
		}
		cancel()
		for range events {
		}
	}
	eventually(t, "their queues are gone", func() bool { runtime.GC(); return descriptors() <= before })
}

func TestClosingWhileOthersAsk(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		reg := at.open(t)
		must(t, reg.Connect(background, "main"))
		ctx, cancel := context.WithCancel(background)
		var all sync.WaitGroup
		for i := 0; i < 16; i++ {
			all.Add(1)
			go func() {
				defer all.Done()
				for ctx.Err() == nil {
					_, err := reg.On("main").Exec(ctx, "SELECT 1")
					if err != nil && !errors.Is(err, ErrClosed) && !errors.Is(err, context.Canceled) {
						t.Error(err)
						return
					}
				}
			}()
		}
		for i := 0; i < 50; i++ {
			must(t, reg.Close(background, "", Timeout(time.Minute)))
			must(t, reg.Connect(background, "main"))
		}
		cancel()
		all.Wait()
	})
}

func TestMoreCallersThanAQueueTakes(t *testing.T) {
	conn := sqlitePlace(t).main(t, "pool = { acquire_timeout = \"10m\", max_waiters = 100000 }")
	var all sync.WaitGroup
	for i := 0; i < 20000; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			if _, err := conn.Exec(background, "SELECT 1"); err != nil {
				t.Error(err)
			}
		}()
	}
	all.Wait()
}

func TestWhatIsForgottenIsReleased(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		reg := at.open(t, "pool = { max = 2 }")
		func() {
			_, err := reg.On("main").Stream(background, at.series, 1000000)
			must(t, err)
			_, err = reg.On("main").Hold(background)
			must(t, err)
		}()
		eventually(t, "the collector has found them", func() bool { runtime.GC(); return leased(t, reg) == 0 })
	})
}
