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

// Check is one thing that must work before requests can be answered; without a Shared one some still can.
type Check struct {
	Name string
	Run  func(ctx context.Context) error
	// Shared is a thing that all replicas have in common: a balancer that left them out for it would leave out all.
	Shared bool
}

// checkTime bounds all checks of one request.
const checkTime = 3 * time.Second

// Health is whether this process lives and whether it is ready; see its Table.
type Health struct {
	checks   []Check
	draining func() bool
	away     func() (time.Duration, bool)
	uploads  func() error
}

// NewHealth returns the health of the checks.
func NewHealth(checks ...Check) *Health { return &Health{checks: checks} }

// Watch makes /readyz answer 503 while s drains, and say so while the database is away and s goes on without it.
func (h *Health) Watch(s *Server) { h.draining, h.away = s.draining.Load, s.o.Away }

// Uploads makes /readyz say that uploads fail while f returns why: requests are answered all the same.
func (h *Health) Uploads(f func() error) { h.uploads = f }

// Table answers /healthz, 200 while the process lives, and /readyz, 200 while every check passes and 503 with the name
// of the first that does not, or while the server drains. Where requests are answered all the same it is 200 and says
// what is missing.
func (h *Health) Table() route.Table {
	return route.Table{Name: "health", Fail: failHealth, Routes: []route.Route{
		{Method: http.MethodGet, Path: "/healthz", Auth: route.Open, HostRoot: true, Handle: h.live},
		{Method: http.MethodGet, Path: "/readyz", Auth: route.Open, HostRoot: true, Handle: h.ready},
	}}
}

func (h *Health) live(w http.ResponseWriter, _ *http.Request, _ access.Caller) error {
	return sayOK(w)
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
			return say(w, "degraded: "+c.Name+" does not answer; what needs it waits")
		case err != nil:
			return fault.Wrap(fault.Unavailable, err, "%s does not answer", c.Name)
		}
	}
	if h.away != nil {
		if age, away := h.away(); away { // a balancer that took every replica out would end the reads that still work
			return say(w, fmt.Sprintf("degraded: the database has not answered for %d s; reads go on from memory, writes wait",
				int(age.Seconds())))
		}
	}
	if h.uploads != nil {
		if err := h.uploads(); err != nil {
			return say(w, "degraded: uploads fail: "+cmp.Or(fault.Message(err), "the log has the details"))
		}
	}
	return sayOK(w)
}

func sayOK(w http.ResponseWriter) error { return say(w, "ok") }

func say(w http.ResponseWriter, text string) error {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	_, err := w.Write([]byte(text + "\n"))
	return err
}

// failHealth says the fault and no more; the log has its cause.
func failHealth(w http.ResponseWriter, r *http.Request, err error) {
	status, text := http.StatusInternalServerError,
		"something broke here: the log has the details under request "+w.Header().Get("X-Request-Id")
	if fault.Is(err, fault.Unavailable) {
		status, text = http.StatusServiceUnavailable, fault.Message(err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write([]byte(text + "\n"))
}
