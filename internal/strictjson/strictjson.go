// Package strictjson decodes one JSON object or list from an untrusted source.
//
// It rejects input that parsers may interpret differently: duplicate members, invalid UTF-8 and trailing data. It also
// limits nesting and size. encoding/json keeps the last of two equal members and other parsers keep the first, so that
// one check could see "acme" and the next one "evil" (RFC 8259, section 4).
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// The limits of an object. Callers limit its size in bytes.
const (
	maxDepth  = 8   // of nested objects and lists, including the outermost
	maxValues = 512 // total number of members and list entries
	maxShown  = 60  // bytes of a member's name in a message
)

// Object decodes b, which must be one JSON object. Values have the types of encoding/json, with json.Number for
// numbers. The error may quote a member's name but no values.
func Object(b []byte) (map[string]any, error) {
	return ObjectWithin(b, maxDepth, maxValues)
}

// ObjectWithin is like Object with other limits: depth is that of nested objects and lists, including the outermost,
// and values is the largest total number of members and list entries.
func ObjectWithin(b []byte, depth, values int) (map[string]any, error) {
	v, err := decode(b, depth, values)
	if err != nil {
		return nil, err
	}
	o, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("not a JSON object")
	}
	return o, nil
}

// List is like Object for one JSON list. values is the largest total number of members and list entries.
func List(b []byte, values int) ([]any, error) {
	v, err := decode(b, maxDepth, values)
	if err != nil {
		return nil, err
	}
	l, ok := v.([]any)
	if !ok {
		return nil, errors.New("not a JSON list")
	}
	return l, nil
}

func decode(b []byte, deepest, most int) (any, error) {
	if !utf8.Valid(b) {
		return nil, errors.New("not UTF-8")
	}
	r := reader{dec: json.NewDecoder(bytes.NewReader(b)), deepest: deepest, most: most}
	r.dec.UseNumber()
	v, err := r.value(0)
	if err != nil {
		return nil, err
	}
	if _, err := r.dec.Token(); err != io.EOF {
		return nil, errors.New("something follows the JSON")
	}
	return v, nil
}

type reader struct {
	dec          *json.Decoder
	deepest      int
	values, most int
}

func (r *reader) value(depth int) (any, error) {
	t, err := r.dec.Token()
	if err != nil {
		return nil, errors.New("not valid JSON")
	}
	d, ok := t.(json.Delim)
	if !ok {
		return t, nil
	}
	if depth++; depth > r.deepest {
		return nil, fmt.Errorf("nested deeper than %d", r.deepest)
	}
	if d == '{' {
		return r.object(depth)
	}
	return r.list(depth)
}

func (r *reader) object(depth int) (map[string]any, error) {
	o := map[string]any{}
	for r.dec.More() {
		name, v, err := r.member(depth)
		if err != nil {
			return nil, err
		}
		if _, twice := o[name]; twice {
			return nil, fmt.Errorf("member %.*q is there twice", maxShown, name)
		}
		o[name] = v
	}
	return o, r.end()
}

func (r *reader) member(depth int) (string, any, error) {
	if err := r.count(); err != nil {
		return "", nil, err
	}
	t, err := r.dec.Token()
	name, ok := t.(string)
	if err != nil || !ok {
		return "", nil, errors.New("not valid JSON")
	}
	v, err := r.value(depth)
	return name, v, err
}

func (r *reader) list(depth int) ([]any, error) {
	l := []any{}
	for r.dec.More() {
		if err := r.count(); err != nil {
			return nil, err
		}
		v, err := r.value(depth)
		if err != nil {
			return nil, err
		}
		l = append(l, v)
	}
	return l, r.end()
}

// end reads the closing bracket.
func (r *reader) end() error {
	if _, err := r.dec.Token(); err != nil {
		return errors.New("not valid JSON")
	}
	return nil
}

func (r *reader) count() error {
	if r.values++; r.values > r.most {
		return fmt.Errorf("more than %d values", r.most)
	}
	return nil
}
