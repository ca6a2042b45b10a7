package legacyupload

import (
	"strings"

	"pyindex/internal/fault"
)

// form contains the text fields of a request as sent.
type form map[string][]string

func (f form) add(field, value string) { f[field] = append(f[field], value) }

// one returns a field that may be sent at most once; otherwise it returns fault.Invalid. A blank value or distutils'
// "UNKNOWN" is the same as an absent field. Text that the database cannot store is repaired: invalid UTF-8 is replaced,
// and NUL is written as \x00, like on PyPI.
func (f form) one(field string) (string, error) {
	values := f[field]
	if len(values) > 1 {
		return "", fault.New(fault.Invalid, "%s has invalid data: it was sent %d times", field, len(values))
	}
	if len(values) == 0 || absent(values[0]) {
		return "", nil
	}
	return strings.ReplaceAll(strings.ToValidUTF8(values[0], "\uFFFD"), "\x00", `\x00`), nil
}

func absent(value string) bool {
	value = strings.TrimSpace(value)
	return value == "" || value == "UNKNOWN"
}
