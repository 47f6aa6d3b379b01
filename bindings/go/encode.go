package trunkline

// #include "helper.h"
import "C"

import (
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"sync"
	"time"
	"unsafe"
)

// record is a tl_value.
type record struct {
	kind    uint8
	flags   uint8
	element uint16
	length  uint32
	word    uint64
}

var _ [unsafe.Sizeof(record{})]byte = [C.sizeof_tl_value]byte{}

// parameters are a call's values, as the library reads them: records, and the bytes that those speak of.
type parameters struct {
	records []record
	arena   []byte
	inList  bool
}

var encoders = sync.Pool{New: func() any { return &parameters{arena: make([]byte, 0, 256)} }}

const mostKept = 1 << 20 // bytes of memory that the next call has again

func (p *parameters) free() {
	if cap(p.arena)+16*cap(p.records) > mostKept {
		return
	}
	p.records, p.arena = p.records[:0], p.arena[:0]
	encoders.Put(p)
}

// at are the addresses of both, nil where there is nothing.
func (p *parameters) at() (records *C.tl_value, arena *C.char) {
	if len(p.records) > 0 {
		records = (*C.tl_value)(unsafe.Pointer(&p.records[0]))
	}
	if len(p.arena) > 0 {
		arena = (*C.char)(unsafe.Pointer(&p.arena[0]))
	}
	return records, arena
}

// encode reads the values of one statement. They are let go of by free.
func encode(values []any) (*parameters, error) {
	p := encoders.Get().(*parameters)
	for i, value := range values {
		if err := p.add(value); err != nil {
			p.free()
			return nil, errorOf(ErrMisuse, NotSent, "parameter %s: %w", nameOf(i, value), err)
		}
	}
	return p, nil
}

// encodeRows reads as many values for each of the rows, and tells how many records that are: a named value is two.
func encodeRows(rows [][]any) (*parameters, int, error) {
	p := encoders.Get().(*parameters)
	n := 0
	for at, row := range rows {
		before := len(p.records)
		for i, value := range row {
			if err := p.add(value); err != nil {
				p.free()
				return nil, 0, errorOf(ErrMisuse, NotSent, "row %d, parameter %s: %w", at+1, nameOf(i, value), err)
			}
		}
		if at == 0 {
			n = len(p.records)
		}
		if len(row) != len(rows[0]) || len(p.records)-before != n {
			p.free()
			return nil, 0, errorOf(ErrMisuse, NotSent, "row %d has other values than the first, which has %d", at+1, len(rows[0]))
		}
	}
	return p, n, nil
}

func nameOf(i int, value any) string {
	if named, ok := value.(sql.NamedArg); ok {
		return ":" + named.Name
	}
	return strconv.Itoa(i + 1)
}

func (p *parameters) word(kind uint8, word uint64) error {
	p.records = append(p.records, record{kind: kind, word: word})
	return nil
}

func (p *parameters) text(kind uint8, text string) error {
	if uint64(len(text)) > math.MaxUint32 {
		return fmt.Errorf("it has more than 4 GiB")
	}
	p.records = append(p.records, record{kind: kind, length: uint32(len(text)), word: uint64(len(p.arena))})
	p.arena = append(p.arena, text...)
	return nil
}

func (p *parameters) bytes(kind uint8, data []byte) error {
	return p.text(kind, *(*string)(unsafe.Pointer(&data)))
}

func (p *parameters) align() {
	p.arena = append(p.arena, make([]byte, -len(p.arena)&7)...)
}

func (p *parameters) add(value any) error {
	switch v := value.(type) {
	case nil:
		return p.word(C.TL_NULL, 0)
	case int64:
		return p.word(C.TL_INT64, uint64(v))
	case int:
		return p.word(C.TL_INT64, uint64(v))
	case string:
		return p.text(C.TL_TEXT, v)
	case float64:
		return p.word(C.TL_FLOAT64, math.Float64bits(v))
	case bool:
		return p.truth(v)
	case []byte:
		if v == nil {
			return p.word(C.TL_NULL, 0)
		}
		return p.bytes(C.TL_BYTES, v)
	case time.Time:
		return p.word(C.TL_TIMESTAMPTZ, uint64(v.UnixMicro()))
	case sql.NamedArg:
		if err := p.text(C.TL_NAME, v.Name); err != nil {
			return err
		}
		return p.add(v.Value)
	case time.Duration:
		return p.word(C.TL_DURATION, uint64(v.Microseconds()))
	case Decimal:
		return p.text(C.TL_DECIMAL, string(v))
	case json.RawMessage:
		if v == nil {
			return p.word(C.TL_NULL, 0)
		}
		return p.bytes(C.TL_JSON, v)
	case UUID:
		return p.bytes(C.TL_UUID, v[:])
	case Timestamp:
		return p.word(C.TL_TIMESTAMP, uint64(shown(time.Time(v)).UnixMicro()))
	case Date:
		return p.word(C.TL_DATE, uint64(floored(shown(time.Time(v)).Unix(), 86400)))
	case TimeOfDay:
		return p.word(C.TL_TIME, uint64(time.Duration(v).Microseconds()))
	case Interval:
		if v.Months == 0 && v.Days == 0 && !p.inList { // which databases know that have no intervals
			return p.word(C.TL_DURATION, uint64(v.Microseconds))
		}
		p.align()
		p.records = append(p.records, record{kind: C.TL_INTERVAL, length: 16, word: uint64(len(p.arena))})
		p.arena = binary.LittleEndian.AppendUint32(p.arena, uint32(v.Months))
		p.arena = binary.LittleEndian.AppendUint32(p.arena, uint32(v.Days))
		p.arena = binary.LittleEndian.AppendUint64(p.arena, uint64(v.Microseconds))
		return nil
	case driver.Valuer:
		return p.valuer(v)
	}
	return p.reflected(reflect.ValueOf(value))
}

func (p *parameters) truth(is bool) error {
	if is {
		return p.word(C.TL_BOOL, 1)
	}
	return p.word(C.TL_BOOL, 0)
}

// shown is the same wall clock in UTC.
func shown(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

func floored(n, by int64) int64 {
	quotient := n / by
	if n%by < 0 {
		quotient--
	}
	return quotient
}

func (p *parameters) valuer(v driver.Valuer) error {
	if rv := reflect.ValueOf(v); rv.Kind() == reflect.Pointer && rv.IsNil() {
		return p.word(C.TL_NULL, 0)
	}
	value, err := v.Value()
	if err != nil {
		return err
	}
	if _, again := value.(driver.Valuer); again {
		return fmt.Errorf("the Value of %T is a driver.Valuer itself", v)
	}
	return p.add(value)
}

// reflected adds what is of a type of the caller's own, by its kind.
func (p *parameters) reflected(v reflect.Value) error {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return p.word(C.TL_NULL, 0)
		}
		return p.add(v.Elem().Interface())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return p.word(C.TL_INT64, uint64(v.Int()))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if v.Uint() > math.MaxInt64 {
			return p.word(C.TL_UINT64, v.Uint())
		}
		return p.word(C.TL_INT64, v.Uint())
	case reflect.Float32, reflect.Float64:
		return p.word(C.TL_FLOAT64, math.Float64bits(v.Float()))
	case reflect.String:
		return p.text(C.TL_TEXT, v.String())
	case reflect.Bool:
		return p.truth(v.Bool())
	case reflect.Slice:
		if v.IsNil() {
			return p.word(C.TL_NULL, 0)
		}
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return p.bytes(C.TL_BYTES, v.Bytes())
		}
		return p.list(v)
	case reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			data := make([]byte, v.Len())
			reflect.Copy(reflect.ValueOf(data), v)
			return p.bytes(C.TL_BYTES, data)
		}
		return p.list(v)
	}
	return fmt.Errorf("a value of type %s cannot be sent", v.Type())
}
