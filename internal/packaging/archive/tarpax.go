package archive

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// pax is the extended header of POSIX.1-2001. Its records "length key=value\n" override the next header.
type pax map[string]string

// parsePax parses the records strictly. Readers disagree about malformed ones, and if they disagree about path or size,
// they disagree about the archive's contents.
func parsePax(b []byte) (pax, error) {
	p := pax{}
	for len(b) > 0 {
		key, value, n, ok := paxRecord(b)
		if !ok {
			return nil, refuse("an extended (pax) header is malformed")
		}
		if _, again := p[key]; again {
			return nil, refuse("an extended (pax) header contains %s twice", quote(key))
		}
		p[key] = value
		b = b[n:]
	}
	return p, p.check()
}

func paxRecord(b []byte) (key, value string, n int, ok bool) {
	digits, _, _ := bytes.Cut(b[:min(len(b), 20)], []byte{' '})
	n, err := strconv.Atoi(string(digits))
	if err != nil || digits[0] < '1' || digits[0] > '9' || n <= len(digits)+2 || n > len(b) || b[n-1] != '\n' {
		return "", "", 0, false
	}
	key, value, ok = strings.Cut(string(b[len(digits)+1:n-1]), "=")
	return key, value, n, ok && key != ""
}

// check rejects values that readers interpret differently, and sparse files, whose unpacked content differs from the
// stored one.
func (p pax) check() error {
	for key, value := range p {
		switch {
		case strings.HasPrefix(key, "GNU.sparse"), strings.HasPrefix(key, "SCHILY.realsize"):
			return refuse("sparse members are not allowed")
		case key == "hdrcharset" && value != "ISO-IR 10646 2000 UTF-8":
			return refuse("an extended (pax) header uses a character set other than UTF-8")
		case overrides(key) && (value == "" || strings.Contains(value, "\x00") || !utf8.ValidString(value)):
			return refuse("an extended (pax) header has an unreadable %s", key)
		}
	}
	return nil
}

// overrides reports whether a key changes the unpacked content or its place.
func overrides(key string) bool { return key == "path" || key == "linkpath" || key == "size" }

// checkGlobal rejects records that would apply to all later members: some readers apply them, others do not.
func (p pax) checkGlobal() error {
	for key := range p {
		if overrides(key) || key == "hdrcharset" {
			return refuse("a global extended (pax) header sets %s", quote(key))
		}
	}
	return nil
}

// checkSize requires that a size record repeats the header's size, because readers disagree which of the two they use.
func (p pax) checkSize(header int64) error {
	value, ok := p["size"]
	if !ok {
		return nil
	}
	if n, err := strconv.ParseUint(value, 10, 63); err != nil || int64(n) != header {
		return refuse("an extended (pax) header and the header after it have different sizes")
	}
	return nil
}
