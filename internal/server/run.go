package server

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"pyindex/internal/server/throttle"
)

// These bounds apply before a handler runs.
const (
	headerTime  = 15 * time.Second
	idleTime    = 2 * time.Minute
	headerBytes = 32 << 10
)

// Run holds the options of Serve.
type Run struct {
	TLS   *tls.Config   // nil for plain HTTP
	Drain time.Duration // how long requests in progress may take to finish after ctx ends
	Delay time.Duration // how long /readyz returns 503 before the listener closes, so that load balancers notice
}

// Serve serves l until ctx ends, then drains: /readyz returns 503, l is closed, and requests in progress finish. It
// returns nil if all of them finished in time, and otherwise an error.
func (s *Server) Serve(ctx context.Context, l net.Listener, o Run) error {
	hs, g := s.httpServer(o.TLS), throttle.NewGate(l, s.o.Connections, s.o.ConnectionsPerAddress, s.trusted, s.o.Log)
	hs.ConnState = g.State
	failed := make(chan error, 1)
	go func() { failed <- serve(hs, g) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	s.draining.Store(true)
	s.o.Log.Info("draining", "requests", s.running.Load(), "limit", o.Drain)
	select {
	case <-failed:
	case <-time.After(o.Delay):
	}
	return s.drain(hs, o.Drain)
}

func serve(hs *http.Server, l net.Listener) error {
	if hs.TLSConfig != nil {
		return hs.ServeTLS(l, "", "")
	}
	return hs.Serve(l)
}

// httpServer sets the timeouts that do not depend on a body's size. The others are extended as data moves.
func (s *Server) httpServer(c *tls.Config) *http.Server {
	return &http.Server{
		Handler:           s,
		TLSConfig:         c,
		ReadHeaderTimeout: headerTime,
		IdleTimeout:       idleTime,
		WriteTimeout:      s.o.Stall,
		MaxHeaderBytes:    headerBytes,
		ErrorLog:          slog.NewLogLogger(s.o.Log.Handler(), slog.LevelWarn),
	}
}

// drain shuts hs down. hs does not know about hijacked connections, so drain also waits for s.running.
func (s *Server) drain(hs *http.Server, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	err := errors.Join(hs.Shutdown(ctx), s.idle(ctx))
	if err == nil {
		return nil
	}
	running := s.running.Load()
	hs.Close()
	if running == 0 {
		return nil // only connections that were opened without a request; hs waits 5 s for one
	}
	return errors.New("some requests were aborted because they did not finish within the drain time")
}

func (s *Server) idle(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for s.running.Load() != 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}
