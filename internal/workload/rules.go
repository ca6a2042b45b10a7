package workload

import (
	"regexp"
	"slices"
	"strings"

	"pyindex/internal/fault"
)

// The fields by which a rule may be stricter than its kind asks. Each is optional and kept only where it is said.
const (
	fieldRef          = "ref"
	fieldRefProtected = "ref_protected"
	fieldEvents       = "events"
	fieldRunner       = "runner_environment"
	FieldRepositoryID = "repository_id"
)

// firstToken, as a repository's id, leaves it to the first accepted token to say it, together with the owner's.
const FirstToken = "first"

// option is an optional field: how it is read, which claim it is about and how it is said. One without a claim is
// compared by the provider itself.
type option struct {
	field, claim string
	parse        func(field, s string) (string, error)
	fits         func(want, got string) bool
	say          string // before the value
	alone        bool   // say is the whole sentence
}

func optionNames(all []option) string {
	var names []string
	for _, o := range all {
		names = append(names, o.field)
	}
	return strings.Join(names, ", ")
}

func isOption(all []option, name string) bool {
	return slices.ContainsFunc(all, func(o option) bool { return o.field == name })
}

// parseOptions reads the optional fields that were said into a rule.
func parseOptions(all []option, fields map[string]string, r Rule) error {
	for _, o := range all {
		if fields[o.field] == "" {
			continue
		}
		v, err := o.parse(o.field, fields[o.field])
		if err != nil {
			return err
		}
		r.Fields[o.field] = v
	}
	return nil
}

// optionsFit compares the claims that the rule's optional fields are about. A claim that is missing or no text fits none.
func optionsFit(all []option, r Rule, c Claims) *Mismatch {
	for _, o := range all {
		want := r.Fields[o.field]
		if want == "" || o.claim == "" {
			continue
		}
		if got, ok := c[o.claim].(string); !ok || !o.fits(want, got) {
			return &Mismatch{Claim: o.claim, Got: Show(c[o.claim]), Want: Show(want)}
		}
	}
	return nil
}

// sayOptions describes the optional fields of a rule, each after a comma.
func sayOptions(all []option, r Rule) string {
	var b strings.Builder
	for _, o := range all {
		v := r.Fields[o.field]
		if v == "" {
			continue
		}
		b.WriteString(", " + o.say)
		if !o.alone {
			b.WriteString(" " + strings.ReplaceAll(v, ",", " or "))
		}
	}
	return b.String()
}

func equal(want, got string) bool { return got == want }

// listed reports whether got is one of the words of a list.
func listed(want, got string) bool { return slices.Contains(strings.Split(want, ","), got) }

// refFits compares a full ref with a pattern; "*", which is only ever last, stands for anything, "/" too.
func refFits(pattern, ref string) bool {
	if stem, open := strings.CutSuffix(pattern, "*"); open {
		return strings.HasPrefix(ref, stem)
	}
	return ref == pattern
}

// parseRef reads a full ref, or the beginning of refs of one sort with "*" behind it.
func parseRef(field, s string) (string, error) {
	stem, open := strings.CutSuffix(s, "*")
	part := strings.SplitN(stem, "/", 3)
	good := len(part) == 3 && part[0] == "refs" && part[1] != "" && (open || part[2] != "") &&
		len(s) <= 255 && !strings.ContainsAny(stem, "*?[ ~^:\\") && !HasControl(s)
	if !good {
		return "", fault.InField(field, "%s %.100q is not a ref: write a full name such as refs/heads/main, or refs/tags/v* with one * at its end", field, s)
	}
	return s, nil
}

func parseTrue(field, s string) (string, error) {
	if s != "true" {
		return "", fault.InField(field, "%s %.40q: write true, or leave it out", field, s)
	}
	return s, nil
}

var word = regexp.MustCompile(`\A[a-z][a-z_-]{0,59}\z`)

func parseWord(field, s string) (string, error) {
	if !word.MatchString(s) {
		return "", fault.InField(field, "%s %.100q is not a word of small letters, '-' and '_'", field, s)
	}
	return s, nil
}

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
	if s != FirstToken && !decimalID.MatchString(s) {
		return "", fault.InField(field, "%s %.40q is not a number, nor %q for the one of the first accepted token", field, s, FirstToken)
	}
	return s, nil
}
