package server_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/route"
	"pyindex/internal/server"
)

func TestForwardedHeaders(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	tests := []struct {
		name, remote string
		header       []string
		address      string
		host, scheme string
		keepsID      bool
	}{
		{"direct", "192.0.2.1:5", nil, "192.0.2.1", "h", "", false},
		{
			"headers from an untrusted peer", "192.0.2.1:5",
			[]string{
				"X-Forwarded-For", "1.1.1.1", "X-Forwarded-Host", "evil", "X-Forwarded-Proto", "https", "X-Request-Id", "mine",
			},
			"192.0.2.1", "h", "", false,
		},
		{
			"our proxy", "10.0.0.1:5",
			[]string{
				"X-Forwarded-For", "192.0.2.7", "X-Forwarded-Host", "pypi.example", "X-Forwarded-Proto", "https", "X-Request-Id",
				"mine",
			},
			"192.0.2.7", "pypi.example", "https", true,
		},
		{"our proxy over IPv6", "[fd00::1]:5", []string{"X-Forwarded-For", "2001:db8::7"}, "2001:db8::7", "h", "", false},
		{
			"two proxies of ours", "10.0.0.1:5",
			[]string{"X-Forwarded-For", "6.6.6.6, 192.0.2.7, 10.9.9.9"},
			"192.0.2.7", "h",
			"", false,
		},
		{
			"two lines", "10.0.0.1:5",
			[]string{"X-Forwarded-For", "6.6.6.6", "X-Forwarded-For", "192.0.2.7"},
			"192.0.2.7", "h",
			"", false,
		},
		{"with a port", "10.0.0.1:5", []string{"X-Forwarded-For", "192.0.2.7:99"}, "192.0.2.7", "h", "", false},
		{"rubbish", "10.0.0.1:5", []string{"X-Forwarded-For", "evil\t"}, "10.0.0.1", "h", "", false},
		{
			"rubbish before the client", "10.0.0.1:5",
			[]string{"X-Forwarded-For", "evil, 192.0.2.7"},
			"192.0.2.7", "h", "",
			false,
		},
		{"nothing said", "10.0.0.1:5", nil, "10.0.0.1", "h", "", false},
		{
			"a host that is none", "10.0.0.1:5",
			[]string{"X-Forwarded-Host", "a/b", "X-Forwarded-Proto", "javascript"},
			"10.0.0.1", "h", "", false,
		},
		{
			"the longest host and id", "10.0.0.1:5",
			[]string{"X-Forwarded-Host", strings.Repeat("h", 253) + ":65535", "X-Request-Id", strings.Repeat("i", 128)},
			"10.0.0.1", strings.Repeat("h", 253) + ":65535", "", true,
		},
		{
			"a host and an id that are too long", "10.0.0.1:5",
			[]string{"X-Forwarded-Host", strings.Repeat("h", 254), "X-Request-Id", strings.Repeat("i", 129)},
			"10.0.0.1", "h", "", false,
		},
		{
			"an address that is too long", "10.0.0.1:5",
			[]string{"X-Forwarded-Host", "[" + strings.Repeat("f", 46) + "]"},
			"10.0.0.1", "h", "", false,
		},
		{"an id that splits the log", "10.0.0.1:5", []string{"X-Request-Id", "a b\"c"}, "10.0.0.1", "h", "", false},
		{
			"mapped address of our proxy", "[::ffff:10.0.0.1]:5",
			[]string{"X-Forwarded-For", "192.0.2.7"},
			"192.0.2.7", "h",
			"", false,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var who access.Caller
			var host, scheme string
			row := get("/a", route.Open)
			row.Handle = func(_ http.ResponseWriter, r *http.Request, c access.Caller) error {
				who, host, scheme = c, r.Host, r.URL.Scheme
				return nil
			}
			s := newServer(t, server.Options{TrustedProxies: proxies}, row)
			r := httptest.NewRequest("GET", "/a", nil)
			r.RemoteAddr, r.Host = tt.remote, "h"
			for i := 0; i < len(tt.header); i += 2 {
				r.Header.Add(tt.header[i], tt.header[i+1])
			}
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if who.Address() != tt.address || host != tt.host || scheme != tt.scheme {
				t.Errorf("address, host, scheme = %q, %q, %q, want %q, %q, %q", who.Address(), host, scheme, tt.address, tt.host,
					tt.scheme)
			}
			if kept := w.Header().Get("X-Request-Id") == r.Header.Get("X-Request-Id"); kept != tt.keepsID {
				t.Errorf("request id %q, sent %q; kept %v, want %v", w.Header().Get("X-Request-Id"), r.Header.Get("X-Request-Id"),
					kept, tt.keepsID)
			}
		})
	}
}

func TestLogLine(t *testing.T) {
	var log strings.Builder
	s := newServer(t, server.Options{Log: slog.New(slog.NewTextHandler(&log, nil))},
		get("/simple/:project/", route.Reader))
	ask(s, "GET", "/simple/foo/?token=hush", "Authorization", "Bearer "+goodToken, "Cookie", "hush")
	ask(s, "GET", "/simple/"+access.TokenPrefix+"abcd/", "Authorization",
		basicAuth("__token__", access.TokenPrefix+"efgh"))
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 2 {
		t.Fatalf("two requests made %d lines:\n%s", len(lines), log.String())
	}
	for _, want := range []string{
		"method=GET", "route=/simple/:project/", "status=200", "bytes=12", "duration=", "remote=192.0.2.1", "request=",
		"path=/simple/foo/",
	} {
		if !strings.Contains(lines[0], want) {
			t.Errorf("line %q has no %q", lines[0], want)
		}
	}
	for _, secret := range []string{"hush", goodToken, "abcd", "efgh", "Bearer"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log holds %q:\n%s", secret, log.String())
		}
	}
}
