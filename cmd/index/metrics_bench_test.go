//go:build !windows

package main

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/clienttest"
)

// BenchmarkSimplePage requests a page over a connection, with the metrics and without.
func BenchmarkSimplePage(b *testing.B) {
	for _, on := range []bool{false, true} {
		b.Run(map[bool]string{false: "unmeasured", true: "measured"}[on], func(b *testing.B) {
			s := httptest.NewServer(measuredHandler(b, on))
			defer s.Close()
			b.ResetTimer()
			for range b.N {
				simplePage(b, s.URL)
			}
		})
	}
}

// measuredHandler is the server of a fixture, with the metrics or without.
func measuredHandler(b testing.TB, on bool) http.Handler {
	x := newFixture(b, "http://h.example", true)
	if on {
		return x.server
	}
	x.app.Config.Metrics.TokenFile = ""
	keyring := access.NewKeyring(x.app.DB.Access(), access.KeyringOptions{AnonymousRead: true})
	h, err := (&endpoints{App: x.app, base: x.base, log: slog.New(slog.DiscardHandler)}).handler(keyring)
	if err != nil {
		b.Fatal(err)
	}
	return h
}

func simplePage(b testing.TB, base string) {
	r, err := http.Get(base + "/simple/" + demo + "/")
	if err != nil {
		b.Fatal(err)
	}
	defer r.Body.Close()
	if _, err := io.Copy(io.Discard, r.Body); err != nil || r.StatusCode != http.StatusOK {
		b.Fatalf("GET = %d, %v", r.StatusCode, err)
	}
}

// TestMetricsCostLittle: counting a request allocates nothing. In depth, pages from memory are served at 98 % of the
// rate without metrics or more.
func TestMetricsCostLittle(t *testing.T) {
	m := newMetrics(slog.New(slog.DiscardHandler))
	count := m.Route("/simple/:project/", http.MethodGet)
	count(http.StatusOK, 1000, 1000)
	if n := testing.AllocsPerRun(1000, func() { count(http.StatusOK, 1000, 1000) }); n > 0 {
		t.Errorf("counting a request allocates %v times", n)
	}
	if !clienttest.All() {
		return
	}
	rate := func(on bool) float64 {
		s := httptest.NewServer(measuredHandler(t, on))
		defer s.Close()
		r := testing.Benchmark(func(b *testing.B) {
			for range b.N {
				simplePage(b, s.URL)
			}
		})
		return float64(r.N) / r.T.Seconds()
	}
	best := 0.0
	for range 5 {
		best = max(best, rate(true)/rate(false))
	}
	if t.Logf("with metrics, the best rate is %.3f of that without", best); best < 0.98 {
		t.Errorf("with metrics, pages are served at %.3f of the rate without, want 0.98", best)
	}
}
