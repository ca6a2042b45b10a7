package audit_test

import (
	"strings"
	"testing"
	"time"

	"pyindex/internal/audit"
	"pyindex/internal/fault"
)

func TestCursor(t *testing.T) {
	at := time.Date(2026, 11, 26, 12, 0, 0, 123456000, time.UTC)
	for _, c := range []audit.Cursor{{}, {At: at, ID: "0190-a"}, {At: at, ID: "with.dots"}} {
		got, err := audit.ParseCursor(c.String())
		if err != nil || got != c {
			t.Errorf("ParseCursor(%q) = %v, %v, want %v", c, got, err, c)
		}
	}
	for _, s := range []string{
		"x", ".", "1", "1.", ".a", "-1.a", "0.a", "1e3.a", "99999999999999999999.a", " 1.a", "1." + strings.Repeat("a", 300),
	} {
		if c, err := audit.ParseCursor(s); !fault.Is(err, fault.Invalid) {
			t.Errorf("ParseCursor(%q) = %v, %v, want invalid", s, c, err)
		}
	}
}

func FuzzParseCursor(f *testing.F) {
	f.Add("1764158400000000.0190")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := audit.ParseCursor(s)
		if err != nil {
			return
		}
		if again, err := audit.ParseCursor(c.String()); err != nil || again != c {
			t.Errorf("ParseCursor(%q) = %v, which reads back as %v, %v", s, c, again, err)
		}
	})
}
