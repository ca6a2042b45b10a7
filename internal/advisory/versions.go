package advisory

import (
	"fmt"
	"slices"
	"strings"

	"pyindex/internal/packaging"
)

// matcher finds the versions of one project that a record affects.
type matcher struct {
	keys   map[string]bool // of the listed versions, and those that are no versions, as they are written in lower case
	ranges [][]event
}

// event is an event of a range. The zero version is before every other one, and after every other one in a limit.
type event struct {
	kind eventKind
	at   packaging.Version
}

type eventKind uint8

const (
	introduced eventKind = iota
	fixed
	lastAffected
	limit
)

// compileRange returns the events of a range in the order of their versions. Those of the same version remain in the
// order in which they are stated. It returns an error if a version cannot be read or nothing is introduced.
func compileRange(g Range) ([]event, error) {
	out := make([]event, 0, len(g.Events))
	begins := false
	for _, e := range g.Events {
		set := 0
		for kind, text := range []string{e.Introduced, e.Fixed, e.LastAffected, e.Limit} {
			if text == "" {
				continue
			}
			set++
			one := event{kind: eventKind(kind)}
			if one.kind == introduced {
				begins = true
			}
			if (one.kind != introduced || text != "0") && (one.kind != limit || text != "*") {
				v, err := packaging.ParseVersion(text)
				if err != nil {
					return nil, fmt.Errorf("%.80q in a range is not a version", text)
				}
				one.at = v
			}
			out = append(out, one)
		}
		if set != 1 {
			return nil, fmt.Errorf("an event of a range states %d things instead of one", set)
		}
	}
	if !begins {
		return nil, fmt.Errorf("a range does not state where it begins")
	}
	slices.SortStableFunc(out, func(a, b event) int {
		switch {
		case a.at.IsZero() || b.at.IsZero():
			return boolInt(b.at.IsZero()) - boolInt(a.at.IsZero())
		default:
			return a.at.Compare(b.at)
		}
	})
	return out, nil
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// newMatcher returns the matcher of what a record states about one project.
func newMatcher(all []Affected) *matcher {
	m := &matcher{keys: map[string]bool{}}
	for _, a := range all {
		for _, text := range a.Versions {
			m.keys[versionKey(text)] = true
		}
		for _, g := range a.Ranges {
			if events, err := compileRange(g); err == nil {
				m.ranges = append(m.ranges, events)
			}
		}
	}
	return m
}

// versionKey returns a text that is the same for equal versions.
func versionKey(text string) string {
	if v, err := packaging.ParseVersion(text); err == nil {
		return v.Key()
	}
	return strings.ToLower(strings.TrimSpace(text))
}

// subject is a version that is looked up.
type subject struct {
	keys []string          // under which it may be listed
	v    packaging.Version // zero if it is no version of PEP 440
}

// subjectOf returns a version for matchers. A local version such as "1.0+cpu" is a build of its release, so what
// affects "1.0" affects it too.
func subjectOf(text string) subject {
	s := subject{keys: []string{versionKey(text)}}
	if v, err := packaging.ParseVersion(text); err == nil {
		s.v = v
		if v.HasLocal() {
			s.keys = append(s.keys, v.Public().Key())
		}
	}
	return s
}

func (m *matcher) affects(s subject) bool {
	for _, key := range s.keys {
		if m.keys[key] {
			return true
		}
	}
	return slices.ContainsFunc(m.ranges, func(r []event) bool { return inRange(r, s.v) })
}

// inRange reports whether a version is in a range. A text that is no version is only in a range of all versions.
func inRange(events []event, v packaging.Version) bool {
	affected, limited, below := false, false, false
	for _, e := range events {
		if v.IsZero() {
			if e.kind != introduced || !e.at.IsZero() {
				return false
			}
			affected = true
			continue
		}
		switch e.kind {
		case introduced:
			if e.at.IsZero() || compareTo(v, e.at) >= 0 {
				affected = true
			}
		case fixed:
			if compareTo(v, e.at) >= 0 {
				affected = false
			}
		case lastAffected:
			if compareTo(v, e.at) > 0 {
				affected = false
			}
		case limit:
			limited = true
			below = below || e.at.IsZero() || compareTo(v, e.at) < 0
		}
	}
	return affected && (!limited || below)
}

// compareTo compares a version with a bound. If the bound has no local part, that of the version does not count.
func compareTo(v, bound packaging.Version) int {
	if !bound.HasLocal() {
		v = v.Public()
	}
	return v.Compare(bound)
}

// fixedIn returns the versions that end ranges of a record, in order, each once.
func fixedIn(all []Affected) []string {
	var at []packaging.Version
	for _, a := range all {
		for _, g := range a.Ranges {
			for _, e := range g.Events {
				if v, err := packaging.ParseVersion(e.Fixed); err == nil {
					at = append(at, v)
				}
			}
		}
	}
	slices.SortFunc(at, packaging.Version.Compare)
	at = slices.CompactFunc(at, func(a, b packaging.Version) bool { return a.Compare(b) == 0 })
	out := make([]string, len(at))
	for i, v := range at {
		out[i] = v.String()
	}
	return out
}
