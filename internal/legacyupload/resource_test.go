package legacyupload

import (
	"io"
	"strings"
	"testing"

	"pyindex/internal/resourcetest"
)

// Parsing a form costs no more than a multiple of its length, whatever it contains.
func TestFormResources(t *testing.T) {
	form := func(part string) func(int) string {
		return func(n int) string { return raw(strings.Split(strings.Repeat(part+"\x00", n/len(part)), "\x00")...) }
	}
	one := func(part func(fill string) string) func(int) string {
		return func(n int) string { return raw(part(strings.Repeat("a", n))) }
	}
	wide := bounds{parts: 1 << 20, field: 1 << 30, form: 1 << 30}
	for _, b := range []bounds{small, wide} {
		resourcetest.Linear(t, 256<<10, map[string]func(int) string{
			"fields":            form(text("classifiers", "a")),
			"fields with names": form(text(strings.Repeat("n", 200), "")),
			"attestations":      form(text("attestations", "[]")),
			"a long field":      one(func(fill string) string { return text("summary", fill) }),
			"a long name":       one(func(fill string) string { return text(fill, "") }),
			"a long file name":  one(func(fill string) string { return file("content", fill, "x") }),
			"an escaped name":   func(n int) string { return raw(file("content", strings.Repeat(`\"`, n/2), "x")) },
			"an encoded name": func(n int) string {
				return raw("Content-Disposition: form-data; name=content; filename*=utf-8''" + strings.Repeat("%41", n/3) +
					"\r\n\r\nx")
			},
			"parameters": func(n int) string {
				return raw("Content-Disposition: form-data" + strings.Repeat("; a=b", n/5) + "\r\n\r\nx")
			},
			"open quotes": func(n int) string {
				return raw("Content-Disposition: form-data; name=\"" + strings.Repeat("\\", n) + "\r\n\r\nx")
			},
			"a long header":       one(func(fill string) string { return "X: " + fill + "\r\n" + text("a", "") }),
			"many headers":        func(n int) string { return raw(strings.Repeat("X: y\r\n", n/6) + text("a", "")) },
			"folded headers":      func(n int) string { return raw("X: y\r\n" + strings.Repeat(" z\r\n", n/4) + text("a", "")) },
			"before the form":     func(n int) string { return strings.Repeat("a\r\n", n/3) + raw(text("a", "")) },
			"almost the boundary": func(n int) string { return raw(file("content", "a.whl", strings.Repeat("\r\n--X", n/5))) },
			"lines":               func(n int) string { return raw(file("content", "a.whl", strings.Repeat("\r\n", n/2))) },
			"a signature":         one(func(fill string) string { return file("gpg_signature", "a.asc", fill) }),
			"a file":              one(func(fill string) string { return file("content", "a.whl", fill) }),
		}, func(body string) { _, _ = receive(strings.NewReader(body), edgeType, b, into(io.Discard)) })
	}
}
