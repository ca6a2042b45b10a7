package fetch_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"pyindex/internal/fetch"
)

// TestBounds: a response ends at the limit, and redirects stay on the host and are limited in number.
func TestBounds(t *testing.T) {
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch n, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/hops/")); {
		case r.URL.Path == "/away":
			http.Redirect(w, r, other.URL, http.StatusFound)
		case err == nil && n > 0:
			http.Redirect(w, r, "/hops/"+strconv.Itoa(n-1), http.StatusFound)
		default:
			io.WriteString(w, strings.Repeat("x", 100))
		}
	}))
	defer server.Close()
	for _, c := range []struct {
		path string
		most int64
		want string
	}{
		{"/hops/0", 100, ""},
		{"/hops/3", 100, ""},
		{"/hops/4", 100, "redirected more than 3 times"},
		{"/away", 100, "to another host"},
		{"/hops/0", 99, "too large"},
	} {
		client := &http.Client{Transport: fetch.Bounded(http.DefaultTransport, c.most), CheckRedirect: fetch.SameHost(3)}
		var body []byte
		resp, err := client.Get(server.URL + c.path)
		if err == nil {
			body, err = io.ReadAll(resp.Body)
			resp.Body.Close()
		}
		if c.want == "" && (err != nil || len(body) != 100) ||
			c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("GET %s with %d bytes = %d bytes, %v, want %q", c.path, c.most, len(body), err, c.want)
		}
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge != (c.want == "too large") {
			t.Errorf("GET %s with %d bytes: %v is a *http.MaxBytesError: %v", c.path, c.most, err, tooLarge)
		}
	}
}
