package route

import "strings"

// Weights parses a header that lists values with weights, such as Accept or Accept-Encoding (RFC 9110, section 12.4.2).
// Set Lines to the header's values, then call Next until it returns false. It takes linear time and does not allocate.
//
// Malformed elements are skipped; the others remain valid.
type Weights struct {
	Lines  []string
	Value  string // the element without its parameters, as written
	Weight int    // in thousandths, 0 to 1000
	rest   string
}

// fullWeight is the weight of an element without an explicit one.
const fullWeight = 1000

// Next advances to the next element and reports whether there is one.
func (w *Weights) Next() bool {
	for {
		if w.rest == "" && !w.line() {
			return false
		}
		var element string
		element, w.rest, _ = strings.Cut(w.rest, ",")
		if w.read(element) {
			return true
		}
	}
}

// line advances to the next line of the header.
func (w *Weights) line() bool {
	if len(w.Lines) == 0 {
		return false
	}
	w.rest, w.Lines = w.Lines[0], w.Lines[1:]
	return true
}

// read parses an element: a value followed by parameters, of which only the weight is used.
func (w *Weights) read(element string) bool {
	value, params, more := strings.Cut(element, ";")
	w.Value, w.Weight = trim(value), fullWeight
	if w.Value == "" || strings.ContainsAny(w.Value, " \t") {
		return false
	}
	for more {
		var p string
		p, params, more = strings.Cut(params, ";")
		name, q, _ := strings.Cut(trim(p), "=")
		if !strings.EqualFold(trim(name), "q") {
			continue
		}
		var ok bool
		if w.Weight, ok = parseWeight(trim(q)); !ok {
			return false
		}
	}
	return true
}

// parseWeight parses "0", "1" and up to three decimals (RFC 9110, section 12.4.2) as thousandths.
func parseWeight(s string) (int, bool) {
	whole, decimals, _ := strings.Cut(s, ".")
	if (whole != "0" && whole != "1") || len(decimals) > 3 {
		return 0, false
	}
	n, unit := int(whole[0]-'0')*fullWeight, 100
	for i := range len(decimals) {
		if decimals[i] < '0' || decimals[i] > '9' {
			return 0, false
		}
		n += int(decimals[i]-'0') * unit
		unit /= 10
	}
	return n, n <= fullWeight
}

func trim(s string) string { return strings.Trim(s, " \t") }

// maxAccept is the size in bytes above which Named and Quality ignore an Accept header.
const maxAccept = 4 << 10

// Named returns the weight that an Accept header gives to a media type by its full name, and whether the header names
// it.
func Named(lines []string, kind string) (weight int, named bool) {
	size := 0
	for _, line := range lines {
		size += len(line)
	}
	if size > maxAccept {
		return 0, false
	}
	for w := (Weights{Lines: lines}); w.Next(); {
		if strings.EqualFold(w.Value, kind) {
			weight, named = max(weight, w.Weight), true
		}
	}
	return weight, named
}

// Quality returns the weight of the most specific range of an Accept header that covers a media type (RFC 9110, section
// 12.5.1), and 0 if none does.
func Quality(lines []string, kind string) int {
	family, _, _ := strings.Cut(kind, "/")
	for _, r := range [...]string{kind, family + "/*", "*/*"} {
		if weight, named := Named(lines, r); named {
			return weight
		}
	}
	return 0
}
