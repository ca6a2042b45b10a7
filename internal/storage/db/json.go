package db

import (
	"bytes"
	"encoding/json"
	"strings"
)

// encode returns a map as JSON for a text column. Keys are sorted, so equal maps give equal text. An empty map gives
// "".
func encode[V any](m map[string]V) (string, error) {
	if len(m) == 0 {
		return "", nil
	}
	return encodeAny(m)
}

func encodeAny(v any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}

// decode reverses encode. Numbers are decoded as json.Number, so that large ones keep all their digits.
func decode(s string, into any) error {
	if s == "" {
		return nil
	}
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	return d.Decode(into)
}
