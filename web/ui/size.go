package ui

import (
	"math"
	"strconv"
	"strings"
)

// SizeValue formats a limit exactly, in the largest unit that divides it, as Form.Size reads it. It returns "" for 0.
func SizeValue(n int64) string {
	if n == 0 {
		return ""
	}
	for _, u := range sizeUnits {
		if n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + " " + u.name
		}
	}
	return strconv.FormatInt(n, 10)
}

var sizeUnits = []struct {
	name  string
	bytes int64
}{
	{"TB", 1e12},
	{"TiB", 1 << 40},
	{"GB", 1e9},
	{"GiB", 1 << 30},
	{"MB", 1e6},
	{"MiB", 1 << 20},
	{"kB", 1e3},
	{"KiB", 1 << 10},
	{"bytes", 1},
}

// Size parses a limit in a field, such as "500 MiB". Without a unit it is in bytes; an empty field is 0. Another text
// is an error of the field.
func (f Form) Size(field string) int64 {
	text := strings.ToLower(f.Get(field))
	if text == "" {
		return 0
	}
	factor := int64(1)
	for _, u := range sizeUnits {
		if n, ok := strings.CutSuffix(text, strings.ToLower(u.name)); ok {
			text, factor = strings.TrimSpace(n), u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 || n > math.MaxInt64/2/factor {
		f.Wrong(field, "Enter a whole number with a unit, such as 500 MiB or 2 GiB.")
		return 0
	}
	return n * factor
}

// Share returns n as a share of all in whole percent, such as "17 %", "< 1 %" for less, and "" if all is 0.
func Share(n, all int64) string {
	switch percent := float64(n) / float64(all) * 100; {
	case all <= 0:
		return ""
	case n > 0 && percent < 1:
		return "< 1 %"
	default:
		return strconv.Itoa(int(percent)) + " %"
	}
}
