package config

import (
	"cmp"
	"slices"
	"strings"
)

// Nearest returns the known name that a misspelled word most likely means, or "" if none is similar.
func Nearest(word string, known []string) string { return nearest(word, known) }

// nearest returns the known name that a misspelled one most likely means, or "" if none is similar. A known name also
// matches if only its section is missing or wrong, or if it only continues the other one, as mail.password_file.
func nearest(name string, known []string) string {
	plain := strings.NewReplacer("-", "_", ".", "_")
	last := func(s string) string { return s[strings.LastIndexByte(s, '.')+1:] }
	name = strings.ToLower(name)
	distance := func(k string) int {
		a, b := plain.Replace(name), plain.Replace(k)
		if strings.HasPrefix(b, a+"_") {
			return 1
		}
		return min(edits(a, b), edits(plain.Replace(last(name)), plain.Replace(last(k)))+1)
	}
	if len(known) == 0 {
		return ""
	}
	best := slices.MinFunc(known, func(a, b string) int {
		return cmp.Or(cmp.Compare(distance(a), distance(b)), cmp.Compare(a, b))
	})
	if distance(best) > max(1, len(last(name))/3) {
		return ""
	}
	return best
}

// edits returns the Levenshtein distance of two ASCII names: the number of letters to insert, delete or replace.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			same := diagonal
			if a[i] != b[j] {
				same++
			}
			diagonal, row[j+1] = row[j+1], min(same, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
