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

// Bounds on what a peer sends before a handler runs.
const (
	headerTime  = 15 * time.Second
	idleTime    = 2 * time.Minute
	headerBytes = 32 << 10
)

// Run is how Serve serves.
type Run struct {
	TLS   *tls.Config   // nil for plain HTTP
	Drain time.Duration // how long requests under way may take to finish at the end
	Delay time.Duration // how long /readyz says 503 before the listener closes, for a balancer to notice
}

// Serve answers on l until ctx ends, then drains: /readyz turns 503, l closes, and requests under way finish. It
// returns nil after a drain in time and an error that says so when requests had to be cut.
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

// httpServer sets the times that do not depend on a body's size; those that do move with its progress.
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

// drain ends hs. Connections that were taken over are none of hs's any more, so requests are counted here as well.
func (s *Server) drain(hs *http.Server, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	err := errors.Join(hs.Shutdown(ctx), s.idle(ctx))
	if err == nil {
		return nil
	}
	hs.Close()
	return errors.New("some requests were cut because they did not finish in the drain time")
}

// idle waits until no request is being answered or ctx ends.
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
