package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"trunkline"
)

const patience = 30 * time.Second // for what comes true by itself

// mismatch is what differs from what is expected, or went wrong.
type mismatch struct{ text string }

func (m mismatch) Error() string { return m.text }

func namesDatabases(value object) bool {
	for key := range value {
		if key != "sqlite" && key != "postgresql" && key != "mariadb" {
			return false
		}
	}
	return len(value) > 0
}

// filled is a value with what is written for this database in place of what is written for each, and with {words} filled in.
func filled(value any, database string, words map[string]string) any {
	switch v := value.(type) {
	case string:
		for word, meaning := range words {
			v = strings.ReplaceAll(v, "{"+word+"}", meaning)
		}
		return v
	case []any:
		list := []any{}
		for _, each := range v {
			list = append(list, filled(each, database, words))
		}
		return list
	case object:
		if repeated, ok := v["repeated"].([]any); ok {
			return strings.Repeat(filled(repeated[0], database, words).(string), int(number(repeated[1])))
		}
		if joined, ok := v["joined"].([]any); ok {
			text := ""
			for _, part := range joined {
				text += filled(part, database, words).(string)
			}
			return text
		}
		if namesDatabases(v) {
			return filled(v[database], database, words)
		}
		whole := object{}
		for key, each := range v {
			whole[key] = filled(each, database, words)
		}
		return whole
	}
	return value
}

// plain is a value as it is read from JSON, so that values can be compared.
func plain(value any) any {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return read(text)
}

func read(text []byte) any {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		panic(err)
	}
	return value
}

func tells(found object, key string, wanted any) bool {
	switch key {
	case "says":
		return strings.Contains(found["message"].(string), wanted.(string))
	case "detail":
		for name, value := range wanted.(object) {
			if firstDetail(found["details"].([]any), name) != value {
				return false
			}
		}
		return true
	}
	value, known := found[key]
	return known && reflect.DeepEqual(value, wanted)
}

func firstDetail(details []any, name string) any {
	for _, detail := range details {
		if pair := detail.([]any); pair[0] == name {
			return pair[1]
		}
	}
	return nil
}

// matches: only what is expected counts. "says": a part of the message; "detail": some of the details.
func matches(expected any, found object) bool {
	wanted, _ := expected.(object)
	for key, value := range wanted {
		if !tells(found, key, value) {
			return false
		}
	}
	return true
}

func shown(value any) string {
	const most = 2000
	text, _ := json.Marshal(value)
	if len(text) > most {
		text = append(text[:most], " …"...)
	}
	return string(text)
}

// conn is what statements are run on: a *trunkline.Conn, *trunkline.Pin or *trunkline.Tx.
type conn interface {
	Query(ctx context.Context, sql string, args ...any) (*trunkline.Rows, error)
	Stream(ctx context.Context, sql string, args ...any) (*trunkline.Rows, error)
	ExecMany(ctx context.Context, sql string, rows [][]any) (*trunkline.Rows, error)
	Load(ctx context.Context, table string, columns []string, rows [][]any) (int64, error)
	Explain(ctx context.Context, sql string) (*trunkline.Rows, error)
	Token() (string, error)
	Begin(ctx context.Context, how trunkline.TxOptions) (*trunkline.Tx, error)
	Transaction(ctx context.Context, how trunkline.TxOptions, work func(context.Context, *trunkline.Tx) error) error
}

// test is one case, run on one database through the Go package.
type test struct {
	described object
	database  string
	words     map[string]string
	registry  *trunkline.Registry
	handles   map[string]conn
	done      map[uintptr]bool // of the steps that run once
	ctx       context.Context
}

func (t *test) said(one object, key string) any { return filled(one[key], t.database, t.words) }

func (t *test) text(one object, key string) string {
	text, _ := t.said(one, key).(string)
	return text
}

func (t *test) run() error {
	var err error
	if file, ok := t.described["file"].(object); ok {
		if _, err = write(t, file); err == nil {
			t.registry, err = trunkline.Open(trunkline.Options{Path: t.words["folder"] + "/trunkline.toml"})
		}
	} else {
		t.registry, err = trunkline.Parse(t.text(t.described, "toml"), trunkline.Options{Source: "cross.toml"})
	}
	if err != nil {
		return err
	}
	err = t.steps(t.described["steps"])
	if closing := t.registry.Close(t.ctx, ""); err == nil {
		err = closing
	}
	return err
}

func (t *test) steps(all any) error {
	for i, one := range all.([]any) {
		step := one.(object)
		var differs mismatch
		if err := t.step(step); errors.As(err, &differs) {
			return mismatch{fmt.Sprintf("step %d, %s: %s", i+1, step["do"], differs.text)}
		} else if err != nil {
			return err
		}
	}
	return nil
}

func (t *test) step(one object) error {
	if one["once"] != nil {
		which := reflect.ValueOf(one).Pointer()
		if t.done[which] {
			return nil
		}
		t.done[which] = true
	}
	expected, failing := t.said(one, "expect"), t.said(one, "fails")
	found, err := t.awaited(one, expected)
	switch {
	case failing == nil && err != nil:
		return err
	case failing != nil && err == nil:
		return mismatch{"expected to fail with " + shown(failing) + "\n    found " + shown(found)}
	case failing != nil:
		if expected, found = failing, failed(err); found == nil {
			return err
		}
		found = plain(found).(object)
	}
	if !matches(expected, found) {
		return mismatch{"expected " + shown(expected) + "\n    found " + shown(found)}
	}
	if word, ok := one["save"].(string); ok {
		t.words[word] = fmt.Sprint(found["value"])
	}
	return nil
}

// awaited: "eventually" is asked again until it is so.
func (t *test) awaited(one object, expected any) (object, error) {
	for until := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		found, err := verbs[one["do"].(string)](t, one)
		if err != nil {
			return nil, err
		}
		found = plain(found).(object)
		if one["eventually"] == nil || matches(expected, found) || time.Now().After(until) {
			return found, nil
		}
	}
}
