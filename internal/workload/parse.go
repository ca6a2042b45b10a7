package workload

import (
	"regexp"
	"slices"
	"strings"

	"pyindex/internal/fault"
)

// listed reports whether got is one of the words of a list.
func listed(want, got string) bool { return slices.Contains(strings.Split(want, ","), got) }

// refFits compares a full ref with a pattern; "*", which is only ever last, stands for anything, "/" too.
func refFits(pattern, ref string) bool {
	if stem, open := strings.CutSuffix(pattern, "*"); open {
		return strings.HasPrefix(ref, stem)
	}
	return ref == pattern
}

// matching reads what an expression matches; why says what it has to be.
func matching(re *regexp.Regexp, why string) parser {
	return func(field, s string) (string, error) {
		if !re.MatchString(s) {
			return "", fault.InField(field, "%s %.100q %s", field, s, why)
		}
		return s, nil
	}
}

// folded reads as parse does, and lowers the letters A to Z.
func folded(parse parser) parser {
	return func(field, s string) (string, error) {
		s, err := parse(field, s)
		return lowerASCII(s), err
	}
}

// parseRef reads a full ref, or the beginning of refs of one sort with "*" behind it.
func parseRef(field, s string) (string, error) {
	stem, open := strings.CutSuffix(s, "*")
	part := strings.SplitN(stem, "/", 3)
	good := len(part) == 3 && part[0] == "refs" && part[1] != "" && (open || part[2] != "") &&
		len(s) <= 255 && !strings.ContainsAny(stem, "*?[ ~^:\\") && !HasControl(s)
	if !good {
		return "", fault.InField(field,
			"%s %.100q is not a ref: write a full name such as refs/heads/main, or refs/tags/v* with one * at its end", field, s)
	}
	return s, nil
}

func parseTrue(field, s string) (string, error) {
	if s != "true" {
		return "", fault.InField(field, "%s %.40q: write true, or leave it out", field, s)
	}
	return s, nil
}

var (
	word      = regexp.MustCompile(`\A[a-z][a-z_-]{0,59}\z`)
	decimalID = regexp.MustCompile(`\A[1-9][0-9]{0,18}\z`)
	commit    = regexp.MustCompile(`\A[0-9a-f]{40}(?:[0-9a-f]{24})?\z`)
	uuidText  = regexp.MustCompile(`\A[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\z`)
)

var parseWord = matching(word, "is not a word of small letters, '-' and '_'")

// parseWords reads words with commas between, which may stand in any order.
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
		return "", fault.InField(field, "%s has %d words; at most 20 are kept", field, len(all))
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), ","), nil
}

func parseRepositoryID(field, s string) (string, error) {
	if s != firstToken && !decimalID.MatchString(s) {
		return "", fault.InField(field, "%s %.40q is not a number, nor %q for the one of the first accepted token", field, s,
			firstToken)
	}
	return s, nil
}

func parseUUID(field, s string) (string, error) {
	if !uuidText.MatchString(lowerASCII(s)) {
		return "", fault.InField(field, "%s %.60q is not an id: it looks like 00000000-0000-1000-8000-000000000002", field, s)
	}
	return lowerASCII(s), nil
}

// HasControl reports whether a text holds control characters, or others that could change how it is shown.
func HasControl(s string) bool {
	return strings.ContainsFunc(s,
		func(r rune) bool { return r < ' ' || 0x7f <= r && r < 0xa0 || r == '\u2028' || r == '\ufffd' })
}

// lowerASCII lowers A to Z and nothing else. Unicode would also make the Kelvin sign a "k", and an environment of that
// name is another one, which whoever may edit a workflow can have without its protection.
func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

func equal(want, got string) bool { return got == want }
