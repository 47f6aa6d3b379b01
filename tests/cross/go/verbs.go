package main

import (
	"context"
	"database/sql"
	"os"
	"sort"
	"strings"
	"time"

	"trunkline"
)

// What each "do" of the data file is in Go.

const shownRows = 5 // of a stream

type verb = func(*test, object) (object, error)

var verbs map[string]verb

func init() {
	verbs = map[string]verb{
		"library": library, "parse": parse, "has": has, "names": names, "add": add, "remove": remove, "patch": patch,
		"write": write, "reload": reload, "connect": connect, "connect_all": connectAll, "trim": trim, "close": closeNames,
		"inspect": inspect, "health": health, "metrics": metrics, "share": share, "events": events, "resolver": resolver,
		"credentials": credentials, "on": on, "tag": tag, "after": after, "token": token, "query": query, "stream": stream,
		"execute_many": executeMany, "load": load, "explain": explain, "cancel": cancel, "transaction": transaction,
		"begin": begin, "commit": commit, "rollback": rollback, "pin": pin, "apart": apart,
	}
}

var nothing = object{}

func value[T any](value T, err error) (object, error) { return object{"value": value}, err }

func done(err error) (object, error) { return nothing, err }

// ---- the registry ----

func library(t *test, one object) (object, error) {
	features := object{}
	for name := range t.said(one, "expect").(object)["features"].(object) {
		features[name] = trunkline.HasFeature(name)
	}
	return object{"version": trunkline.Version(), "features": features}, nil
}

func parse(t *test, one object) (object, error) {
	other, err := trunkline.Parse(t.text(one, "toml"), trunkline.Options{Source: "other.toml"})
	if err != nil {
		return nil, err
	}
	defer other.Close(t.ctx, "")
	return value(other.Names())
}

func has(t *test, one object) (object, error) { return value(t.registry.Has(t.text(one, "name")), nil) }

func names(t *test, one object) (object, error) { return value(t.registry.Names()) }

func add(t *test, one object) (object, error) {
	return value(t.registry.Add(t.text(one, "name"), t.text(one, "toml")))
}

func remove(t *test, one object) (object, error) {
	return value(t.registry.Remove(t.ctx, t.text(one, "name")))
}

func patch(t *test, one object) (object, error) {
	var how []trunkline.Option
	if one["verify"] != nil {
		how = append(how, trunkline.Verified)
	}
	return value(t.registry.Patch(t.ctx, t.text(one, "name"), t.text(one, "toml"), how...))
}

func write(t *test, one object) (object, error) {
	return done(os.WriteFile(t.words["folder"]+"/trunkline.toml", []byte(t.text(one, "toml")), 0o600))
}

func reload(t *test, one object) (object, error) {
	rows, err := t.registry.Reload(t.ctx)
	return answered(one, rows, err)
}

func connect(t *test, one object) (object, error) {
	return done(t.registry.Connect(t.ctx, t.text(one, "name")))
}

func connectAll(t *test, one object) (object, error) { return done(t.registry.ConnectAll(t.ctx)) }

func trim(t *test, one object) (object, error) { return done(t.registry.Trim(t.text(one, "name"))) }

func closeNames(t *test, one object) (object, error) {
	return done(t.registry.Close(t.ctx, t.text(one, "name")))
}

func inspect(t *test, one object) (object, error) {
	rows, err := t.registry.Inspect(t.ctx, t.text(one, "what"), t.text(one, "name"))
	return answered(one, rows, err)
}

func health(t *test, one object) (object, error) {
	told, err := t.registry.Health(t.ctx, trunkline.HealthOptions{Open: one["open"] == true})
	connections := []any{}
	for name, each := range told.Connections {
		connections = append(connections, []any{name, each.Status, each.State})
	}
	sort.Slice(connections, func(i, j int) bool { return connections[i].([]any)[0].(string) < connections[j].([]any)[0].(string) })
	return object{"ok": told.OK, "connections": connections}, err
}

func metrics(t *test, one object) (object, error) {
	text, err := t.registry.Metrics()
	return value(strings.Contains(text, t.text(one, "line")), err)
}

func share(t *test, one object) (object, error) {
	if err := t.registry.Share(); err != nil {
		return nil, err
	}
	shared, err := trunkline.Shared(trunkline.Options{})
	if err != nil {
		return nil, err
	}
	return value(shared.Names())
}

var kinds = map[string]trunkline.EventKind{"query": trunkline.EventQuery, "state_change": trunkline.EventStateChange}

func events(t *test, one object) (object, error) {
	ctx, end := context.WithTimeout(t.ctx, patience)
	defer end()
	told, err := t.registry.Events(ctx, kinds[one["kind"].(string)])
	if err != nil {
		return nil, err
	}
	if err := t.steps(one["steps"]); err != nil {
		return nil, err
	}
	heard := []any{}
	for event := range told {
		fields := map[string]string{"connection": event.Connection, "status": event.Status, "statement": event.Statement,
			"message": event.Message, "tag": event.Tag}
		picked := []any{}
		for _, name := range one["pick"].([]any) {
			picked = append(picked, fields[name.(string)])
		}
		if heard = append(heard, picked); len(heard) == int(number(one["count"])) {
			break
		}
	}
	return object{"events": heard}, nil
}

func resolver(t *test, one object) (object, error) {
	known := t.said(one, "known").(object)
	ctx, end := context.WithCancel(t.ctx)
	defer end()
	err := t.registry.Resolver(ctx, func(_ context.Context, name string) (any, error) { return known[name], nil }, 0)
	if err != nil {
		return nil, err
	}
	return done(t.steps(one["steps"]))
}

func credentials(t *test, one object) (object, error) {
	login := trunkline.Login{User: t.text(one, "user"), Password: t.text(one, "password")}
	ctx, end := context.WithCancel(t.ctx)
	defer end()
	err := t.registry.Credentials(ctx, func(context.Context, string) (trunkline.Login, error) { return login, nil })
	if err != nil {
		return nil, err
	}
	return done(t.steps(one["steps"]))
}

// ---- handles ----

var modes = map[string]trunkline.Mode{"read": trunkline.Read, "write": trunkline.Write}

func (t *test) handle(one object) conn {
	name, ok := one["on"].(string)
	if !ok {
		name = "db"
	}
	if held, ok := t.handles[name]; ok {
		return held
	}
	return t.registry.On(name)
}

func (t *test) pooled(one object) *trunkline.Conn { return t.handle(one).(*trunkline.Conn) }

func (t *test) hold(one object, made conn) (object, error) {
	t.handles[one["as"].(string)] = made
	return nothing, nil
}

func on(t *test, one object) (object, error) {
	mode, _ := one["mode"].(string)
	return t.hold(one, t.registry.On(t.text(one, "name"), modes[mode]))
}

func tag(t *test, one object) (object, error) {
	return t.hold(one, t.pooled(one).Tag(t.text(one, "text")))
}

func after(t *test, one object) (object, error) {
	return t.hold(one, t.pooled(one).After(t.text(one, "token")))
}

func token(t *test, one object) (object, error) { return value(t.handle(one).Token()) }

// ---- statements ----

// with is the handle with the step's options.
func (t *test) with(one object) conn {
	var how []trunkline.Option
	if timeout := one["timeout"]; timeout != nil {
		how = append(how, trunkline.Timeout(time.Duration(number(timeout))*time.Millisecond))
	}
	if lag := one["max_lag"]; lag != nil {
		how = append(how, trunkline.MaxLag(time.Duration(number(lag))*time.Millisecond))
	}
	if one["read"] != nil {
		how = append(how, trunkline.Reading)
	}
	if one["write"] != nil {
		how = append(how, trunkline.Writing)
	}
	if fallback := t.text(one, "fallback"); fallback != "" {
		how = append(how, trunkline.Fallback(fallback))
	}
	if len(how) == 0 {
		return t.handle(one)
	}
	return t.pooled(one).With(how...)
}

func arguments(values any) []any {
	list := []any{}
	if named, ok := values.(object); ok {
		for name, value := range named {
			list = append(list, sql.Named(name, native(value)))
		}
		return list
	}
	given, _ := values.([]any)
	for _, value := range given {
		list = append(list, native(value))
	}
	return list
}

// answer is the first rows of a set, the last one, and how many there are.
type answer struct {
	first []any
	last  any
	count int
}

func rowsOf(rows *trunkline.Rows, most int) (found answer, err error) {
	columns := rows.ColumnTypes()
	found.first = []any{}
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			return found, err
		}
		row := []any{}
		for i, value := range values {
			row = append(row, written(value, columns[i].Type))
		}
		found.last = row
		if found.count++; found.count <= most {
			found.first = append(found.first, row)
		}
	}
	return found, rows.Err()
}

const allRows = 1 << 40

func answered(one object, rows *trunkline.Rows, err error) (object, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	types := rows.ColumnTypes()
	columns := []any{}
	for _, column := range types {
		columns = append(columns, []any{column.Name, column.Type})
	}
	role := rows.Role()
	if role == "" {
		role = "none"
	}
	found := object{"columns": columns, "affected": rows.Affected(), "last_id": rows.LastID(),
		"connection": rows.Connection(), "endpoint": rows.Endpoint(), "role": role, "lag": nil}
	if lag, known := rows.Lag(); known {
		found["lag"] = lag.Milliseconds()
	}
	sets := []any{}
	for more := true; more; more = rows.NextResultSet() {
		set, err := rowsOf(rows, allRows)
		if err != nil {
			return nil, err
		}
		if len(sets) == 0 {
			found["count"], found["last"] = set.count, set.last
		}
		sets = append(sets, set.first)
	}
	all := sets[0].([]any)
	found["sets"], found["rows"] = sets, all
	if pick, ok := one["pick"].([]any); ok {
		found["rows"] = picked(types, all, pick)
	}
	if len(all) == 1 && len(types) == 1 {
		found["value"] = all[0].([]any)[0]
	}
	return found, rows.Err()
}

func picked(columns []trunkline.Column, rows, pick []any) []any {
	kept := []any{}
	for _, row := range rows {
		values := []any{}
		for _, name := range pick {
			for i, column := range columns {
				if column.Name == name {
					values = append(values, row.([]any)[i])
				}
			}
		}
		kept = append(kept, values)
	}
	return kept
}

func query(t *test, one object) (object, error) {
	on := t.with(one)
	if one["after"] != nil {
		on = on.(*trunkline.Conn).After(t.text(one, "after"))
	}
	rows, err := on.Query(t.ctx, t.text(one, "sql"), arguments(t.said(one, "values"))...)
	return answered(one, rows, err)
}

func explain(t *test, one object) (object, error) {
	rows, err := t.handle(one).Explain(t.ctx, t.text(one, "sql"))
	return answered(one, rows, err)
}

func stream(t *test, one object) (object, error) {
	rows, err := t.handle(one).Stream(t.ctx, t.text(one, "sql"))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	if one["take"] == nil {
		found, err := rowsOf(rows, shownRows)
		return object{"count": found.count, "rows": found.first, "last": found.last}, err
	}
	taken := int64(0)
	for rows.Next() {
		if taken++; taken == number(one["take"]) {
			break
		}
	}
	return object{"count": taken}, rows.Err()
}

func many(t *test, one object) [][]any {
	rows := [][]any{}
	for _, row := range t.said(one, "rows").([]any) {
		rows = append(rows, arguments(row))
	}
	return rows
}

func executeMany(t *test, one object) (object, error) {
	each, err := t.handle(one).ExecMany(t.ctx, t.text(one, "sql"), many(t, one))
	if err != nil {
		return nil, err
	}
	defer each.Close()
	return object{"affected": each.Affected()}, nil
}

func load(t *test, one object) (object, error) {
	columns := []string{}
	for _, name := range one["columns"].([]any) {
		columns = append(columns, name.(string))
	}
	return value(t.handle(one).Load(t.ctx, t.text(one, "table"), columns, many(t, one)))
}

// cancel runs a statement elsewhere, and stops it once it has its session.
func cancel(t *test, one object) (object, error) {
	ctx, stop := context.WithCancel(t.ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() {
		_, err := t.handle(one).Query(ctx, t.text(one, "sql"))
		ended <- err
	}()
	for leased := 0; leased == 0 && len(ended) == 0; time.Sleep(time.Millisecond) {
		leases, err := t.registry.Inspect(t.ctx, "leases", "")
		if err != nil {
			return nil, err
		}
		found, err := rowsOf(leases, 0)
		if err != nil {
			return nil, err
		}
		leased = found.count
		leases.Close()
	}
	stop()
	return done(<-ended)
}

// ---- transactions, pinned sessions, goroutines ----

func optionsOf(one object) trunkline.TxOptions {
	how := trunkline.TxOptions{ReadOnly: one["read_only"] == true}
	if isolation, ok := one["isolation"].(string); ok {
		how.Isolation = trunkline.Isolation(isolation)
	}
	if retry := one["retry"]; retry != nil {
		how.Retry = int(number(retry))
	}
	return how
}

// within runs the inner steps by the context that a function was given.
func (t *test) within(ctx context.Context, one object) error {
	defer func(before context.Context) { t.ctx = before }(t.ctx)
	t.ctx = ctx
	return t.steps(one["steps"])
}

func transaction(t *test, one object) (object, error) {
	name, ok := one["as"].(string)
	if !ok {
		name = "tx"
	}
	return done(t.handle(one).Transaction(t.ctx, optionsOf(one), func(ctx context.Context, tx *trunkline.Tx) error {
		t.handles[name] = tx
		return t.within(ctx, one)
	}))
}

func begin(t *test, one object) (object, error) {
	tx, err := t.handle(one).Begin(t.ctx, optionsOf(one))
	if err != nil {
		return nil, err
	}
	return t.hold(one, tx)
}

func commit(t *test, one object) (object, error) {
	return done(t.handle(one).(*trunkline.Tx).Commit(t.ctx))
}

func rollback(t *test, one object) (object, error) {
	return done(t.handle(one).(*trunkline.Tx).Rollback(t.ctx))
}

func pin(t *test, one object) (object, error) {
	return done(t.pooled(one).Pin(t.ctx, func(ctx context.Context, session *trunkline.Pin) error {
		t.handles[one["as"].(string)] = session
		return t.within(ctx, one)
	}))
}

func apart(t *test, one object) (object, error) {
	ended := make(chan error)
	go func() { ended <- t.within(context.Background(), one) }()
	return done(<-ended)
}
