package simpleapi

import (
	"net/http"
	"strings"

	"pyindex/internal/fault"
	"pyindex/internal/route"
)

// format is a representation of a page. If a client likes two equally, the one listed first is sent. textHTML comes
// first because pipenv and old pip accept anything and parse HTML; JSON is second because it contains more.
type format uint8

const (
	textHTML format = iota
	v1JSON
	v1HTML
	formats int = iota
)

const (
	mediaHTML   = "text/html; charset=utf-8"
	mediaV1JSON = "application/vnd.pypi.simple.v1+json"
	mediaV1HTML = "application/vnd.pypi.simple.v1+html"
)

// media returns the Content-Type: never "latest", and never application/json, which installers reject.
func (f format) media() string {
	return [formats]string{mediaHTML, mediaV1JSON, mediaV1HTML}[f]
}

func (f format) json() bool { return f == v1JSON }

// parseFormat parses a media type that names a representation (PEP 691, "Version + Format Selection").
func parseFormat(s string) (format, bool) {
	switch strings.ToLower(s) {
	case "text/html":
		return textHTML, true
	case mediaV1JSON, "application/vnd.pypi.simple.latest+json":
		return v1JSON, true
	case mediaV1HTML, "application/vnd.pypi.simple.latest+html":
		return v1HTML, true
	}
	return 0, false
}

// choose returns the representation for a request, from ?format= or else from Accept. If none is acceptable, it returns
// errNotAcceptable, which becomes a 406.
func choose(r *http.Request) (format, error) {
	asked := ""
	if r.URL.RawQuery != "" {
		asked = r.URL.Query().Get("format")
	}
	f, ok := parseFormat(strings.ReplaceAll(asked, " ", "+")) // a "+" that was not escaped arrives as a blank
	if asked == "" {
		f, ok = negotiate(r.Header["Accept"])
	}
	if !ok {
		return 0, errNotAcceptable
	}
	return f, nil
}

// notAcceptable marks the error that becomes a 406.
type notAcceptable struct{ error }

var errNotAcceptable error = notAcceptable{fault.New(fault.Invalid,
	"none of the accepted media types is served here: ask for %s, %s or text/html", mediaV1JSON, mediaV1HTML)}

// Unwrap returns the fault with the message for the caller.
func (n notAcceptable) Unwrap() error { return n.error }

// These constants rank how specifically a range names a representation. A more specific range takes precedence (RFC
// 9110, section 12.5.1).
const (
	unnamed = iota
	byAll   // */*
	byType  // text/*
	byName
)

// liking is the weight of a representation, and how specific the range was that gave it.
type liking struct{ closeness, weight int }

// negotiate returns the representation that an Accept header prefers. Among equal weights it takes the one that is
// named more specifically, then the first in the server's order. A missing header, or one without any media range,
// accepts everything.
func negotiate(lines []string) (format, bool) {
	var likings [formats]liking
	valid := false
	for w := (route.Weights{Lines: lines}); w.Next(); {
		valid = weigh(&likings, w.Value, w.Weight) || valid
	}
	if !valid {
		return textHTML, true
	}
	return favourite(likings)
}

func favourite(likings [formats]liking) (best format, ok bool) {
	var top liking
	for f, l := range likings {
		if l.weight > top.weight || l.weight == top.weight && l.closeness > top.closeness && l.weight > 0 {
			best, top = format(f), l
		}
	}
	return best, top.weight > 0
}

// weigh applies a media range to each representation and reports whether it is a valid media range.
func weigh(likings *[formats]liking, value string, weight int) bool {
	if f, ok := parseFormat(value); ok {
		likings[f].note(byName, weight)
		return true
	}
	kind, sub, slash := strings.Cut(value, "/")
	if value == "*" || value == "*/*" {
		for f := range likings {
			likings[f].note(byAll, weight)
		}
		return true
	}
	if sub == "*" {
		weighType(likings, kind, weight)
	}
	return slash && kind != "" && kind != "*" && sub != "" && !strings.Contains(sub, "/")
}

func weighType(likings *[formats]liking, kind string, weight int) {
	for f := range likings {
		if own, _, _ := strings.Cut(format(f).media(), "/"); strings.EqualFold(own, kind) {
			likings[f].note(byType, weight)
		}
	}
}

// note keeps the more specific value, and of equally specific ones the larger weight, because "latest" and "v1" name
// the same format.
func (l *liking) note(closeness, weight int) {
	if closeness > l.closeness || closeness == l.closeness && weight > l.weight {
		*l = liking{closeness, weight}
	}
}
