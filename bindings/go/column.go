package trunkline

// #include "helper.h"
import "C"

import (
	"encoding/json"
	"math"
	"time"
	"unsafe"
)

// column is a column of a batch, whose memory it reads.
type column struct {
	of     *C.tl_column
	kind   int32 // of all its values; TL_ANY: they differ
	nulls  bool
	any    bool    // TL_ANY's layout
	rows   int     //
	texts  string  // the bytes of all its values, once they are wanted
	begins []int64 // of TL_ANY's texts, likewise
	child  *column // of TL_LIST: the elements of all its values, likewise
}

func (c *column) open(of *C.tl_column, rows int) {
	*c = column{of: of, kind: int32(of._type), nulls: of.null_count > 0, rows: rows}
	if c.kind == C.TL_ANY {
		c.any, c.kind = true, int32(of.uniform)
	}
}

func (c *column) null(row int) bool {
	if !c.nulls {
		return false
	}
	if c.any {
		return *(*uint8)(unsafe.Add(unsafe.Pointer(c.of.tags), row)) == C.TL_NULL
	}
	return *(*uint8)(unsafe.Add(unsafe.Pointer(c.of.validity), row>>3))&(1<<(row&7)) == 0
}

// kindOf is the type of one value.
func (c *column) kindOf(row int) int32 {
	if c.kind == C.TL_ANY {
		return int32(*(*uint8)(unsafe.Add(unsafe.Pointer(c.of.tags), row)))
	}
	return c.kind
}

func (c *column) int64s() []int64     { return unsafe.Slice((*int64)(c.of.data), c.rows) }
func (c *column) float64s() []float64 { return unsafe.Slice((*float64)(c.of.data), c.rows) }
func (c *column) int32s() []int32     { return unsafe.Slice((*int32)(c.of.data), c.rows) }

func (c *column) bit(row int) bool {
	return *(*uint8)(unsafe.Add(c.of.data, row>>3))&(1<<(row&7)) != 0
}

// span is where the bytes of a text are.
func (c *column) span(row int) (begin, end int64) {
	if !c.any {
		offsets := unsafe.Slice((*int32)(unsafe.Pointer(c.of.offsets)), c.rows+1)
		return int64(offsets[row]), int64(offsets[row+1])
	}
	ends := c.int64s()
	if c.begins == nil && (c.nulls || c.kind == C.TL_ANY) {
		c.begins = c.findBegins(ends)
	}
	switch {
	case c.begins != nil:
		begin = c.begins[row]
	case row > 0:
		begin = ends[row-1]
	}
	return begin, ends[row]
}

// findBegins looks each text's up, which is where the one before it ends.
func (c *column) findBegins(ends []int64) []int64 {
	begins := make([]int64, c.rows)
	at := int64(0)
	for row := range begins {
		begins[row] = at
		if !c.null(row) {
			if kind := c.kindOf(row); kind == C.TL_TEXT || kind == C.TL_BYTES {
				at = ends[row]
			}
		}
	}
	return begins
}

func (c *column) memory() unsafe.Pointer {
	if c.any {
		return unsafe.Pointer(c.of.heap)
	}
	return unsafe.Pointer(c.of.data)
}

func (c *column) size() uint64 {
	if c.any {
		return uint64(c.of.heap_len)
	}
	return uint64(c.of.data_len)
}

// view is a value's bytes, in the batch's own memory.
func (c *column) view(row int) []byte {
	begin, end := c.span(row)
	if begin == end {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Add(c.memory(), begin)), end-begin)
}

// string copies the texts of a batch once, and cuts them.
func (c *column) string(row int) string {
	if c.rows == 1 {
		return string(c.view(0))
	}
	if c.texts == "" && c.size() > 0 {
		c.texts = string(unsafe.Slice((*byte)(c.memory()), c.size()))
	}
	begin, end := c.span(row)
	return c.texts[begin:end]
}

func (c *column) blob(row int) []byte { return append([]byte{}, c.view(row)...) }

func (c *column) uuid(row int) UUID {
	return *(*UUID)(unsafe.Add(c.of.data, row*16))
}

func (c *column) interval(row int) Interval {
	return *(*Interval)(unsafe.Add(c.of.data, row*16))
}

// days and microseconds that stand for infinity.
func isInfinite(microseconds int64) bool {
	return microseconds == math.MaxInt64 || microseconds == math.MinInt64
}

func infinity(positive bool) string {
	if positive {
		return "infinity"
	}
	return "-infinity"
}

// moment is a date's, timestamp's or timestamptz's; infinite: it is none.
func (c *column) moment(row int) (t time.Time, infinite string) {
	if c.kind == C.TL_DATE {
		days := c.int32s()[row]
		if days == math.MaxInt32 || days == math.MinInt32 {
			return t, infinity(days > 0)
		}
		return time.Unix(int64(days)*86400, 0).UTC(), ""
	}
	microseconds := c.int64s()[row]
	if isInfinite(microseconds) {
		return t, infinity(microseconds > 0)
	}
	return time.UnixMicro(microseconds).UTC(), ""
}

// value is a value as Go's own type for it: what Scan gives an any. Infinite ones are an error.
func (c *column) value(row int) (any, *misfit) {
	if c.null(row) {
		return nil, nil
	}
	switch c.kindOf(row) {
	case C.TL_BOOL:
		return c.bit(row), nil
	case C.TL_INT64:
		return c.int64s()[row], nil
	case C.TL_UINT64:
		return uint64(c.int64s()[row]), nil
	case C.TL_FLOAT64:
		return c.float64s()[row], nil
	case C.TL_DECIMAL:
		return Decimal(c.string(row)), nil
	case C.TL_TEXT:
		return c.string(row), nil
	case C.TL_BYTES:
		return c.blob(row), nil
	case C.TL_JSON:
		return json.RawMessage(c.blob(row)), nil
	case C.TL_DATE, C.TL_TIMESTAMP, C.TL_TIMESTAMPTZ:
		t, infinite := c.moment(row)
		if infinite != "" {
			return nil, misfitOf(row, "%s is no time.Time; it can be scanned into a string", infinite)
		}
		return t, nil
	case C.TL_TIME:
		return TimeOfDay(c.int64s()[row] * 1000), nil
	case C.TL_DURATION:
		return c.duration(row)
	case C.TL_INTERVAL:
		return c.interval(row), nil
	case C.TL_UUID:
		return c.uuid(row), nil
	case C.TL_LIST:
		return c.list(row)
	}
	return nil, misfitOf(row, "the value is of a type that this binding does not know")
}

const longestDuration = math.MaxInt64 / 1000 // microseconds

func (c *column) duration(row int) (any, *misfit) {
	microseconds := c.int64s()[row]
	if microseconds > longestDuration || microseconds < -longestDuration {
		return nil, misfitOf(row, "the duration does not fit into a time.Duration")
	}
	return time.Duration(microseconds) * time.Microsecond, nil
}

// elements is what a list's elements are cut from, and where its own are.
func (c *column) elements(row int) (child *column, begin, end int) {
	offsets := unsafe.Slice((*int32)(unsafe.Pointer(c.of.offsets)), c.rows+1)
	if c.child == nil {
		c.child = &column{}
		c.child.open((*C.tl_column)(unsafe.Pointer(c.of.children)), int(offsets[c.rows]))
	}
	return c.child, int(offsets[row]), int(offsets[row+1])
}

func (c *column) list(row int) (any, *misfit) {
	child, begin, end := c.elements(row)
	list := make([]any, 0, end-begin)
	for at := begin; at < end; at++ {
		value, bad := child.value(at)
		if bad != nil {
			return nil, &misfit{row, bad.reason, bad.cause}
		}
		list = append(list, value)
	}
	return list, nil
}
