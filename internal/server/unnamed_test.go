package server_test

import (
	"bytes"
	"log/slog"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"pyindex/internal/route"
	"pyindex/internal/server"
)

// The log warns once if there seems to be a proxy that is missing from trusted_proxies, and never otherwise.
func TestUnnamedProxyIsLogged(t *testing.T) {
	type request struct{ remote, forwarded, path string }
	times := func(n int, r request) (all []request) {
		for range n {
			all = append(all, r)
		}
		return all
	}
	proxied := request{"10.0.0.5:1", "203.0.113.1", "/a"}
	for name, c := range map[string]struct {
		proxies  string
		requests []request
		lines    int
	}{
		"a proxy":                 {"", times(100, proxied), 1},
		"a proxy on this machine": {"", times(100, request{"127.0.0.1:1", "203.0.113.1", "/a"}), 1},
		"one by IPv6":             {"", times(100, request{"[fd00::5]:1", "203.0.113.1", "/a"}), 1},
		"another one is named":    {"10.0.1.0/24", times(100, proxied), 1},
		"beside checks of health": {
			"", append(times(15, proxied), append(times(5, request{"10.0.0.9:1", "", "/healthz"}), times(15, proxied)...)...), 1,
		},
		"it is named":        {"10.0.0.0/24", times(100, proxied), 0},
		"few requests":       {"", times(19, proxied), 0},
		"clients themselves": {"", times(100, request{"10.0.0.5:1", "", "/a"}), 0},
		"a public address":   {"", times(100, request{"198.51.100.7:1", "203.0.113.1", "/a"}), 0},
		"clients with forged headers": {
			"", append(times(19, proxied), append(times(1, request{"10.0.0.6:1", "", "/a"}), times(19, proxied)...)...), 0,
		},
		"two addresses in turn":        {"", inTurn(19, proxied, request{"10.0.0.6:1", "203.0.113.1", "/a"}), 0},
		"health alone":                 {"", times(100, request{"10.0.0.5:1", "203.0.113.1", "/readyz"}), 0},
		"something that is no address": {"", times(100, request{"@", "203.0.113.1", "/a"}), 0},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			o := server.Options{Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))}
			if c.proxies != "" {
				o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix(c.proxies)}
			}
			s := newServer(t, o, get("/a", route.Open), get("/healthz", route.Open), get("/readyz", route.Open))
			for _, q := range c.requests {
				r := httptest.NewRequest("GET", q.path, nil)
				r.RemoteAddr = q.remote
				if q.forwarded != "" {
					r.Header.Set("X-Forwarded-For", q.forwarded)
				}
				s.ServeHTTP(httptest.NewRecorder(), r)
			}
			if n := strings.Count(log.String(), "trusted_proxies"); n != c.lines {
				t.Errorf("the log has %d warnings, want %d:\n%s", n, c.lines, log.String())
			}
		})
	}
}

// inTurn returns n alternations of a and b.
func inTurn[T any](n int, a, b T) (all []T) {
	for range n {
		all = append(all, a, b)
	}
	return all
}
