package trunkline

import (
	"fmt"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"time"
)

// tomlOf writes settings as TOML: the values that a configuration knows, and no others. Text is TOML already.
func tomlOf(settings any) (string, error) {
	if text, ok := settings.(string); ok {
		return text, nil
	}
	table := reflect.ValueOf(settings)
	if table.Kind() != reflect.Map || table.Type().Key().Kind() != reflect.String {
		return "", errorOf(ErrMisuse, NotSent, "settings are TOML or a map of names to values, not a %T", settings)
	}
	lines, err := tomlPairs(table)
	return strings.Join(lines, "\n"), err
}

func tomlPairs(table reflect.Value) ([]string, error) {
	keys := table.MapKeys()
	sort.Slice(keys, func(i, j int) bool { return keys[i].String() < keys[j].String() })
	var pairs []string
	for _, key := range keys {
		value, err := tomlValue(table.MapIndex(key))
		if err != nil {
			return nil, errorOf(ErrMisuse, NotSent, "%s: %w", key, err)
		}
		pairs = append(pairs, tomlText(key.String())+" = "+value)
	}
	return pairs, nil
}

func tomlValue(v reflect.Value) (string, error) {
	for v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if duration, ok := durationOf(v); ok {
		if duration%time.Millisecond != 0 {
			return "", fmt.Errorf("a setting has no part of a millisecond, as %s does", duration)
		}
		return tomlText(strconv.FormatInt(duration.Milliseconds(), 10) + "ms"), nil
	}
	switch v.Kind() {
	case reflect.String:
		return tomlText(v.String()), nil
	case reflect.Bool:
		return strconv.FormatBool(v.Bool()), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return strconv.FormatUint(v.Uint(), 10), nil
	case reflect.Float32, reflect.Float64:
		text := strconv.FormatFloat(v.Float(), 'f', -1, 64)
		if !strings.ContainsAny(text, ".NI") {
			text += ".0"
		}
		return text, nil
	case reflect.Map:
		pairs, err := tomlPairs(v)
		return "{" + strings.Join(pairs, ", ") + "}", err
	case reflect.Slice, reflect.Array:
		return tomlArray(v)
	case reflect.Invalid:
		return "", fmt.Errorf("a setting cannot be nil")
	}
	return "", fmt.Errorf("a setting is text, a number, a bool, a time.Duration, a slice or a map, not a %s", v.Type())
}

func durationOf(v reflect.Value) (time.Duration, bool) {
	if !v.IsValid() {
		return 0, false
	}
	duration, ok := v.Interface().(time.Duration)
	return duration, ok
}

func tomlArray(v reflect.Value) (string, error) {
	items := make([]string, v.Len())
	for i := range items {
		item, err := tomlValue(v.Index(i))
		if err != nil {
			return "", err
		}
		items[i] = item
	}
	return "[" + strings.Join(items, ", ") + "]", nil
}

// tomlText is a basic string, in which control characters, quotes and backslashes are escaped.
func tomlText(text string) string {
	var quoted strings.Builder
	quoted.WriteByte('"')
	for _, char := range []byte(text) { // bytes that are no UTF-8 stay so, for the library to refuse
		switch {
		case char == '"' || char == '\\':
			quoted.WriteByte('\\')
			quoted.WriteByte(char)
		case char < 32 || char == 127:
			fmt.Fprintf(&quoted, "\\u%04x", char)
		default:
			quoted.WriteByte(char)
		}
	}
	quoted.WriteByte('"')
	return quoted.String()
}
