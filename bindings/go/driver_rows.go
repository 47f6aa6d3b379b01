package trunkline

// #include "helper.h"
import "C"

import (
	"database/sql"
	"database/sql/driver"
	"io"
	"math"
	"reflect"
	"runtime"
	"strings"
	"time"
	"unsafe"
)

// sqlRows are an answer for database/sql.
type sqlRows struct {
	rows    *Rows
	moments []bool // of the set: columns of SQLite that are declared to hold moments, which it keeps as text
}

func newSQLRows(rows *Rows) *sqlRows {
	r := &sqlRows{rows: rows}
	r.beginSet()
	return r
}

func (r *sqlRows) beginSet() {
	r.moments = nil
	for i := range r.rows.columns {
		of := r.rows.columnAt(i)
		if of._type != C.TL_ANY {
			continue
		}
		switch strings.ToLower(C.GoString(of.type_name)) {
		case "date", "datetime", "timestamp":
			if r.moments == nil {
				r.moments = make([]bool, len(r.rows.columns))
			}
			r.moments[i] = true
		}
	}
}

var (
	_ driver.RowsNextResultSet              = (*sqlRows)(nil)
	_ driver.RowsColumnTypeDatabaseTypeName = (*sqlRows)(nil)
	_ driver.RowsColumnTypeNullable         = (*sqlRows)(nil)
	_ driver.RowsColumnTypePrecisionScale   = (*sqlRows)(nil)
	_ driver.RowsColumnTypeLength           = (*sqlRows)(nil)
	_ driver.RowsColumnTypeScanType         = (*sqlRows)(nil)
)

func (r *sqlRows) Columns() []string { return r.rows.Columns() }
func (r *sqlRows) Close() error      { return r.rows.Close() }

func (r *sqlRows) Next(row []driver.Value) error {
	if !r.rows.Next() {
		r.rows.peek() // which may fail, and this is where that can be told
		if err := r.rows.Err(); err != nil {
			return err
		}
		return io.EOF
	}
	for i := range row {
		value, bad := r.rows.columns[i].driverValue(r.rows.at)
		if bad != nil {
			return r.rows.misfit(i, bad)
		}
		if text, ok := value.(string); ok && r.moments != nil && r.moments[i] {
			var moment time.Time
			if convertTime(text, unsafe.Pointer(&moment)) {
				value = moment
			}
		}
		row[i] = value
	}
	runtime.KeepAlive(r.rows.reader)
	return nil
}

// HasNextResultSet is asked at the end of a set: where there is no other database/sql closes the rows, and their
// session is free.
func (r *sqlRows) HasNextResultSet() bool { return r.rows.peek() }

func (r *sqlRows) NextResultSet() error {
	if r.rows.NextResultSet() {
		r.beginSet()
		return nil
	}
	if err := r.rows.Err(); err != nil {
		return err
	}
	return io.EOF
}

func (r *sqlRows) ColumnTypeDatabaseTypeName(i int) string {
	defer runtime.KeepAlive(r.rows.reader)
	return strings.ToUpper(C.GoString(r.rows.columnAt(i).type_name))
}

func (r *sqlRows) ColumnTypeNullable(i int) (nullable, known bool) {
	told := r.rows.columnAt(i).nullable
	return told == 1, told >= 0
}

func (r *sqlRows) ColumnTypePrecisionScale(i int) (precision, scale int64, known bool) {
	of := r.rows.columnAt(i)
	return int64(of.precision), int64(of.scale), of._type == C.TL_DECIMAL && of.precision >= 0
}

func (r *sqlRows) ColumnTypeLength(i int) (length int64, known bool) {
	switch r.rows.columnAt(i)._type {
	case C.TL_TEXT, C.TL_BYTES, C.TL_JSON:
		return math.MaxInt64, true
	}
	return 0, false
}

var scanTypes = map[C.int32_t]reflect.Type{
	C.TL_BOOL: reflect.TypeOf(false), C.TL_INT64: reflect.TypeOf(int64(0)), C.TL_UINT64: reflect.TypeOf(uint64(0)),
	C.TL_FLOAT64: reflect.TypeOf(0.0), C.TL_DECIMAL: reflect.TypeOf(""), C.TL_TEXT: reflect.TypeOf(""),
	C.TL_BYTES: reflect.TypeOf([]byte(nil)), C.TL_DATE: timeType, C.TL_TIME: reflect.TypeOf(""), C.TL_TIMESTAMP: timeType,
	C.TL_TIMESTAMPTZ: timeType, C.TL_DURATION: reflect.TypeOf(time.Duration(0)), C.TL_INTERVAL: reflect.TypeOf(Interval{}),
	C.TL_UUID: reflect.TypeOf(""), C.TL_JSON: reflect.TypeOf([]byte(nil)), C.TL_LIST: reflect.TypeOf([]any(nil)),
}

func (r *sqlRows) ColumnTypeScanType(i int) reflect.Type {
	if known, ok := scanTypes[r.rows.columnAt(i)._type]; ok {
		return known
	}
	return reflect.TypeOf((*any)(nil)).Elem()
}

// ListOf has database/sql scan a list: rows.Scan(trunkline.ListOf(&ids)). NULL leaves nil. (This package's own Scan
// takes &ids.)
func ListOf[T any](to *[]T) sql.Scanner { return listOf[T]{to} }

type listOf[T any] struct{ to *[]T }

func (l listOf[T]) Scan(value any) error {
	if value == nil {
		*l.to = nil
		return nil
	}
	elements, ok := value.([]any)
	if !ok {
		return errorOf(ErrData, Unknown, "a %T is no list", value)
	}
	list := make([]T, len(elements))
	for i, element := range elements {
		if !assign(reflect.ValueOf(&list[i]).Elem(), element) {
			return errorOf(ErrData, Unknown, "element %d: the value %v does not fit into a %T", i+1, element, list[i])
		}
	}
	*l.to = list
	return nil
}

// assign stores a value as the type that is wanted, where it is the same there.
func assign(to reflect.Value, value any) bool {
	if to.Kind() == reflect.Pointer {
		if value == nil {
			return true
		}
		to.Set(reflect.New(to.Type().Elem()))
		return assign(to.Elem(), value)
	}
	from := reflect.ValueOf(value)
	switch {
	case value == nil:
		return to.Kind() == reflect.Interface
	case from.Type().AssignableTo(to.Type()):
		to.Set(from)
		return true
	case from.Kind() == reflect.String && to.Kind() == reflect.String,
		from.CanInt() && to.CanInt() && !to.OverflowInt(from.Int()),
		from.CanFloat() && to.CanFloat() && !to.OverflowFloat(from.Float()):
		to.Set(from.Convert(to.Type()))
		return true
	}
	return false
}
