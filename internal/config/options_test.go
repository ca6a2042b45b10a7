package config

import (
	"testing"
	"time"
)

func TestBelievedFor(t *testing.T) {
	for _, test := range []struct {
		url    string
		bridge time.Duration
		want   time.Duration
	}{
		{"", time.Minute, 0},
		{"sqlite:/x/index.db", time.Minute, 0},
		{"postgres://index@db/index", time.Minute, time.Minute},
		{"postgres://index@db/index", 0, 0},
	} {
		c := &Config{DataDir: t.TempDir()}
		c.Database.URL, c.Database.Bridge = test.url, Span(test.bridge)
		if got := c.BelievedFor(); got != test.want {
			t.Errorf("believedFor() with %q and %v = %v, want %v", test.url, test.bridge, got, test.want)
		}
	}
}
