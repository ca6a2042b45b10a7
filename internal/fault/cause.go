package fault

import (
	"regexp"
	"strings"
)

// maxCause bounds a cause in bytes: some drivers quote their input.
const maxCause = 1000

// Cause returns the texts of the errors that err's faults wrap, outermost first, on one line and without secrets. It
// omits texts that the messages already contain. It returns "" if nothing remains. Use it in the log and for an
// operator at a terminal, never for a remote client.
func Cause(err error) string {
	if err == nil { // of most requests
		return ""
	}
	var parts []string
	causes(err, func(text string) {
		if len(parts) == 0 || !strings.Contains(parts[len(parts)-1], text) {
			parts = append(parts, text)
		}
	})
	return Scrub(strings.Join(parts, ": "))
}

func causes(err error, add func(string)) {
	switch e := err.(type) { //nolint:errorlint // this function walks the chain itself
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

// repeats reports whether e and its cause both only state that something was not found.
func repeats(e *Fault) bool {
	cause, ok := e.cause.(*Fault) //nolint:errorlint // only the direct cause
	return ok && e.Kind == NotFound && cause.Kind == NotFound && cause.cause == nil
}

// Explain returns err's text followed by its cause, for an operator.
func Explain(err error) string {
	text, cause := err.Error(), Cause(err)
	if cause == "" {
		return text
	}
	return text + ": " + cause
}

// These patterns match secrets in the texts of databases, stores and HTTP clients: passwords in URLs and connection
// strings, parameters of signed URLs, headers, and tokens.
var (
	urlPassword = regexp.MustCompile(`(://[^/\s:@]*):[^/\s]*@`)
	parameter   = regexp.MustCompile(
		`(?i)\b((?:pass|passwd|password|pwd|secret|token|sig|signature|credential|account_?key|x-(?:amz|goog)-[a-z-]+)["']?\s*[=:]\s*)(?:"[^"]*"|'[^']*'|[^\s&"',;]+)`,
	)
	header = regexp.MustCompile(`(?i)\b(bearer|basic)\s+[a-z0-9+/=._~-]{8,}`)
	token  = regexp.MustCompile(`\b(?:pypi-[0-9A-Za-z_-]+|eyJ[0-9A-Za-z_-]+\.[0-9A-Za-z_-]+(?:\.[0-9A-Za-z_-]*)?)`)
)

// Scrub returns a text from another program on one line, truncated, and with everything that looks like a secret
// replaced.
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
