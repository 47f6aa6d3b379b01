package trunkline

import (
	"fmt"
	"strings"
	"time"
)

// Decimal is an exact number as text, "12.50".
type Decimal string

// UUID is sixteen bytes; it prints as it is written.
type UUID [16]byte

func (u UUID) String() string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

// Date as a parameter is sent as the date alone that the time shows where it is.
type Date time.Time

// Timestamp as a parameter is sent without a zone, as the time shows where it is. A time.Time itself is a moment.
type Timestamp time.Time

// TimeOfDay is the time since midnight.
type TimeOfDay time.Duration

// String is "13:04:05", with as many digits of the second as there are.
func (t TimeOfDay) String() string {
	d := time.Duration(t)
	text := fmt.Sprintf("%02d:%02d:%02d", d/time.Hour, d/time.Minute%60, d/time.Second%60)
	if fraction := d % time.Second; fraction != 0 {
		text += "." + strings.TrimRight(fmt.Sprintf("%09d", fraction), "0")
	}
	return text
}

// Interval is of the calendar. Its parts are kept apart: a month has no fixed number of days, nor a day of hours.
type Interval struct {
	Months       int32
	Days         int32
	Microseconds int64
}

// String is ISO 8601's way, "P1Y2M3DT4H5M6.5S".
func (i Interval) String() string {
	var text strings.Builder
	text.WriteByte('P')
	part := func(n int64, unit byte) {
		if n != 0 {
			fmt.Fprintf(&text, "%d%c", n, unit)
		}
	}
	part(int64(i.Months/12), 'Y')
	part(int64(i.Months%12), 'M')
	part(int64(i.Days), 'D')
	if i.Microseconds != 0 {
		text.WriteByte('T')
		part(i.Microseconds/3_600_000_000, 'H')
		part(i.Microseconds/60_000_000%60, 'M')
		if rest := i.Microseconds % 60_000_000; rest != 0 {
			sign := ""
			if rest < 0 {
				sign, rest = "-", -rest
			}
			seconds := fmt.Sprintf("%d.%06d", rest/1_000_000, rest%1_000_000)
			text.WriteString(sign + strings.TrimRight(strings.TrimRight(seconds, "0"), ".") + "S")
		}
	}
	if text.Len() == 1 {
		return "PT0S"
	}
	return text.String()
}
