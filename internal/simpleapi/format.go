package simpleapi

import (
	"net/http"
	"strings"

	"pyindex/internal/fault"
	"pyindex/internal/route"
)

// format is a representation of a page. Of two that a client likes equally the lower one is sent: HTML by its old name,
// because pipenv and old pip ask for anything and read that, then JSON, which says more.
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

// media is what Content-Type says: never "latest", and never application/json, which installers refuse.
func (f format) media() string {
	return [formats]string{mediaHTML, mediaV1JSON, mediaV1HTML}[f]
}

func (f format) json() bool { return f == v1JSON }

// parseFormat reads a media type that names a representation (PEP 691, "Version + Format Selection").
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

// choose picks the representation for a request: what ?format= names, else what Accept prefers. fault.Invalid, which
// becomes a 406, where nothing fits.
func choose(r *http.Request) (format, error) {
	if r.URL.RawQuery != "" {
		if asked := r.URL.Query().Get("format"); asked != "" {
			return askedFormat(asked)
		}
	}
	f, ok := negotiate(r.Header["Accept"])
	if !ok {
		return 0, errNotAcceptable
	}
	return f, nil
}

// askedFormat is lenient with a "+" that was not escaped and so arrived as a blank.
func askedFormat(s string) (format, error) {
	f, ok := parseFormat(strings.ReplaceAll(s, " ", "+"))
	if !ok {
		return 0, errNotAcceptable
	}
	return f, nil
}

// notAcceptable is the failure that is a 406.
type notAcceptable struct{ error }

var errNotAcceptable error = notAcceptable{fault.New(fault.Invalid,
	"none of the accepted media types is served here: ask for %s, %s or text/html", mediaV1JSON, mediaV1HTML)}

// Unwrap gives the fault with the text for the caller.
func (n notAcceptable) Unwrap() error { return n.error }

// How closely a range names a representation; a closer one decides over a wider one (RFC 9110, section 12.5.1).
const (
	unnamed = iota
	byAll   // */*
	byType  // text/*
	byName
)

// liking is how much a client wants a representation, and how closely it said so.
type liking struct{ closeness, weight int }

// negotiate picks the representation that the values of an Accept header like best. Between equal weights the one that
// is named more closely wins, then the server's order. No header, and one without a single media range in it, accept
// all.
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

// weigh notes what one media range says about each representation and reports whether it is a media range at all.
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

// note keeps what is said more closely, and of two sayings equally close the heavier: "latest" and "v1" are one thing.
func (l *liking) note(closeness, weight int) {
	if closeness > l.closeness || closeness == l.closeness && weight > l.weight {
		*l = liking{closeness, weight}
	}
}
