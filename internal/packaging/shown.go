package packaging

import (
	"errors"
	"io"
	"mime"
	"regexp"
	"strings"
	"unicode"

	"github.com/github/go-spdx/v2/spdxexp/spdxlicenses"
)

var encodedWord = regexp.MustCompile(`=\?[^?\s]+\?[bBqQ]\?[^?\s]*\?=`)

// PlainName returns the name of a person for people: with RFC 2047 encoded words decoded, as in "=?utf-8?q?Zo=C3=AB?=",
// and without control characters. Some build back ends write such names into metadata, where they remain as they are. A
// word that cannot be decoded is returned as written.
func PlainName(s string) string {
	d := mime.WordDecoder{CharsetReader: func(string, io.Reader) (io.Reader, error) {
		return nil, errors.New("only UTF-8, US-ASCII and ISO-8859-1 are decoded")
	}}
	decoded, err := d.DecodeHeader(s)
	if err != nil { // one of the words; keep that one
		decoded = encodedWord.ReplaceAllStringFunc(s, func(word string) string {
			if text, err := d.Decode(word); err == nil {
				return text
			}
			return word
		})
	}
	s = decoded
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c) {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// SPDXCase returns a license expression with the identifiers and operators of the SPDX license list in its own case:
// "MIT OR Apache-2.0" for "mit or apache-2.0". Unknown words remain as they are, so that the same license always has
// one spelling even if the back end kept that of the author (PEP 639 asks tools to normalize it).
func SPDXCase(expression string) string {
	var b strings.Builder
	for len(expression) > 0 {
		n := strings.IndexAny(expression, " ()\t\r\n")
		if n == 0 {
			b.WriteByte(expression[0])
			expression = expression[1:]
			continue
		}
		if n < 0 {
			n = len(expression)
		}
		b.WriteString(spdxWord(expression[:n]))
		expression = expression[n:]
	}
	return b.String()
}

func spdxWord(s string) string {
	switch up := strings.ToUpper(s); {
	case len(s) > 100: // longer than any identifier
		return s
	case up == "AND", up == "OR", up == "WITH":
		return up
	case strings.HasPrefix(up, "LICENSEREF-"):
		return "LicenseRef-" + s[len("LicenseRef-"):]
	}
	id, plus := strings.CutSuffix(s, "+")
	for _, known := range []func(string) (bool, string){
		spdxlicenses.IsActiveLicense, spdxlicenses.IsDeprecatedLicense, spdxlicenses.IsException,
	} {
		if ok, official := known(s); ok {
			return official
		}
		if ok, official := known(id); ok && plus {
			return official + "+"
		}
	}
	return s
}
