package workload

import (
	"net/url"
	"strings"
)

// Word is a part of a sentence. A literal word is a name from another system, verbatim.
type Word struct {
	Text    string
	Literal bool
}

// Words is a sentence about a publisher, without a full stop. Callers must mark literal words when displaying them, so
// that a name cannot be mistaken for a part of the sentence.
type Words []Word

// String returns the sentence as plain text.
func (w Words) String() string {
	var b strings.Builder
	for _, word := range w {
		b.WriteString(word.Text)
	}
	return b.String()
}

// Capital returns the sentence with its first letter in upper case.
func (w Words) Capital() Words {
	if len(w) > 0 && w[0].Text != "" {
		w[0].Text = strings.ToUpper(w[0].Text[:1]) + w[0].Text[1:]
	}
	return w
}

func (w *Words) say(text string)     { *w = append(*w, Word{Text: text}) }
func (w *Words) name(literal string) { *w = append(*w, Word{Text: literal, Literal: true}) }

// names appends names, separated by "or".
func (w *Words) names(list []string) {
	for i, name := range list {
		if i > 0 {
			w.say(" or ")
		}
		w.name(name)
	}
}

// fill appends a template. {field} is replaced by a field's value, {a/b} by two values with "/" between them, and @ by
// the host. A part in parentheses is omitted if one of its fields is empty.
func (w *Words) fill(text, host string, fields map[string]string) {
	for text != "" {
		at := strings.IndexAny(text, "{(@")
		if at < 0 {
			w.say(text)
			return
		}
		if at > 0 {
			w.say(text[:at])
		}
		end := at
		switch text[at] {
		case '@':
			w.say(host)
		case '{':
			end = at + strings.IndexByte(text[at:], '}')
			w.name(joined(Rule{Fields: fields}, strings.Split(text[at+1:end], "/")...))
		case '(':
			end = at + strings.IndexByte(text[at:], ')')
			var part Words
			part.fill(text[at+1:end], host, fields)
			if !part.lacks() {
				*w = append(*w, part...)
			}
		}
		text = text[end+1:]
	}
}

// lacks reports whether one of the names is empty.
func (w Words) lacks() bool {
	for _, word := range w {
		if word.Literal && word.Text == "" {
			return true
		}
	}
	return false
}

// phrase appends a field's comma-separated values, joined by "or", between two texts.
func phrase(before, after string) func(w *Words, v string) {
	return func(w *Words, v string) {
		w.say(before)
		w.names(strings.Split(v, ","))
		if after != "" {
			w.say(after)
		}
	}
}

// numbered appends the id of a repository or project.
func numbered(thing string) func(w *Words, v string) {
	return func(w *Words, v string) {
		if v == firstToken {
			w.say(", " + thing + " of the first accepted token")
			return
		}
		phrase(", "+thing+" number ", "")(w, v)
	}
}

// sayRef appends the refs that a pattern matches.
func sayRef(w *Words, pattern string) {
	for _, sort := range []struct{ prefix, one, many string }{
		{"refs/tags/", "tag", "tags"}, {"refs/heads/", "branch", "branches"},
	} {
		name, ok := strings.CutPrefix(pattern, sort.prefix)
		switch {
		case !ok:
			continue
		case name == "*":
			w.say(", " + sort.many + " only")
		case strings.HasSuffix(name, "*"):
			phrase(", "+sort.many+" ", " only")(w, name)
		default:
			phrase(", "+sort.one+" ", " only")(w, name)
		}
		return
	}
	phrase(", ", " only")(w, pattern)
}

// hostOf returns the host of an issuer's URL, or the issuer itself if it has none.
func hostOf(issuer string) string {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" {
		return issuer
	}
	return u.Host
}

// Clause prepares a sentence for use as the subject of another one: a sentence with commas gets a trailing comma.
func Clause(sentence string) string {
	if !strings.Contains(sentence, ", ") {
		return sentence
	}
	return sentence + ","
}

// Describe describes the workload that a rule trusts: "workflow release.yml in acme/widgets, environment pypi, on
// github.com, tags v* only".
func (k *Kind) Describe(issuer string, fields map[string]string) Words {
	var w Words
	if k.open != nil {
		k.open.describe(&w, k.Host(issuer), fields)
		return w
	}
	w.fill(k.sentence, k.Host(issuer), fields)
	for _, f := range k.Fields {
		if v := fields[f.RuleName()]; v != "" && f.say != nil {
			f.say(&w, v)
		}
		for _, name := range f.names(fields) {
			w.say(", " + strings.ToLower(f.Label[:1]) + f.Label[1:] + " ")
			w.name(strings.TrimPrefix(name, f.Name+"_"))
			w.say(" with ")
			w.name(fields[name])
		}
	}
	return w
}

// Host returns the display name of the platform behind an issuer: "github.com", or the host of the issuer's URL. A
// forge of which a host can have several has the path of its pages too: "acme.example/gitlab".
func (k *Kind) Host(issuer string) string {
	if issuer == k.issuer && k.host != "" {
		return k.host
	}
	if k.name != "gitlab" && k.name != "forgejo" {
		return hostOf(issuer)
	}
	return hostOf(issuer) + strings.TrimSuffix(basePath(issuer), "/")
}
