package browse

import "testing"

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"requests", "requests", 0},
		{"reqests", "requests", 1},
		{"erquests", "requests", 1},
		{"equests", "requests", 1},
		{"requestss", "requests", 1},
		{"nupmy", "numpy", 1},
		{"nupym", "numpy", 2},
		{"", "ab", 2},
		{"ab", "", 2},
		{"abcdef", "ghijkl", 6},
		{"a", "abcdefgh", 7},
	} {
		if got := distance(c.a, c.b, 6); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
		if got := distance(c.a, c.b, 0); (got == 0) != (c.want == 0) {
			t.Errorf("distance(%q, %q) of at most 0 = %d", c.a, c.b, got)
		}
	}
}
