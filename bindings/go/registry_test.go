package trunkline

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestNamesComeAndGo(t *testing.T) {
	reg := sqlitePlace(t).open(t)
	settings := map[string]any{"driver": "sqlite", "database": t.TempDir() + "/other \"one\".db",
		"pool": map[string]any{"max": 3, "acquire_timeout": 2 * time.Second}}
	added, err := reg.Add("other", settings)
	must(t, err)
	equal(t, added, true)
	added, err = reg.Add("other", settings)
	must(t, err)
	equal(t, added, false)
	_, err = reg.Add("other", "driver = \"sqlite\"\ndatabase = \"elsewhere.db\"")
	equal(t, failure(t, err, ErrConfiguration).Detail("key"), "database")
	_, err = reg.Add("more", map[string]any{"database": struct{}{}})
	failure(t, err, ErrMisuse)
	names, err := reg.Names()
	must(t, err)
	equal(t, strings.Join(names, " "), "main other")

	other := reg.On("other")
	exec(t, other, "CREATE TABLE t (a)")
	removed, err := reg.Remove(background, "other")
	must(t, err)
	equal(t, removed, true)
	equal(t, reg.Has("other"), false)
	_, err = other.Exec(background, "SELECT 1")
	failure(t, err, ErrClosed)
	_, err = reg.On("other").Exec(background, "SELECT 1")
	failure(t, err, ErrNotFound)
}

func TestAChangeIsSeenByWhatComes(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		reg := at.open(t, "pool = { max = 2 }")
		exec(t, reg.On("main"), "SELECT 1")
		changed, err := reg.Patch(background, "main", map[string]any{"pool": map[string]any{"max": 5}}, Verified)
		must(t, err)
		equal(t, changed, true)
		changed, err = reg.Patch(background, "main", "pool = { max = 5 }")
		must(t, err)
		equal(t, changed, false)
		exec(t, reg.On("main"), "SELECT 1")
		pools, err := reg.Stats("main")
		must(t, err)
		most := 0
		for _, pool := range pools {
			if pool.Max > most {
				most = pool.Max
			}
		}
		equal(t, most, 5)
	})
}

func TestTheFileIsReadAgain(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "trunkline.toml")
	write := func(names ...string) {
		text := ""
		for _, name := range names {
			text += "[connections." + name + "]\ndriver = \"sqlite\"\ndatabase = \"" + name + ".db\"\n"
		}
		must(t, os.WriteFile(path, []byte(text), 0o600))
	}
	write("a", "b")
	reg, err := Open(Options{Path: path})
	must(t, err)
	exec(t, reg.On("b"), "SELECT 1")
	write("a", "c")
	type change struct{ Name, Change, Keys string }
	rows, err := reg.Reload(background, Verified)
	must(t, err)
	found := map[string]string{}
	for rows.Next() {
		var name, what string
		must(t, rows.Scan(&name, &what, new(any)))
		found[name] = what
	}
	must(t, rows.Close())
	equal(t, found["b"]+" "+found["c"], "released added")
	exec(t, reg.On("c"), "SELECT 1")
	_, err = reg.On("b").Exec(background, "SELECT 1")
	failure(t, err, ErrNotFound)
	must(t, os.WriteFile(path, []byte("[connections.a]\ndriver = 7"), 0o600))
	_, err = reg.Reload(background)
	equal(t, failure(t, err, ErrConfiguration).Detail("line") != "", true)
	exec(t, reg.On("c"), "SELECT 1")
	must(t, reg.Close(background, ""))
}

func TestOpeningAndClosing(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		reg := at.open(t)
		must(t, reg.Connect(background, "main"))
		must(t, reg.ConnectAll(background, Timeout(time.Minute)))
		must(t, reg.Trim(""))
		exec(t, reg.On(""), "SELECT 1")
		must(t, reg.Close(background, "main"))
		_, err := reg.On("main").Exec(background, "SELECT 1")
		failure(t, err, ErrClosed)
		must(t, reg.Close(background, ""))
		must(t, reg.Connect(background, ""))
		exec(t, reg.On("main"), "SELECT 1")
	})
}

func TestWhatIsBusyIsTold(t *testing.T) {
	reg := sqlitePlace(t).open(t)
	pin, err := reg.On("main").Hold(background)
	must(t, err)
	failure(t, reg.Close(background, "main", Timeout(10*time.Millisecond)), ErrBusy)
	must(t, pin.Close())
	must(t, pin.Close())
	_, err = pin.Exec(background, "SELECT 1")
	failure(t, err, ErrClosed)
}

func TestHealthAndFigures(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		reg := at.open(t)
		health, err := reg.Health(background, HealthOptions{})
		must(t, err)
		equal(t, health.Connections["main"].Status, "unknown")
		health, err = reg.Health(background, HealthOptions{Open: true, Timeout: time.Minute})
		must(t, err)
		equal(t, health.OK, true)
		equal(t, health.Connections["main"].Status, "healthy")
		text, err := json.Marshal(health)
		must(t, err)
		equal(t, strings.Contains(string(text), `"status":"healthy"`), true)
		metrics, err := reg.Metrics()
		must(t, err)
		equal(t, strings.Contains(metrics, "db_client_connection_count"), true)
		warnings, err := reg.Warnings()
		must(t, err)
		equal(t, len(warnings), 0)
		rows, err := reg.Inspect(background, "check", "main", Timeout(time.Minute))
		must(t, err)
		must(t, rows.Close())
		_, err = reg.Inspect(background, "weather", "")
		failure(t, err, ErrMisuse)
	})
}

func TestEvents(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		reg := at.open(t)
		ctx, cancel := context.WithCancel(background)
		events, err := reg.Events(ctx, EventQuery, EventConnect)
		must(t, err)
		exec(t, reg.On("main").Tag("here"), "SELECT 41")
		for {
			event, open := <-events
			equal(t, open, true)
			if event.Kind == "query" && event.Statement == "SELECT 41" {
				equal(t, event.Connection, "main")
				equal(t, event.Tag, "here")
				equal(t, time.Since(event.At) < time.Minute, true)
				break
			}
		}
		cancel()
		for range events {
		}
	})
}

func TestNamesAreAskedFor(t *testing.T) {
	reg := sqlitePlace(t).open(t)
	folder := t.TempDir()
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	must(t, reg.Resolver(ctx, func(_ context.Context, name string) (any, error) {
		switch name {
		case "nobody":
			return nil, nil
		case "broken":
			return nil, errors.New("the catalogue is away")
		}
		return map[string]any{"driver": "sqlite", "database": filepath.Join(folder, name+".db")}, nil
	}, time.Hour))
	var all sync.WaitGroup
	for i := 0; i < 20; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			if _, err := reg.On("tenant").Exec(background, "SELECT 1"); err != nil {
				t.Error(err)
			}
		}()
	}
	all.Wait()
	exec(t, reg.On("main"), "SELECT 1")
	_, err := reg.On("nobody").Exec(background, "SELECT 1")
	failure(t, err, ErrNotFound)
	_, err = reg.On("broken").Exec(background, "SELECT 1")
	equal(t, strings.Contains(failure(t, err, ErrUnavailable).Message, "the catalogue is away"), true)
}

func TestLoginsAreAskedFor(t *testing.T) {
	if os.Getenv("TL_PG_SOCKET") == "" {
		t.Skip("no PostgreSQL: TL_PG_SOCKET is not set")
	}
	reg := postgresqlPlace().open(t, `credentials = "ask"`)
	_, err := reg.On("main").Exec(background, "SELECT 1")
	failure(t, err, ErrAuthentication)
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	must(t, reg.Credentials(ctx, func(_ context.Context, name string) (Login, error) {
		return Login{Password: "of " + name, Valid: time.Hour}, nil
	}))
	exec(t, reg.On("main"), "SELECT 1")
}

func TestTheContextNamesAConnection(t *testing.T) {
	reg := sqlitePlace(t).open(t)
	_, err := reg.Add("other", map[string]any{"driver": "sqlite", "database": ":memory:"})
	must(t, err)
	rows, err := reg.From(Using(background, "other")).Query(background, "SELECT 1")
	must(t, err)
	equal(t, rows.Connection(), "other")
	must(t, rows.Close())
	rows, err = reg.From(background).Query(background, "SELECT 1")
	must(t, err)
	equal(t, rows.Connection(), "main")
	equal(t, rows.Role(), "replica")
	must(t, rows.Close())
}

func TestConfigurationsThatAreWrong(t *testing.T) {
	_, err := Parse("[connections.a]\ndrivr = \"sqlite\"", Options{Source: "app.toml"})
	found := failure(t, err, ErrConfiguration)
	equal(t, found.Detail("file"), "app.toml")
	equal(t, found.Detail("suggestion"), "driver")
	_, err = Open(Options{Path: "/nowhere/trunkline.toml"})
	failure(t, err, ErrNotFound)
}

func TestVersions(t *testing.T) {
	equal(t, Version() != "", true)
	equal(t, HasFeature("driver.sqlite"), true)
	equal(t, HasFeature("driver.abacus"), false)
}
