package trunkline

// #include "helper.h"
import "C"

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"sync"
	"time"
	"unsafe"
)

// misfit is a value that its destination cannot hold; the row counts from 0 within the batch.
type misfit struct {
	row    int
	reason string
	cause  error
}

func misfitOf(row int, format string, arguments ...any) *misfit {
	return &misfit{row: row, reason: fmt.Sprintf(format, arguments...)}
}

// filler writes the values of n rows to memory of one type, stride bytes apart. So a column is decoded in one loop,
// with no call for each value.
type filler func(c *column, from, n int, to unsafe.Pointer, stride uintptr) *misfit

var fillers sync.Map // reflect.Type: filler

// fillerOf is the way to fill destinations of this type.
func fillerOf(t reflect.Type) (filler, error) {
	if known, ok := fillers.Load(t); ok {
		return known.(filler), nil
	}
	made, err := makeFiller(t)
	if err == nil {
		fillers.Store(t, made)
	}
	return made, err
}

var (
	scannerType = reflect.TypeOf((*sql.Scanner)(nil)).Elem()
	timeType    = reflect.TypeOf(time.Time{})
)

var exactTypes = map[reflect.Type]filler{
	timeType:                             fillTime,
	reflect.TypeOf(time.Duration(0)):     fillDuration,
	reflect.TypeOf(TimeOfDay(0)):         fillTimeOfDay,
	reflect.TypeOf(Interval{}):           fillInterval,
	reflect.TypeOf(UUID{}):               fillUUID,
	reflect.TypeOf([]byte(nil)):          fillBytes,
	reflect.TypeOf(json.RawMessage(nil)): fillBytes,
	reflect.TypeOf(Decimal("")):          fillString,
}

var kinds = map[reflect.Kind]filler{
	reflect.Int: fillInt[int], reflect.Int8: fillInt[int8], reflect.Int16: fillInt[int16], reflect.Int32: fillInt[int32],
	reflect.Int64: fillInt[int64], reflect.Uint: fillInt[uint], reflect.Uint8: fillInt[uint8],
	reflect.Uint16: fillInt[uint16], reflect.Uint32: fillInt[uint32], reflect.Uint64: fillInt[uint64],
	reflect.Float32: fillFloat[float32], reflect.Float64: fillFloat[float64], reflect.String: fillString,
	reflect.Bool: fillBool,
}

func makeFiller(t reflect.Type) (filler, error) {
	if known, ok := exactTypes[t]; ok {
		return known, nil
	}
	if reflect.PointerTo(t).Implements(scannerType) {
		return fillScanner(t), nil
	}
	switch t.Kind() {
	case reflect.Pointer:
		return fillPointer(t)
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return fillBytes, nil
		}
		return fillList(t)
	case reflect.Interface:
		if t.NumMethod() == 0 {
			return fillAny, nil
		}
	}
	if known, ok := kinds[t.Kind()]; ok {
		return known, nil
	}
	return nil, errorOf(ErrMisuse, Unknown, "nothing can be scanned into a %s", t)
}

// each is the way of values that are not stored as they are wanted.
func each(c *column, from, n int, to unsafe.Pointer, stride uintptr, want string,
	one func(value any, to unsafe.Pointer) bool) *misfit {
	for i := 0; i < n; i++ {
		value, bad := c.value(from + i)
		if bad != nil {
			return bad
		}
		if value == nil {
			return misfitOf(from+i, "NULL does not fit into a %s", want)
		}
		if !one(value, unsafe.Add(to, uintptr(i)*stride)) {
			return misfitOf(from+i, "the value %.60v does not fit into a %s", value, want)
		}
	}
	return nil
}

func nameOfType[T any]() string { return reflect.TypeOf((*T)(nil)).Elem().String() }

type integer interface {
	int | int8 | int16 | int32 | int64 | uint | uint8 | uint16 | uint32 | uint64
}

func fillInt[T integer](c *column, from, n int, to unsafe.Pointer, stride uintptr) *misfit {
	if c.nulls || c.kind != C.TL_INT64 {
		return each(c, from, n, to, stride, nameOfType[T](), convertInt[T])
	}
	for i, value := range c.int64s()[from : from+n] {
		narrow := T(value)
		if int64(narrow) != value || (narrow < 0) != (value < 0) {
			return misfitOf(from+i, "the value %d does not fit into a %s", value, nameOfType[T]())
		}
		*(*T)(unsafe.Add(to, uintptr(i)*stride)) = narrow
	}
	return nil
}

func fillFloat[T float32 | float64](c *column, from, n int, to unsafe.Pointer, stride uintptr) *misfit {
	if c.nulls || c.kind != C.TL_FLOAT64 {
		return each(c, from, n, to, stride, nameOfType[T](), convertFloat[T])
	}
	for i, value := range c.float64s()[from : from+n] {
		narrow := T(value)
		if math.IsInf(float64(narrow), 0) && !math.IsInf(value, 0) {
			return misfitOf(from+i, "the value %g does not fit into a %s", value, nameOfType[T]())
		}
		*(*T)(unsafe.Add(to, uintptr(i)*stride)) = narrow
	}
	return nil
}

func fillString(c *column, from, n int, to unsafe.Pointer, stride uintptr) *misfit {
	if c.nulls || (c.kind != C.TL_TEXT && c.kind != C.TL_DECIMAL && c.kind != C.TL_JSON) {
		return fillTexts(c, from, n, to, stride)
	}
	for i := 0; i < n; i++ {
		*(*string)(unsafe.Add(to, uintptr(i)*stride)) = c.string(from + i)
	}
	return nil
}

// fillTexts writes values of other types as text, also those that are infinite.
func fillTexts(c *column, from, n int, to unsafe.Pointer, stride uintptr) *misfit {
	for i := 0; i < n; i++ {
		if c.null(from + i) {
			return misfitOf(from+i, "NULL does not fit into a string")
		}
		text, bad := c.textOf(from + i)
		if bad != nil {
			return bad
		}
		*(*string)(unsafe.Add(to, uintptr(i)*stride)) = text
	}
	return nil
}

// fillBytes leaves nil where there is NULL.
func fillBytes(c *column, from, n int, to unsafe.Pointer, stride uintptr) *misfit {
	for i := 0; i < n; i++ {
		place := (*[]byte)(unsafe.Add(to, uintptr(i)*stride))
		if c.null(from + i) {
			*place = nil
			continue
		}
		switch c.kindOf(from + i) {
		case C.TL_BYTES, C.TL_TEXT, C.TL_JSON, C.TL_DECIMAL:
			*place = c.blob(from + i)
		default:
			text, bad := c.textOf(from + i)
			if bad != nil {
				return bad
			}
			*place = []byte(text)
		}
	}
	return nil
}

func fillBool(c *column, from, n int, to unsafe.Pointer, stride uintptr) *misfit {
	if c.nulls || c.kind != C.TL_BOOL {
		return each(c, from, n, to, stride, "bool", convertBool)
	}
	for i := 0; i < n; i++ {
		*(*bool)(unsafe.Add(to, uintptr(i)*stride)) = c.bit(from + i)
	}
	return nil
}

func fillTime(c *column, from, n int, to unsafe.Pointer, stride uintptr) *misfit {
	if c.nulls || (c.kind != C.TL_DATE && c.kind != C.TL_TIMESTAMP && c.kind != C.TL_TIMESTAMPTZ) {
		return each(c, from, n, to, stride, "time.Time", convertTime)
	}
	for i := 0; i < n; i++ {
		t, infinite := c.moment(from + i)
		if infinite != "" {
			return misfitOf(from+i, "%s does not fit into a time.Time", infinite)
		}
		*(*time.Time)(unsafe.Add(to, uintptr(i)*stride)) = t
	}
	return nil
}

func fillDuration(c *column, from, n int, to unsafe.Pointer, stride uintptr) *misfit {
	return each(c, from, n, to, stride, "time.Duration", convertDuration)
}

func fillTimeOfDay(c *column, from, n int, to unsafe.Pointer, stride uintptr) *misfit {
	return each(c, from, n, to, stride, "TimeOfDay", convertTimeOfDay)
}

func fillInterval(c *column, from, n int, to unsafe.Pointer, stride uintptr) *misfit {
	return each(c, from, n, to, stride, "Interval", convertInterval)
}

func fillUUID(c *column, from, n int, to unsafe.Pointer, stride uintptr) *misfit {
	return each(c, from, n, to, stride, "UUID", convertUUID)
}

func fillAny(c *column, from, n int, to unsafe.Pointer, stride uintptr) *misfit {
	for i := 0; i < n; i++ {
		value, bad := c.value(from + i)
		if bad != nil {
			return bad
		}
		*(*any)(unsafe.Add(to, uintptr(i)*stride)) = value
	}
	return nil
}

// fillPointer makes a value for each that is not NULL.
func fillPointer(t reflect.Type) (filler, error) {
	inner := t.Elem()
	fill, err := fillerOf(inner)
	if err != nil {
		return nil, err
	}
	return func(c *column, from, n int, to unsafe.Pointer, stride uintptr) *misfit {
		for i := 0; i < n; i++ {
			place := (*unsafe.Pointer)(unsafe.Add(to, uintptr(i)*stride))
			if c.null(from + i) {
				*place = nil
				continue
			}
			made := reflect.New(inner).UnsafePointer()
			if bad := fill(c, from+i, 1, made, 0); bad != nil {
				return bad
			}
			*place = made
		}
		return nil
	}, nil
}

// fillList leaves nil where there is NULL.
func fillList(t reflect.Type) (filler, error) {
	inner := t.Elem()
	fill, err := fillerOf(inner)
	if err != nil {
		return nil, err
	}
	return func(c *column, from, n int, to unsafe.Pointer, stride uintptr) *misfit {
		for i := 0; i < n; i++ {
			place := reflect.NewAt(t, unsafe.Add(to, uintptr(i)*stride)).Elem()
			if c.null(from + i) {
				place.Set(reflect.Zero(t))
				continue
			}
			if c.kind != C.TL_LIST {
				return misfitOf(from+i, "the value is no list, which %s wants", t)
			}
			child, begin, end := c.elements(from + i)
			list := reflect.MakeSlice(t, end-begin, end-begin)
			if bad := fill(child, begin, end-begin, list.UnsafePointer(), inner.Size()); bad != nil {
				return &misfit{from + i, bad.reason, bad.cause}
			}
			place.Set(list)
		}
		return nil
	}, nil
}

// fillScanner asks a type of the caller's.
func fillScanner(t reflect.Type) filler {
	return func(c *column, from, n int, to unsafe.Pointer, stride uintptr) *misfit {
		for i := 0; i < n; i++ {
			value, bad := c.driverValue(from + i)
			if bad != nil {
				return bad
			}
			scanner := reflect.NewAt(t, unsafe.Add(to, uintptr(i)*stride)).Interface().(sql.Scanner)
			if err := scanner.Scan(value); err != nil {
				return &misfit{from + i, err.Error(), err}
			}
		}
		return nil
	}
}
