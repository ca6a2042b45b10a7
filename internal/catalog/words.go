package catalog

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// WordsVersion changes whenever Words cuts a text differently. Projects that were indexed by another version are
// indexed again; see Tx.WithoutCards.
const WordsVersion = "1"

// maxWord is the number of bytes of a word that are compared.
const maxWord = 100

// urlStart matches the scheme and host of a URL. They would be words of nearly every description.
var urlStart = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#<>"'()\[\]{}|\\]*`)

// Words returns the words of a text as searches compare them, both in projects and in queries: runs of letters, digits
// and marks, without case, diacritics and the schemes and hosts of URLs. A word ends after its first 100 bytes.
func Words(text string) []string {
	text = fold(urlStart.ReplaceAllString(text, " "))
	out := strings.FieldsFunc(text, func(c rune) bool {
		return !unicode.IsLetter(c) && !unicode.IsDigit(c) && !unicode.IsMark(c)
	})
	for i, w := range out {
		out[i] = CutText(w, maxWord)
	}
	return out
}

// fold removes differences of case, diacritics and compatibility: "Zoë" becomes "zoe", and "ﬁ" becomes "fi". Marks that
// are no diacritics, such as the vowels of Hindi, remain.
func fold(text string) string {
	if isASCII(text) {
		return strings.ToLower(text)
	}
	text = strings.Map(func(c rune) rune {
		if 0x300 <= c && c <= 0x36F {
			return -1
		}
		return c
	}, norm.NFKD.String(text))
	return norm.NFC.String(cases.Fold().String(text))
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
