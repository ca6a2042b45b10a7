package workload

import (
	"fmt"
	"maps"
	"slices"
)

// Comparisons names each comparison of the kind's rules with claims.
func (k *Kind) Comparisons() []string {
	var out []string
	for _, part := range []struct {
		name string
		all  []check
	}{{"shape", k.shape}, {"check", k.checks}, {"never", k.never}} {
		for i := range part.all {
			out = append(out, fmt.Sprintf("%s %d", part.name, i+1))
		}
	}
	for _, f := range k.Fields {
		if f.fits != nil {
			out = append(out, "field "+f.Name)
		}
	}
	if k.open != nil {
		for _, kind := range slices.Sorted(maps.Keys(k.open.fits)) {
			out = append(out, "rule "+kind)
		}
	}
	return out
}

// Without returns the kind without the nth of its Comparisons.
func (k *Kind) Without(n int) *Kind {
	out := *k
	for _, part := range []*[]check{&out.shape, &out.checks, &out.never} {
		if n < len(*part) {
			*part = slices.Delete(slices.Clone(*part), n, n+1)
			return &out
		}
		n -= len(*part)
	}
	out.Fields = slices.Clone(k.Fields)
	for i, f := range out.Fields {
		if f.fits == nil {
			continue
		}
		if n == 0 {
			out.Fields[i].fits = nil
			return &out
		}
		n--
	}
	if k.open != nil {
		open := *k.open
		open.fits = maps.Clone(open.fits)
		open.fits[slices.Sorted(maps.Keys(open.fits))[n]] = func(string, string, any) bool { return true }
		out.open = &open
		return &out
	}
	panic("there is no such comparison")
}

// IsShared reports whether issuers of the kind may be configured as kind generic too.
func (k *Kind) IsShared() bool { return k.shared }

// Recognizes reports whether a token is one of the platform.
func (k *Kind) Recognizes(issuer string, c Claims) bool { return k.recognize(issuer, c) }

// Pinned returns the rule, pinned to an id.
func (r Rule) Pinned(id string) Rule {
	r.Fields = maps.Clone(r.Fields)
	if id != "" {
		r.OwnerID = id
	}
	return r
}

// NeverChecks returns how many checks refuse a well-formed token whatever its rule says.
func (k *Kind) NeverChecks() int { return len(k.never) }

// Parts returns the claims of the fields that compare a part of one.
func (m Manual) Parts() map[string]string { return m.parts }
