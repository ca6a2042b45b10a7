package fault

import (
	"regexp"
	"strings"
)

// maxCause bounds a cause, in bytes: some drivers quote what they were sent.
const maxCause = 1000

// Cause returns what the messages of err's faults leave out: the texts of the errors that they wrap, outermost first,
// on one line and without secrets. It is for the log and for an operator at a terminal, never for a remote client; ""
// if the messages say all. That nothing was found is not repeated.
func Cause(err error) string {
	var parts []string
	causes(err, func(text string) {
		if len(parts) == 0 || !strings.Contains(parts[len(parts)-1], text) {
			parts = append(parts, text)
		}
	})
	return Scrub(strings.Join(parts, ": "))
}

func causes(err error, add func(string)) {
	switch e := err.(type) { //nolint:errorlint // it follows the chain itself
	case nil:
	case *Fault:
		if e.cause != nil && !strings.Contains(e.Message, e.cause.Error()) && !repeats(e) {
			add(e.cause.Error())
		}
		causes(e.cause, add)
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			causes(inner, add)
		}
	case interface{ Unwrap() error }:
		causes(e.Unwrap(), add)
	}
}

// repeats reports whether e's cause says only what e says in better words: that something was not found.
func repeats(e *Fault) bool {
	cause, ok := e.cause.(*Fault) //nolint:errorlint // this error alone, not what it wraps
	return ok && e.Kind == NotFound && cause.Kind == NotFound && cause.cause == nil
}

// Explain returns err's text and its cause, for an operator.
func Explain(err error) string {
	text, cause := err.Error(), Cause(err)
	if cause == "" {
		return text
	}
	return text + ": " + cause
}

// What stands for a secret in the texts of databases, stores and clients of HTTP: passwords in URLs and connection
// strings, parameters of signed URLs, headers, and tokens.
var (
	urlPassword = regexp.MustCompile(`(://[^/\s:@]*):[^/\s]*@`)
	parameter   = regexp.MustCompile(
		`(?i)\b((?:pass|passwd|password|pwd|secret|token|sig|signature|credential|account_?key|x-(?:amz|goog)-[a-z-]+)["']?\s*[=:]\s*)(?:"[^"]*"|'[^']*'|[^\s&"',;]+)`,
	)
	header = regexp.MustCompile(`(?i)\b(bearer|basic)\s+[a-z0-9+/=._~-]{8,}`)
	token  = regexp.MustCompile(`\b(?:pypi-[0-9A-Za-z_-]+|eyJ[0-9A-Za-z_-]+\.[0-9A-Za-z_-]+(?:\.[0-9A-Za-z_-]*)?)`)
)

// Scrub returns a text of somebody else's on one line, of bounded length and without what looks like a secret.
func Scrub(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	text = urlPassword.ReplaceAllString(text, "$1:[secret]@")
	text = parameter.ReplaceAllString(text, "$1[secret]")
	text = header.ReplaceAllString(text, "$1 [secret]")
	text = token.ReplaceAllString(text, "[secret]")
	if len(text) > maxCause {
		text = strings.ToValidUTF8(text[:maxCause], "") + "…"
	}
	return text
}
