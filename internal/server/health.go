package server

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/route"
)

// Check is a dependency that must work before requests can be served.
type Check struct {
	Name string
	Run  func(ctx context.Context) error
	// Shared marks a dependency that all replicas have in common. If it fails, /readyz reports a degraded state with
	// status 200: otherwise the load balancer would take all replicas out.
	Shared bool
}

// checkTime bounds all checks of one request together.
const checkTime = 3 * time.Second

// Health serves the liveness and readiness endpoints; see Table.
type Health struct {
	checks   []Check
	draining func() bool
	away     func() (time.Duration, bool)
	uploads  func() error
	restored func(ctx context.Context) (since time.Time, is bool, err error)
}

// NewHealth returns a Health that runs the checks.
func NewHealth(checks ...Check) *Health { return &Health{checks: checks} }

// Watch makes /readyz return 503 while s drains, and report a degraded state while s serves reads without the database.
func (h *Health) Watch(s *Server) { h.draining, h.away = s.draining.Load, s.o.Away }

// Uploads makes /readyz report a degraded state with status 200 while f returns an error.
func (h *Health) Uploads(f func() error) { h.uploads = f }

// Recovered makes /readyz report, with status 200, that the index was restored from a backup and takes no uploads yet.
// f returns since when, and whether that is so.
func (h *Health) Recovered(f func(ctx context.Context) (time.Time, bool, error)) { h.restored = f }

// Table serves /healthz and /readyz. /healthz returns 200 while the process lives. /readyz returns 503 while the server
// drains or if a check fails that is not shared, and names the first such check. Otherwise it returns 200, with a text
// that reports a degraded state if requests are served in spite of a fault.
func (h *Health) Table() route.Table {
	return route.Table{Name: "health", Fail: failHealth, Routes: []route.Route{
		{Method: http.MethodGet, Path: "/healthz", Auth: route.Open, Decides: route.NoFiles, HostRoot: true, Handle: h.live},
		{Method: http.MethodGet, Path: "/readyz", Auth: route.Open, Decides: route.NoFiles, HostRoot: true, Handle: h.ready},
	}}
}

func (h *Health) live(w http.ResponseWriter, _ *http.Request, _ access.Caller) error {
	return plain(w, http.StatusOK, "ok")
}

func (h *Health) ready(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
	if h.draining != nil && h.draining() {
		return fault.New(fault.Unavailable, "draining")
	}
	ctx, cancel := context.WithTimeout(r.Context(), checkTime)
	defer cancel()
	for _, c := range h.checks {
		switch err := c.Run(ctx); {
		case err != nil && c.Shared:
			return plain(w, http.StatusOK, "degraded: "+c.Name+" does not answer; requests that need it wait")
		case err != nil:
			return fault.Wrap(fault.Unavailable, err, "%s does not answer", c.Name)
		}
	}
	if h.away != nil {
		if age, away := h.away(); away { // 200: taking every replica out would end the reads that still work
			return plain(w, http.StatusOK,
				fmt.Sprintf("degraded: the database has not answered for %d s; reads are served from memory, writes wait",
					int(age.Seconds())))
		}
	}
	if h.restored != nil {
		since, is, err := h.restored(ctx)
		if err == nil && is { // 200: reads of known names work
			return plain(w, http.StatusOK, fmt.Sprintf(
				"recovered: restored from a backup on %s; uploads and unknown names wait for index restore finish",
				since.UTC().Format(time.RFC3339)))
		}
	}
	if h.uploads != nil {
		if err := h.uploads(); err != nil {
			return plain(w, http.StatusOK, "degraded: uploads fail: "+cmp.Or(fault.Message(err), "the log has the details"))
		}
	}
	return plain(w, http.StatusOK, "ok")
}

func failHealth(w http.ResponseWriter, r *http.Request, err error) {
	if fault.Is(err, fault.Unavailable) {
		plain(w, http.StatusServiceUnavailable, fault.Message(err))
		return
	}
	plain(w, http.StatusInternalServerError,
		"internal error: see the server log for request "+w.Header().Get("X-Request-Id"))
}
