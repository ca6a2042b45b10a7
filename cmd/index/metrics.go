//go:build !windows

package main

import (
	"context"
	"fmt"
	"log/slog"

	"pyindex/internal/metrics"
	"pyindex/internal/server"
	"pyindex/internal/version"
)

func newMetrics(log *slog.Logger) *metrics.Metrics {
	v := version.Read()
	return metrics.New(metrics.Program{Version: v.Version, Revision: v.Revision, Go: v.Go}, log)
}

// watch adds the metrics of the index and of the server.
func (e *endpoints) watch(h *server.Server) {
	s := e.Sources()
	s.Requests = func() (int64, bool) { return h.Running(), h.Draining() }
	s.Certificate = e.expires
	e.metrics.Watch(s)
}

// report opens the listener of metrics.listen, if it is set, and returns the function that serves it until its context
// ends.
func (e *endpoints) report() (func(ctx context.Context), error) {
	at := e.Config.Metrics.Listen
	if at == "" {
		return func(context.Context) {}, nil
	}
	token, err := e.Config.Metrics.Token()
	if err != nil {
		return nil, err
	}
	l, err := listen(at)
	if err != nil {
		return nil, fmt.Errorf("metrics.%w", err)
	}
	e.log.Info("serving metrics", "url", "http://"+l.Addr().String()+"/metrics")
	return func(ctx context.Context) {
		if err := e.metrics.Serve(ctx, l, token); err != nil {
			e.log.Error("the metrics are no longer served", "error", err)
		}
	}, nil
}
