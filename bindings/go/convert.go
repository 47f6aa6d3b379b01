package trunkline

// #include "helper.h"
import "C"

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unsafe"
)

// Conversions of values that are stored otherwise than they are wanted. False: it would not be the same value.

func convertInt[T integer](value any, to unsafe.Pointer) bool {
	var wide int64
	switch v := value.(type) {
	case int64:
		wide = v
	case uint64:
		*(*T)(to) = T(v)
		return uint64(T(v)) == v && T(v) >= 0
	case float64:
		wide = int64(v)
		if float64(wide) != v || v >= 1<<63 {
			return false
		}
	case bool:
		if v {
			wide = 1
		}
	case string:
		return parseInt[T](v, to)
	case Decimal:
		whole, fraction, _ := strings.Cut(string(v), ".")
		return strings.Trim(fraction, "0") == "" && parseInt[T](whole, to)
	default:
		return false
	}
	narrow := T(wide)
	*(*T)(to) = narrow
	return int64(narrow) == wide && (narrow < 0) == (wide < 0)
}

func parseInt[T integer](text string, to unsafe.Pointer) bool {
	if wide, err := strconv.ParseInt(text, 10, 64); err == nil {
		return convertInt[T](wide, to)
	}
	wide, err := strconv.ParseUint(text, 10, 64)
	return err == nil && convertInt[T](wide, to)
}

func convertFloat[T float32 | float64](value any, to unsafe.Pointer) bool {
	var float float64
	var err error
	switch v := value.(type) {
	case float64:
		float = v
	case int64:
		float = float64(v)
		if float >= 1<<63 || int64(float) != v {
			return false
		}
	case uint64:
		float = float64(v)
		if float >= 1<<64 || uint64(float) != v {
			return false
		}
	case Decimal:
		float, err = strconv.ParseFloat(string(v), 64)
	case string:
		float, err = strconv.ParseFloat(v, 64)
	default:
		return false
	}
	*(*T)(to) = T(float)
	return err == nil && (math.IsInf(float, 0) || !math.IsInf(float64(T(float)), 0))
}

func convertBool(value any, to unsafe.Pointer) bool {
	switch v := value.(type) {
	case bool:
		*(*bool)(to) = v
	case int64:
		*(*bool)(to) = v == 1
		return v == 0 || v == 1
	case uint64:
		*(*bool)(to) = v == 1
		return v <= 1
	case string:
		truth, err := strconv.ParseBool(v)
		*(*bool)(to) = truth
		return err == nil
	default:
		return false
	}
	return true
}

// What SQLite's functions, other drivers and people write.
var timeLayouts = []string{
	"2006-01-02 15:04:05.999999999Z07:00", "2006-01-02T15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999",
	"2006-01-02T15:04:05.999999999", "2006-01-02 15:04Z07:00", "2006-01-02 15:04", "2006-01-02",
}

func convertTime(value any, to unsafe.Pointer) bool {
	switch v := value.(type) {
	case time.Time:
		*(*time.Time)(to) = v
		return true
	case string:
		for _, layout := range timeLayouts {
			if t, err := time.Parse(layout, v); err == nil {
				*(*time.Time)(to) = t.UTC()
				return true
			}
		}
	}
	return false
}

func convertDuration(value any, to unsafe.Pointer) bool {
	place := (*time.Duration)(to)
	switch v := value.(type) {
	case time.Duration:
		*place = v
	case TimeOfDay:
		*place = time.Duration(v)
	case Interval:
		const day = 86_400_000_000
		if v.Months != 0 || isInfinite(v.Microseconds) {
			return false
		}
		total := float64(v.Days)*day + float64(v.Microseconds)
		*place = time.Duration(int64(v.Days)*day+v.Microseconds) * time.Microsecond
		return math.Abs(total) < longestDuration
	default:
		return convertInt[int64](value, to)
	}
	return true
}

func convertTimeOfDay(value any, to unsafe.Pointer) bool {
	switch v := value.(type) {
	case TimeOfDay:
		*(*TimeOfDay)(to) = v
	case time.Duration:
		*(*TimeOfDay)(to) = TimeOfDay(v)
		return v >= 0 && v <= 24*time.Hour
	case string:
		t, err := time.Parse("15:04:05.999999999", v)
		*(*TimeOfDay)(to) = TimeOfDay(t.Sub(t.Truncate(24 * time.Hour)))
		return err == nil
	default:
		return false
	}
	return true
}

func convertInterval(value any, to unsafe.Pointer) bool {
	switch v := value.(type) {
	case Interval:
		*(*Interval)(to) = v
	case time.Duration:
		*(*Interval)(to) = Interval{Microseconds: v.Microseconds()}
	default:
		return false
	}
	return true
}

func convertUUID(value any, to unsafe.Pointer) bool {
	switch v := value.(type) {
	case UUID:
		*(*UUID)(to) = v
	case []byte:
		return copy((*UUID)(to)[:], v) == 16 && len(v) == 16
	case string:
		raw, err := hex.DecodeString(strings.ReplaceAll(v, "-", ""))
		return err == nil && convertUUID(raw, to)
	default:
		return false
	}
	return true
}

// textOf is a value as text, whatever its type: of a moment RFC 3339, also where it is infinite.
func (c *column) textOf(row int) (string, *misfit) {
	switch kind := c.kindOf(row); kind {
	case C.TL_TEXT, C.TL_DECIMAL, C.TL_JSON, C.TL_BYTES:
		return c.string(row), nil
	case C.TL_DATE, C.TL_TIMESTAMP, C.TL_TIMESTAMPTZ:
		t, infinite := c.moment(row)
		return momentText(kind, t, infinite), nil
	}
	value, bad := c.value(row)
	if bad != nil {
		return "", bad
	}
	switch v := value.(type) {
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), nil
	case []any:
		text, err := json.Marshal(v)
		if err != nil {
			return "", &misfit{row, "the list has no text: " + err.Error(), err}
		}
		return string(text), nil
	}
	return fmt.Sprint(value), nil
}

func momentText(kind int32, t time.Time, infinite string) string {
	switch {
	case infinite != "":
		return infinite
	case kind == C.TL_DATE:
		return t.Format("2006-01-02")
	case kind == C.TL_TIMESTAMP:
		return t.Format("2006-01-02 15:04:05.999999")
	}
	return t.Format(time.RFC3339Nano)
}

// driverValue is a value as database/sql and its Scanners want it: of the types of driver.Value where one of them says
// the same, and else of this package's.
func (c *column) driverValue(row int) (any, *misfit) {
	if c.null(row) {
		return nil, nil
	}
	switch c.kindOf(row) {
	case C.TL_DECIMAL:
		return c.string(row), nil
	case C.TL_JSON:
		return c.blob(row), nil
	case C.TL_UUID:
		return c.uuid(row).String(), nil
	case C.TL_TIME:
		return TimeOfDay(c.int64s()[row] * 1000).String(), nil
	case C.TL_DATE, C.TL_TIMESTAMP, C.TL_TIMESTAMPTZ:
		t, infinite := c.moment(row)
		if infinite != "" {
			return infinite, nil
		}
		return t, nil
	}
	return c.value(row)
}
