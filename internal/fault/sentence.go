package fault

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Sentence returns Message as a sentence for a page: with a capital letter and a full stop. A message that begins with
// a name, such as that of a file, keeps its first letter.
func Sentence(err error) string {
	f, ok := errors.AsType[*Fault](err)
	if !ok || f.Kind == Internal {
		return ""
	}
	if f.literal {
		return stopped(f.Message)
	}
	return AsSentence(f.Message)
}

// programs are names at the beginning of a message that are written in lower case.
var programs = map[string]bool{"pip": true, "uv": true, "twine": true, "poetry": true, "index": true}

// AsSentence returns a message with a capital letter and a full stop, if its first word is an ordinary one.
func AsSentence(message string) string {
	word, _, _ := strings.Cut(message, " ")
	first, n := utf8.DecodeRuneInString(message)
	ordinary := strings.IndexFunc(strings.TrimRight(word, ",:;.!?"), func(c rune) bool {
		return !unicode.IsLower(c) && c != '\'' && c != '-'
	}) < 0
	if ordinary && n > 0 && !programs[word] {
		message = string(unicode.ToUpper(first)) + message[n:]
	}
	return stopped(message)
}

// stopped returns a message with a full stop, if it has no other end.
func stopped(message string) string {
	if message == "" || strings.HasSuffix(message, ".") || strings.HasSuffix(message, "!") ||
		strings.HasSuffix(message, "?") || strings.HasSuffix(message, "…") {
		return message
	}
	return message + "."
}

// begins reports whether a format begins with a value. A format that is only a verb stands for a complete message.
func begins(format string) bool {
	return strings.HasPrefix(format, "%") && format != "%s" && format != "%v"
}

// Fields returns the faults about form fields in err's tree, in order. It has several if they were joined.
func Fields(err error) []*Fault {
	switch e := err.(type) { //nolint:errorlint // this function walks the tree itself
	case nil:
		return nil
	case *Fault:
		if e.Field != "" {
			return []*Fault{e}
		}
	case interface{ Unwrap() []error }:
		var all []*Fault
		for _, inner := range e.Unwrap() {
			all = append(all, Fields(inner)...)
		}
		return all
	case interface{ Unwrap() error }:
		return Fields(e.Unwrap())
	}
	return nil
}
