package workload

import (
	"regexp"
	"sync"
)

// pattern is a regular expression that is compiled when it is first used. Bounds such as {1,253} make the compiled form
// large, and most indexes see the tokens of one or two platforms only.
type pattern struct {
	compiled func() *regexp.Regexp
}

// newPattern returns the pattern of an expression, which must be valid.
func newPattern(expression string) *pattern {
	return &pattern{sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })}
}

// MatchString reports whether s contains a match.
func (p *pattern) MatchString(s string) bool { return p.compiled().MatchString(s) }

// FindStringSubmatch returns the first match in s and those of its groups, or nil.
func (p *pattern) FindStringSubmatch(s string) []string { return p.compiled().FindStringSubmatch(s) }
