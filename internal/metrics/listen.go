package metrics

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/route"
)

// Bounds on the listener of its own.
const (
	headerTime  = 5 * time.Second
	writeTime   = 30 * time.Second
	idleTime    = 2 * time.Minute
	headerBytes = 16 << 10
)

// Serve answers /metrics on l, and nothing else, until ctx ends. If token is not "", it refuses requests without it.
func (m *Metrics) Serve(ctx context.Context, l net.Listener, token access.Secret) error {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", guarded(token, m.Handler()))
	s := &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: headerTime,
		ReadTimeout:       headerTime,
		WriteTimeout:      writeTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    headerBytes,
		ErrorLog:          slog.NewLogLogger(m.log.Handler(), slog.LevelWarn),
	}
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer stop()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// guarded serves h to requests with the token.
func guarded(token access.Secret, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		if token != "" {
			if got, ok := route.Bearer(r.Header["Authorization"]); !ok || !got.Is(token) {
				w.Header().Set("WWW-Authenticate", `Bearer realm="metrics"`)
				http.Error(w, "send the token of metrics.token_file as Authorization: Bearer", http.StatusUnauthorized)
				return
			}
		}
		h.ServeHTTP(w, r)
	})
}
