package synthetic

import (
	"math/rand/v2"
	"strings"
)

// vocabulary holds the words of all texts, made of syllables, the most common first.
var vocabulary = func() []string {
	const heads, vowels, tails = "bdfgklmnprstvz", "aeiou", "lnrstk"
	out, known := make([]string, 0, 20_000), map[string]bool{}
	r := rand.New(rand.NewPCG(7, 7))
	for len(out) < cap(out) {
		var w strings.Builder
		for range 1 + min(len(out)/400+1, 2) + r.IntN(2) {
			w.WriteByte(heads[r.IntN(len(heads))])
			w.WriteByte(vowels[r.IntN(len(vowels))])
		}
		w.WriteByte(tails[r.IntN(len(tails))])
		if s := w.String(); !known[s] {
			known[s] = true
			out = append(out, s)
		}
	}
	return out
}()

// nouns is the number of words used in names. Three words of this many give eight million names.
const nouns = 200

// rareEvery is the distance between two projects with the rare word.
const rareEvery = 10_007

const rareWord = "quokkafinder"

// Queries returns searches for a generated catalog: a word in nearly every project, a word in one of ten thousand, and
// two words that occur together in one of a thousand.
func Queries() (common, rare, two string) {
	return vocabulary[3], rareWord, vocabulary[500] + " " + vocabulary[700]
}

// Name returns the normalized name of a generated project.
func Name(number int) string {
	const all = nouns * nouns * nouns
	n := number * 2_654_437 % all // no common factor with all, so no name repeats
	return vocabulary[n%nouns] + "-" + vocabulary[n/nouns%nouns] + "-" + vocabulary[n/nouns/nouns]
}

func phrase(z *rand.Zipf, n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = vocabulary[z.Uint64()]
	}
	return strings.Join(all, " ")
}

// prose returns about size bytes of text in lines and paragraphs, with word frequencies like those of a language.
func prose(r *rand.Rand, z *rand.Zipf, size int) string {
	var b strings.Builder
	b.Grow(size + 40)
	for line := 0; b.Len() < size; {
		w := vocabulary[z.Uint64()]
		b.WriteString(w)
		line += len(w) + 1
		switch {
		case r.IntN(90) == 0:
			b.WriteString(".\n\n## ")
			line = 0
		case line > 72:
			b.WriteByte('\n')
			line = 0
		default:
			b.WriteByte(' ')
		}
	}
	return b.String()
}
