// Package stated checks what a source states about its files, and words what it tells an administrator.
package stated

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"pyindex/internal/transfer"
	"pyindex/internal/upstream/page"
)

// maxURL is the length of a URL that is kept, in bytes.
const maxURL = 2000

// Text returns a text for people: valid, on one line and of at most 1000 bytes.
func Text(s string) string { return page.Text(s) }

// lengths are the hexadecimal digits of the digests that an import can compare.
var lengths = map[string]int{"md5": 32, "sha1": 40, "sha256": 64, "sha512": 128}

// Digests are the digests of a file by algorithm, as transfer.File has them.
type Digests map[string]string

// Add adds a digest. It ignores one of an unknown algorithm, and what is none. It returns false if there is another
// digest of that algorithm already.
func (d Digests) Add(algorithm, hex string) bool {
	algorithm, hex = strings.ToLower(strings.ReplaceAll(algorithm, "-", "")), strings.ToLower(hex)
	if hex == "" || len(hex) != lengths[algorithm] || strings.Trim(hex, "0123456789abcdef") != "" {
		return true
	}
	if old := d[algorithm]; old != "" && old != hex {
		return false
	}
	d[algorithm] = hex
	return true
}

// AddSpec adds a digest in the form "sha256=HEX" or "sha256:HEX".
func (d Digests) AddSpec(spec string) bool {
	algorithm, hex, _ := strings.Cut(strings.Replace(spec, ":", "=", 1), "=")
	return d.Add(algorithm, hex)
}

// File returns a file of a simple page. Its Place and Provenance are not set.
func File(f *page.File) transfer.File {
	out := transfer.File{
		Filename:       f.Filename,
		Version:        f.Version,
		Size:           f.Size,
		UploadedAt:     Time(f.Uploaded),
		Yanked:         f.Yanked,
		YankedReason:   f.YankedReason,
		RequiresPython: f.RequiresPython,
		MetadataSHA256: f.MetadataSHA256,
	}
	if !out.UploadedAt.IsZero() {
		out.TimeTrust = transfer.Stated
	}
	if f.SHA256 != "" {
		out.Hashes = map[string]string{"sha256": f.SHA256}
	}
	return out
}

// Time returns a time to the microsecond in UTC, and the zero time for one that no upload of a package can have had.
func Time(t time.Time) time.Time {
	if t.Year() < 1990 || t.Year() > 9998 {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}

// Seconds returns the time of so many seconds since 1970, or the zero time; see Time.
func Seconds(s float64) time.Time {
	if !(s > 0 && s < 1<<38) {
		return time.Time{}
	}
	return Time(time.UnixMicro(int64(s * 1e6)))
}

// URL returns a URL of http or https without its user name, password and fragment, and whether there was a user name or
// password. It returns "" for what is no such URL.
func URL(s string) (clean string, secret bool) {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Opaque != "" {
		return "", false
	}
	secret = u.User != nil
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	if clean = u.String(); len(clean) > maxURL ||
		strings.ContainsFunc(clean, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return "", false
	}
	return clean, secret
}

// plain matches words that a shell takes as they are.
var plain = regexp.MustCompile(`\A[A-Za-z0-9@%+=:,./_-]+\z`)

// Word returns s as one word for a shell, quoted if necessary.
func Word(s string) string {
	if plain.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// maxSample is how many names a Sample shows.
const maxSample = 5

// Sample counts names and remembers the first of them, for a note.
type Sample struct {
	Count int
	names []string
}

// Add counts a name.
func (s *Sample) Add(name string) {
	if s.Count++; len(s.names) < maxSample {
		s.names = append(s.names, Text(name))
	}
}

// String returns the first names, and how many more there are.
func (s *Sample) String() string {
	text := strings.Join(s.names, ", ")
	if more := s.Count - len(s.names); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// Plural returns "1 file" or "7 files".
func Plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
