package advisory_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pyindex/internal/advisory"
)

// record returns a record about demo with one affected package, whose ranges and versions are JSON.
func record(ranges, versions string) string {
	return fmt.Sprintf(`{"id":"T-1","affected":[{"package":{"ecosystem":"PyPI","name":"Demo"},"ranges":%s,"versions":%s}]}`,
		ranges, versions)
}

func ecosystem(events string) string { return `[{"type":"ECOSYSTEM","events":[` + events + `]}]` }

// TestAffected has versions that are affected, and, mostly, versions that are not.
func TestAffected(t *testing.T) {
	for name, c := range map[string]struct {
		ranges, versions string
		yes, no          string
	}{
		"listed": {
			versions: `["1.0","2.0.0","1!0.5","3.0rc1"]`,
			yes:      "1.0 1.0.0 1 v1.0 2 2.0 1!0.5 3.0rc1 3.0-RC.1",
			no:       "1.0.1 1.0.post1 1.0rc1 0.9 0.5 3.0 2.0.dev0 10",
		},
		"listed with a local version": {
			versions: `["1.0","2.0+cpu"]`, yes: "1.0+cpu 1.0.0+x.1 2.0+cpu 2.0+CPU",
			no: "2.0 2.0+gpu 1.1+cpu 1.0.1+cpu",
		},
		"from the beginning": {
			ranges: ecosystem(`{"introduced":"0"}`), yes: "0 0.0.0.dev0 1.0 1!5 99 1.0+x 1.0a1",
		},
		"fixed": {
			ranges: ecosystem(`{"introduced":"1.0"},{"fixed":"2.0"}`),
			yes:    "1.0 1.0.0 1.5 1.99 2.0rc1 2.0.dev1 1.0+x 1.0.post1",
			no:     "2.0 2.0.0 2.0.post1 2.0+x 0.9 1.0rc1 1.0.dev0 1!1.5 3",
		},
		"fixed first in the list": {
			ranges: ecosystem(`{"fixed":"2.0"},{"introduced":"1.0"}`), yes: "1.0 1.9", no: "2.0 0.9 2.1",
		},
		"last affected": {
			ranges: ecosystem(`{"introduced":"1.0"},{"last_affected":"2.0"}`),
			yes:    "1.0 2.0 2.0.0 2.0rc1 2.0+local", no: "2.0.1 2.0.post1 2.1 0.9 1!2.0 2.0.0.1",
		},
		"two branches in one range": {
			ranges: ecosystem(`{"introduced":"2.0"},{"fixed":"1.5"},{"introduced":"0"},{"fixed":"2.3"}`),
			yes:    "0.1 1.4 2.0 2.2.9", no: "1.5 1.9 2.3 2.0rc1 3",
		},
		"two ranges": {
			ranges: `[{"type":"ECOSYSTEM","events":[{"introduced":"1"},{"fixed":"2"}]},` +
				`{"type":"ECOSYSTEM","events":[{"introduced":"3"},{"fixed":"4"}]}]`,
			yes: "1 3 3.9", no: "0 2 2.9 4 5",
		},
		"fixed and introduced again at once": {
			ranges: ecosystem(`{"introduced":"1"},{"fixed":"2"},{"introduced":"2"},{"fixed":"3"}`), yes: "1 2 2.5", no: "3 0.9",
		},
		"empty range": {
			ranges: ecosystem(`{"introduced":"1"},{"fixed":"1"}`), versions: `["7"]`, yes: "7", no: "1 1.0 2 0.9",
		},
		"one version": {
			ranges: ecosystem(`{"introduced":"1.0"},{"last_affected":"1.0"}`), yes: "1.0 1.0+x", no: "1.0.1 0.9 1.0rc1 2",
		},
		"limit": {
			ranges: ecosystem(`{"introduced":"1"},{"limit":"3"}`), yes: "1 2.9", no: "3 3.1 0.9",
		},
		"any limit":    {ranges: ecosystem(`{"introduced":"1"},{"limit":"*"}`), yes: "1 99", no: "0.9"},
		"semver only":  {ranges: `[{"type":"SEMVER","events":[{"introduced":"0"}]}]`, versions: `["7"]`, yes: "7", no: "1 6"},
		"commits only": {ranges: `[{"type":"GIT","events":[{"introduced":"0"}]}]`, versions: `["7"]`, yes: "7", no: "1 6"},
		"other type":   {ranges: `[{"type":"ecosystem","events":[{"introduced":"0"}]}]`, versions: `["7"]`, yes: "7", no: "1"},
		"no version of PEP 440": {
			versions: `["1.0-final-2","2004d"]`, yes: "1.0-final-2 2004D", no: "1.0 2004 2004e",
		},
		"no version of PEP 440 and a range": {
			ranges: ecosystem(`{"introduced":"0"},{"fixed":"3000"}`), yes: "2004", no: "2004d final",
		},
		"no version of PEP 440 and all versions": {
			ranges: ecosystem(`{"introduced":"0"}`), yes: "2004d final 1.0",
		},
		"epoch": {
			ranges: ecosystem(`{"introduced":"1!0"},{"fixed":"1!2"}`), yes: "1!0 1!1.9", no: "1.5 0 2!0 1!2",
		},
	} {
		ranges, versions := c.ranges, c.versions
		if ranges == "" {
			ranges = "[]"
		}
		if versions == "" {
			versions = "[]"
		}
		r, err := advisory.Parse([]byte(record(ranges, versions)))
		if err != nil || r == nil {
			t.Errorf("%s: Parse() = %v, %v", name, r, err)
			continue
		}
		for _, v := range strings.Fields(c.yes) {
			if !advisory.Affects(r, v) {
				t.Errorf("%s: %s is not affected", name, v)
			}
		}
		for _, v := range strings.Fields(c.no) {
			if advisory.Affects(r, v) {
				t.Errorf("%s: %s is affected", name, v)
			}
		}
	}
}

// TestParse has records that are about no Python package, and records that cannot be read.
func TestParse(t *testing.T) {
	about := func(pkg string) string {
		return `{"id":"T-1","affected":[{"package":` + pkg + `,"versions":["1"]}]}`
	}
	for _, text := range []string{
		`{"id":"T-1"}`, `{"id":"T-1","affected":[]}`, `{"id":"T-1","affected":[{}]}`, `{"id":"T-1","affected":null}`,
		about(`{"ecosystem":"npm","name":"demo"}`), about(`{"ecosystem":"Root:PyPI","name":"demo"}`),
		about(`{"ecosystem":"PyPI2","name":"demo"}`), about(`{"ecosystem":"pypi","name":"demo"}`),
		about(`{"ecosystem":"","name":"demo"}`), about(`null`), about(`{"name":"demo"}`),
		about(`{"ecosystem":"Debian:PyPI","name":"demo"}`),
	} {
		if r, err := advisory.Parse([]byte(text)); r != nil || err != nil {
			t.Errorf("Parse(%s) = %v, %v, want nothing", text, r, err)
		}
	}
	demo := `{"ecosystem":"PyPI","name":"demo"}`
	for _, text := range []string{
		``, `null`, `[]`, `"x"`, `7`, `{`, `{"id":"T-1"`, `{"affected":[]}`, `{"id":7}`, `{"id":""}`, `{"id":"a b"}`,
		`{"id":"../../x"}`, `{"id":"<b>"}`, `{"id":"` + strings.Repeat("a", 200) + `"}`, "{\"id\":\"a\\u0000\"}",
		about(`{"ecosystem":"PyPI","name":"-"}`), about(`{"ecosystem":"PyPI","name":"a b"}`),
		about(`{"ecosystem":"PyPI"}`), about(`{"ecosystem":"PyPI","name":7}`), about(`"demo"`),
		`{"id":"T-1","affected":{"package":` + demo + `}}`,
		`{"id":"T-1","affected":[{"package":` + demo + `}]}`,
		`{"id":"T-1","affected":[{"package":` + demo + `,"versions":"1"}]}`,
		`{"id":"T-1","affected":[{"package":` + demo + `,"versions":[1]}]}`,
		`{"id":"T-1","affected":[{"package":` + demo + `,"versions":["",""]}]}`,
		record(`[{"type":"SEMVER","events":[{"introduced":"0"}]}]`, `[]`),
		record(ecosystem(``), `[]`), record(ecosystem(`{"fixed":"1"}`), `[]`), record(ecosystem(`{}`), `[]`),
		record(ecosystem(`{"introduced":"0"},{"fixed":"soon"}`), `[]`),
		record(ecosystem(`{"introduced":"0","fixed":"1"}`), `[]`),
		record(ecosystem(`{"introduced":"x"}`), `[]`), record(ecosystem(`{"introduced":"0"},{"last_affected":"*"}`), `[]`),
		`{"id":"T-1","withdrawn":"soon","affected":[{"package":` + demo + `,"versions":["1"]}]}`,
		`{"id":"T-1","withdrawn":true,"affected":[{"package":` + demo + `,"versions":["1"]}]}`,
		`{"id":"T-1","affected":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`,
		`{"id":"T-1","other":` + strings.Repeat(`{"a":`, 20_000) + `1` + strings.Repeat("}", 20_000) + `}`,
		`{"id":"T-1","details":"` + strings.Repeat("a", advisory.MaxRecord) + `"}`,
	} {
		if r, err := advisory.Parse([]byte(text)); r != nil || err == nil {
			t.Errorf("Parse(%.200s) = %v, %v, want an error", text, r, err)
		}
	}
}

// TestParsePartly checks that an unreadable range does not hide what can be read.
func TestParsePartly(t *testing.T) {
	r, err := advisory.Parse([]byte(record(ecosystem(`{"introduced":"0"},{"fixed":"soon"}`), `["1.0"]`)))
	if err == nil || r == nil || !advisory.Affects(r, "1.0") || advisory.Affects(r, "2.0") {
		t.Errorf("Parse() = %v, %v, want 1.0 to be affected, and an error", r, err)
	}
}

// TestParseNames checks that names are compared in normal form, and that records say what they are.
func TestParseNames(t *testing.T) {
	text := `{"id":"MAL-2026-1","schema_version":"1.7.4","summary":"two\nlines","details":"a\nb","aliases":["CVE-1","<x>",7],
		"severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N"}],"published":"2026-01-02T03:04:05.678Z","modified":"nonsense",
		"references":[{"type":"WEB","url":"javascript:alert(1)"},{"type":"WEB","url":"https://example.com/w"},
			{"type":"ADVISORY","url":"https://example.com/a"}],
		"affected":[{"package":{"ecosystem":"PyPI","name":"De_Mo.x"},"versions":["1"]},
			{"package":{"ecosystem":"npm","name":"other"},"versions":["1"]},
			{"package":{"ecosystem":"PyPI:https://example.com","name":"de-mo-x"},"versions":["2"]},
			{"package":{"ecosystem":"PyPI","name":"second"},"versions":["3"]}]}`
	r, err := advisory.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Names(); !slices.Equal(got, []string{"de-mo-x", "second"}) {
		t.Errorf("Names() = %q", got)
	}
	if !r.Malware || r.Summary != "two lines" || len(r.Aliases) != 0 || r.Published != "2026-01-02T03:04:05Z" ||
		r.Modified != "" || len(r.References) != 2 || len(r.Severity) != 1 {
		out, _ := json.Marshal(r)
		t.Errorf("Parse() = %s", out)
	}
	one := r.Of("de-mo-x")
	if !advisory.Affects(one, "2") || advisory.Affects(one, "3") {
		t.Error("Of() does not separate the projects")
	}
	for database, want := range map[string]bool{
		`{"malicious-packages-origins":[{"source":"x"}]}`: true, `{"malicious-packages-origins":[]}`: false,
		`{"malicious-packages-origins":null}`: false, `{}`: false, `7`: false, `{"other":[1]}`: false,
	} {
		r, err := advisory.Parse([]byte(`{"id":"GHSA-MAL-1","database_specific":` + database + `,` + record("[]", `["1"]`)[12:]))
		if err != nil || r.Malware != want {
			t.Errorf("a record with %s: malware = %v (%v), want %v", database, r != nil && r.Malware, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(record(ecosystem(`{"introduced":"0"},{"fixed":"1"}`), `["1.0"]`)))
	f.Add([]byte(`{"id":"MAL-1","withdrawn":null,"aliases":["a"],"references":[{"type":"WEB","url":"https://example.com"}]}`))
	f.Add([]byte(`[[[`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := advisory.Parse(text)
		if r == nil {
			return
		}
		if len(r.Affected) == 0 || r.ID == "" {
			t.Fatalf("Parse(%q) = %v, %v", text, r, err)
		}
		for _, v := range []string{"1.0", "", "x", "1!2+a"} {
			advisory.Affects(r, v)
		}
		if err := advisory.RoundTrip(r); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
	})
}
