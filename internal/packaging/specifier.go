package packaging

import "strings"

// operators are those of PEP 440, longest first.
var operators = []string{"===", "~=", "==", "!=", "<=", ">=", "<", ">"}

type clause struct {
	op       string
	version  Version
	wildcard bool   // "==1.0.*"
	text     string // of "===", which compares text instead of versions
}

func operatorAt(s string) string {
	for _, op := range operators {
		if strings.HasPrefix(s, op) {
			return op
		}
	}
	return ""
}

// scanClause parses the longest clause at the beginning of s and returns its length in bytes, 0 if there is none.
func scanClause(s string) (clause, int) {
	c := clause{op: operatorAt(s)}
	if c.op == "" {
		return clause{}, 0
	}
	rest := strings.TrimLeftFunc(s[len(c.op):], isSpace)
	start := len(s) - len(rest)
	if c.op == "===" {
		c.text = rest[:arbitraryAt(rest)]
		return c, start + len(c.text)
	}
	n := c.scanOperand(rest)
	if n == 0 {
		return clause{}, 0
	}
	return c, start + n
}

// arbitraryAt returns the length of the operand of "===": any text up to a character that can follow a clause.
func arbitraryAt(s string) int {
	end := strings.IndexFunc(s, func(r rune) bool { return isSpace(r) || r == ';' || r == ')' })
	if end < 0 {
		return len(s)
	}
	return end
}

// scanOperand parses the version. Only == and != accept a local part or a wildcard, and ~= needs two segments.
func (c *clause) scanOperand(s string) (n int) {
	if c.op != "==" && c.op != "!=" {
		c.version, n = scanPublic(s)
		if c.op == "~=" && len(c.version.release) < 2 {
			return 0
		}
		return n
	}
	if v, end := scanRelease(s); end > 0 && strings.HasPrefix(s[end:], ".*") {
		c.version, c.wildcard = v, true
		return end + len(".*")
	}
	c.version, n = scanVersion(s)
	return n
}

// canonical returns a text that is equal for equivalent clauses. Trailing zeros matter only after ~= and before a
// wildcard.
func (c clause) canonical() string {
	switch {
	case c.op == "===":
		return c.op + c.text
	case c.wildcard:
		return c.op + c.version.String() + ".*"
	case c.op == "~=":
		return c.op + c.version.String()
	}
	return c.op + c.version.Key()
}

// admits follows PEP 440, "Version specifiers", and Python's packaging in details of local parts and families that the
// PEP does not specify.
func (c clause) admits(v Version) bool {
	switch c.op {
	case "===":
		return strings.ToLower(c.text) == v.String()
	case "==":
		return c.equals(v)
	case "!=":
		return !c.equals(v)
	case "~=":
		return v.Compare(c.version) >= 0 && v.within(c.version, len(c.version.release)-1)
	case "<=":
		return v.Public().Compare(c.version) <= 0
	case ">=":
		return v.Compare(c.version) >= 0
	case "<":
		return c.before(v)
	}
	return c.after(v)
}

func (c clause) equals(v Version) bool {
	if c.wildcard {
		return v.within(c.version, len(c.version.release))
	}
	if !c.version.HasLocal() {
		v = v.Public()
	}
	return v.Compare(c.version) == 0
}

// before excludes the pre-releases of a final version: 2.0rc1 is not "<2.0".
func (c clause) before(v Version) bool {
	bound := c.version
	if !bound.IsPrerelease() {
		bound.dev = "0"
	}
	return v.Compare(bound) < 0
}

// after excludes the post-releases and local builds of the version itself: 1.0.post1 is not ">1.0".
func (c clause) after(v Version) bool {
	if v.Public().Compare(c.version) <= 0 {
		return false
	}
	family := v.compareBase(c.version) == 0 && v.preLetter == c.version.preLetter && v.pre == c.version.pre
	return !family || c.version.post != "" || c.version.dev != ""
}

// within reports whether v has the epoch and the first n release segments of other.
func (v Version) within(other Version, n int) bool {
	if v.epoch != other.epoch {
		return false
	}
	for i := range n {
		if segment(v.release, i) != other.release[i] {
			return false
		}
	}
	return true
}
