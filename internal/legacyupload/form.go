package legacyupload

import (
	"strings"

	"pyindex/internal/fault"
)

// form is the text fields of one request, as they were sent.
type form map[string][]string

// add keeps a value.
func (f form) add(field, value string) { f[field] = append(f[field], value) }

// one returns a field that may be sent once. Blank is absent, and so is distutils' word for it; two are fault.Invalid.
// Text that rows could not hold is repaired: what is not UTF-8 is replaced, and NUL is spelled out, as PyPI does.
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
