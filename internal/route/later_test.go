package route_test

import (
	"net/http"
	"testing"

	"pyindex/internal/route"
)

func TestRetryLater(t *testing.T) {
	for _, c := range []struct {
		status    int
		had, want string
	}{
		{200, "", ""},
		{304, "", ""},
		{401, "", ""},
		{403, "", ""},
		{500, "", ""},
		{429, "", "5"},
		{503, "", "5"},
		{429, "60", "60"},
		{503, "60", "60"},
		{404, "60", "60"},
	} {
		h := http.Header{}
		if c.had != "" {
			h.Set("Retry-After", c.had)
		}
		if route.RetryLater(h, c.status, "5"); h.Get("Retry-After") != c.want {
			t.Errorf("RetryLater(%d) beside %q = %q, want %q", c.status, c.had, h.Get("Retry-After"), c.want)
		}
	}
}
