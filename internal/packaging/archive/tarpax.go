package archive

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// pax is the extended header of POSIX.1-2001: records "length key=value\n" that override the header after them.
type pax map[string]string

// parsePax reads the records strictly. Readers differ about malformed ones, and a difference about path or size is a
// difference about what the archive holds.
func parsePax(b []byte) (pax, error) {
	p := pax{}
	for len(b) > 0 {
		key, value, n, ok := paxRecord(b)
		if !ok {
			return nil, refuse("an extended (pax) header is malformed")
		}
		if _, again := p[key]; again {
			return nil, refuse("an extended (pax) header gives %s twice", quote(key))
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

// check refuses values that readers take in different ways, and sparse files, which unpack to other bytes than they
// hold.
func (p pax) check() error {
	for key, value := range p {
		switch {
		case strings.HasPrefix(key, "GNU.sparse"), strings.HasPrefix(key, "SCHILY.realsize"):
			return refuse("sparse members are not allowed")
		case key == "hdrcharset" && value != "ISO-IR 10646 2000 UTF-8":
			return refuse("an extended (pax) header uses another character set than UTF-8")
		case overrides(key) && (value == "" || strings.Contains(value, "\x00") || !utf8.ValidString(value)):
			return refuse("an extended (pax) header has an unreadable %s", key)
		}
	}
	return nil
}

// overrides is true of the keys that change which bytes are unpacked where.
func overrides(key string) bool { return key == "path" || key == "linkpath" || key == "size" }

// checkGlobal refuses records that would speak for all members after them: some readers apply them, some do not.
func (p pax) checkGlobal() error {
	for key := range p {
		if overrides(key) || key == "hdrcharset" {
			return refuse("a global extended (pax) header sets %s", quote(key))
		}
	}
	return nil
}

// checkSize requires a size record to repeat the header's size: readers exist that follow the one, and the other.
func (p pax) checkSize(header int64) error {
	value, ok := p["size"]
	if !ok {
		return nil
	}
	if n, err := strconv.ParseUint(value, 10, 63); err != nil || int64(n) != header {
		return refuse("an extended (pax) header and the header after it give different sizes")
	}
	return nil
}
