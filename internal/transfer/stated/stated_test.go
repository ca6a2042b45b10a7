package stated_test

import (
	"strings"
	"testing"
	"time"

	"pyindex/internal/transfer/stated"
)

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"a\nb\x1b[31m\u2028c":                        "a b [31m c",
		" é\xff ":                                    "é\ufffd",
		strings.Repeat("é", 800):                     strings.Repeat("é", 500),
		strings.Repeat("a", 999) + "é":               strings.Repeat("a", 999),
		strings.Repeat("\xff", 10) + "bell\a" + "\t": "\ufffdbell",
	} {
		if got := stated.Text(in); got != want {
			t.Errorf("Text(%.20q) = %q, want %q", in, got, want)
		}
	}
}

func TestDigests(t *testing.T) {
	d, a, b := stated.Digests{}, strings.Repeat("aB", 32), strings.Repeat("0", 64)
	for _, spec := range []string{
		"sha256=" + a, "SHA-256:" + a, "md5=" + b, "md5=xyz", "", "blake2b=" + a, "sha1=../../x",
	} {
		if !d.AddSpec(spec) {
			t.Errorf("AddSpec(%q) is false", spec)
		}
	}
	if len(d) != 1 || d["sha256"] != strings.ToLower(a) {
		t.Errorf("digests %v", d)
	}
	if d.Add("sha256", b) || d["sha256"] != strings.ToLower(a) {
		t.Errorf("a second digest was taken: %v", d)
	}
}

func TestTime(t *testing.T) {
	at := time.Date(2020, 1, 2, 3, 4, 5, 6789, time.FixedZone("x", 3600))
	if got := stated.Time(at); !got.Equal(at.Truncate(time.Microsecond)) || got.Location() != time.UTC {
		t.Errorf("Time() = %v", got)
	}
	for _, year := range []int{-5, 1, 1970, 1989, 10000} {
		if got := stated.Time(time.Date(year, 1, 2, 0, 0, 0, 0, time.UTC)); !got.IsZero() {
			t.Errorf("Time() of %d = %v", year, got)
		}
	}
	for s, want := range map[float64]string{
		0: "0001-01-01T00:00:00Z", -1: "0001-01-01T00:00:00Z", 1e300: "0001-01-01T00:00:00Z",
		1577836800.5: "2020-01-01T00:00:00.5Z",
	} {
		if got := stated.Seconds(s).Format(time.RFC3339Nano); got != want {
			t.Errorf("Seconds(%v) = %s, want %s", s, got, want)
		}
	}
}

func TestWord(t *testing.T) {
	for in, want := range map[string]string{
		"alice": "alice", "": "''", "a b": "'a b'", "x'; rm -rf /": `'x'\''; rm -rf /'`, "$(x)": "'$(x)'",
	} {
		if got := stated.Word(in); got != want {
			t.Errorf("Word(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestSample(t *testing.T) {
	var s stated.Sample
	for _, name := range strings.Split("a b c d e f g", " ") {
		s.Add(name)
	}
	if got := s.String(); got != "a, b, c, d, e and 2 more" {
		t.Errorf("String() = %q", got)
	}
	if stated.Plural(1, "file")+stated.Plural(0, "file") != "1 file0 files" {
		t.Error("Plural is wrong")
	}
}

func TestURL(t *testing.T) {
	for in, want := range map[string]string{
		" https://up.example/simple/ ": "https://up.example/simple/",
		"http://me:pw@h.example/x?y#z": "http://h.example/x?y secret",
		"":                             "", "/x": "", "ftp://h.example/": "", "https://": "", "https:x": "", "%zz": "",
		"https://h.example/" + strings.Repeat("a", 3000): "",
	} {
		got, secret := stated.URL(in)
		if secret {
			got += " secret"
		}
		if got != want {
			t.Errorf("URL(%.40q) = %q, want %q", in, got, want)
		}
	}
}
