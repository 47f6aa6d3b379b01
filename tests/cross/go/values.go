package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"trunkline"
)

// Values of the data file <-> Go's: see README.md for the form in which they are written there.

const (
	dayLayout    = "2006-01-02"
	clockLayout  = "15:04:05"
	momentLayout = dayLayout + " " + clockLayout
)

type object = map[string]any

func native(value any) any {
	switch v := value.(type) {
	case json.Number:
		return must(v.Int64())
	case object:
		for kind, written := range v {
			return typed(kind, written)
		}
	}
	return value
}

func typed(kind string, written any) any {
	text, _ := written.(string)
	switch kind {
	case "int64":
		return must(strconv.ParseInt(text, 10, 64))
	case "uint64":
		return must(strconv.ParseUint(text, 10, 64))
	case "float64":
		return must(strconv.ParseFloat(text, 64))
	case "decimal":
		return trunkline.Decimal(text)
	case "bytes":
		return must(hex.DecodeString(text))
	case "date":
		return trunkline.Date(must(time.Parse(dayLayout, text)))
	case "time":
		clock := must(time.Parse(clockLayout, text))
		return trunkline.TimeOfDay(clock.Sub(clock.Truncate(24 * time.Hour)))
	case "timestamp":
		return trunkline.Timestamp(must(time.Parse(momentLayout, text)))
	case "timestamptz":
		return must(time.Parse(momentLayout, text))
	case "duration":
		return time.Duration(number(written)) * time.Microsecond
	case "interval":
		parts := written.([]any)
		return trunkline.Interval{Months: int32(number(parts[0])), Days: int32(number(parts[1])), Microseconds: number(parts[2])}
	case "uuid":
		var found trunkline.UUID
		copy(found[:], must(hex.DecodeString(strings.ReplaceAll(text, "-", ""))))
		return found
	case "json":
		return json.RawMessage(must(json.Marshal(written)))
	case "list":
		list := []any{}
		for _, each := range written.([]any) {
			list = append(list, native(each))
		}
		return list
	}
	panic("a value of type " + kind)
}

func number(value any) int64 { return must(value.(json.Number).Int64()) }

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// ---- out of rows ----

const safe = 1<<53 - 1 // the largest integer that every language's JSON keeps

func writtenInt(value int64) any {
	if value >= -safe && value <= safe {
		return value
	}
	return object{"int64": strconv.FormatInt(value, 10)}
}

func writtenFloat(value float64) any {
	switch {
	case math.IsNaN(value):
		return object{"float64": "nan"}
	case math.IsInf(value, 0):
		return object{"float64": strings.ToLower(strings.TrimPrefix(strconv.FormatFloat(value, 'g', -1, 64), "+"))}
	}
	digits, exponent, _ := strings.Cut(strconv.FormatFloat(value, 'e', -1, 64), "e")
	return object{"float64": fmt.Sprintf("%se%+d", digits, must(strconv.Atoi(exponent)))}
}

// bare is a value of SQLite, or of a list. Where it has no type beside it a whole number is one, however it was computed.
func bare(value any) any {
	switch v := value.(type) {
	case int64:
		return writtenInt(v)
	case float64:
		if v == math.Trunc(v) && math.Abs(v) <= safe {
			return int64(v)
		}
		return writtenFloat(v)
	case []byte:
		return object{"bytes": hex.EncodeToString(v)}
	case fmt.Stringer:
		return v.String()
	case trunkline.Decimal:
		return string(v)
	}
	return value
}

// clock adds the microseconds of a time to it, if there are any.
func clock(t time.Time, layout string) string {
	if t.Nanosecond() != 0 {
		layout += ".000000"
	}
	return t.Format(layout)
}

// written is how a value of a column of that type stands in the data file.
func written(value any, kind string) any {
	if value == nil {
		return nil
	}
	switch kind {
	case "any", "bytes":
		return bare(value)
	case "int64":
		return writtenInt(value.(int64))
	case "uint64":
		if v := value.(uint64); v > safe {
			return object{"uint64": strconv.FormatUint(v, 10)}
		}
	case "float64":
		return writtenFloat(value.(float64))
	case "date":
		return object{kind: value.(time.Time).Format(dayLayout)}
	case "time":
		return object{kind: clock(time.Time{}.Add(time.Duration(value.(trunkline.TimeOfDay))), clockLayout)}
	case "timestamp", "timestamptz":
		return object{kind: clock(value.(time.Time).UTC(), momentLayout)}
	case "duration":
		return object{kind: value.(time.Duration).Microseconds()}
	case "interval":
		v := value.(trunkline.Interval)
		return object{kind: []any{v.Months, v.Days, v.Microseconds}}
	case "uuid":
		return object{kind: value.(trunkline.UUID).String()}
	case "decimal", "json":
		return object{kind: value}
	case "list":
		list := []any{}
		for _, each := range value.([]any) {
			list = append(list, bare(each))
		}
		return object{kind: list}
	}
	return value
}

func failureOf(failure *trunkline.Error) object {
	details := []any{}
	for _, detail := range failure.Details {
		details = append(details, []any{detail.Key, detail.Value})
	}
	return object{
		"code": failure.Code, "outcome": failure.Outcome.String(), "sqlstate": failure.SQLState, "native": failure.Native,
		"connection": failure.Connection, "endpoint": failure.Endpoint, "phase": failure.Phase,
		"message": failure.Message, "details": details,
	}
}

// failed is what an error of the library says; nil of others.
func failed(err error) object {
	var failure *trunkline.Error
	if errors.As(err, &failure) {
		return failureOf(failure)
	}
	return nil
}
