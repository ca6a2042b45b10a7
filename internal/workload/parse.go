package workload

import (
	"slices"
	"strings"

	"pyindex/internal/fault"
)

// listed reports whether got is in the comma-separated list want.
func listed(want, got string) bool { return slices.Contains(strings.Split(want, ","), got) }

// refFits compares a full ref with a pattern. A trailing "*" matches anything, including "/".
func refFits(pattern, ref string) bool {
	if stem, open := strings.CutSuffix(pattern, "*"); open {
		return strings.HasPrefix(ref, stem)
	}
	return ref == pattern
}

// matching returns a parser for values that match an expression. why completes its error message.
func matching(re *pattern, why string) parser {
	return func(field, s string) (string, error) {
		if !re.MatchString(s) {
			return "", fault.InField(field, "%s %.100q %s", field, s, why)
		}
		return s, nil
	}
}

// folded returns a parser that also converts ASCII letters to lower case.
func folded(parse parser) parser {
	return func(field, s string) (string, error) {
		s, err := parse(field, s)
		return lowerASCII(s), err
	}
}

// parseRef parses a full ref, or a prefix of refs followed by "*".
func parseRef(field, s string) (string, error) {
	stem, open := strings.CutSuffix(s, "*")
	part := strings.SplitN(stem, "/", 3)
	good := len(part) == 3 && part[0] == "refs" && part[1] != "" && (open || part[2] != "") &&
		len(s) <= 255 && !strings.ContainsAny(stem, "*?[ ~^:\\") && !HasControl(s)
	if !good {
		return "", fault.InField(field,
			"%s %.100q is not a ref: write a full name such as refs/heads/main, or refs/tags/v* with one * at the end", field, s)
	}
	return s, nil
}

func parseTrue(field, s string) (string, error) {
	if s != "true" {
		return "", fault.InField(field, "%s %.40q is not valid: write true, or omit it", field, s)
	}
	return s, nil
}

var (
	word      = newPattern(`\A[a-z][a-z_-]{0,59}\z`)
	decimalID = newPattern(`\A[1-9][0-9]{0,18}\z`)
	commit    = newPattern(`\A[0-9a-f]{40}(?:[0-9a-f]{24})?\z`)
	uuidText  = newPattern(`\A[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\z`)
)

var parseWord = matching(word, "is not a word of lower-case letters, '-' and '_'")

// parseWords parses comma-separated words, in any order.
func parseWords(field, s string) (string, error) {
	var all []string
	for w := range strings.SplitSeq(s, ",") {
		w, err := parseWord(field, strings.TrimSpace(w))
		if err != nil {
			return "", err
		}
		all = append(all, w)
	}
	if len(all) > 20 {
		return "", fault.InField(field, "%s has %d words; at most 20 are allowed", field, len(all))
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), ","), nil
}

func parseRepositoryID(field, s string) (string, error) {
	if s != firstToken && !decimalID.MatchString(s) {
		return "", fault.InField(field,
			"%s %.40q is neither a number nor %q, which takes the number from the first accepted token", field, s,
			firstToken)
	}
	return s, nil
}

func parseUUID(field, s string) (string, error) {
	if s == "" {
		return "", fault.InField(field, "%s is required", field)
	}
	if !uuidText.MatchString(lowerASCII(s)) {
		return "", fault.InField(field, "%s %.60q is not an id: it looks like 00000000-0000-1000-8000-000000000002", field, s)
	}
	return lowerASCII(s), nil
}

// HasControl reports whether a string contains control characters, or other characters that could change its display.
func HasControl(s string) bool {
	return strings.ContainsFunc(s,
		func(r rune) bool { return r < ' ' || 0x7f <= r && r < 0xa0 || r == '\u2028' || r == '\ufffd' })
}

// lowerASCII converts only A to Z to lower case. Unicode folding would turn the Kelvin sign into "k", so that an
// unprotected environment of that name could pass for a protected one.
func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

func equal(want, got string) bool { return got == want }

// equalFold compares a claim with a value in lower case, ignoring the case of ASCII letters.
func equalFold(want, got string) bool { return lowerASCII(got) == want }
