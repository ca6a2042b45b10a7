package pages

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"pyindex/internal/packaging"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/page"
)

// probeTime is how long a probe that was found proves that the credential of a private upstream is accepted.
const probeTime = time.Minute

// probe is when the probe of a private upstream was last found.
type probe struct {
	mu    sync.Mutex // held while the probe is asked for, so that callers wait for one question
	found time.Time
	ofURL int64
	name  string
}

// confirmAbsence returns nil if an upstream's answer that it does not have a project counts. A private upstream may
// hide a project from a credential that has ended; its probe, which it certainly has, must have been there within a
// minute.
func (p *Pages) confirmAbsence(ctx context.Context, u *upstream.Upstream, k Key) error {
	if u.Kind != upstream.Private {
		return nil
	}
	name, err := packaging.ParseProjectName(u.Probe)
	if err != nil {
		return unconfirmed(u, upstream.Wrong, errors.New("it has no probe, so that a missing project cannot be believed"))
	}
	if name == k.Name {
		return unconfirmed(u, upstream.Refused, fmt.Errorf("it answers that its probe %s does not exist", name))
	}
	s := &p.source(u.Name).probe
	s.mu.Lock()
	defer s.mu.Unlock()
	now := p.now()
	if d := now.Sub(s.found); d >= 0 && d < probeTime && s.ofURL == u.Revision && s.name == u.Probe {
		return nil
	}
	r, err := p.o.Fetcher.Page(ctx, *u, name, upstream.Validators{})
	p.source(u.Name).asked.Add(1)
	var f *upstream.Failure
	switch {
	case errors.As(err, &f) && f.Kind == upstream.Absent:
		return unconfirmed(u, upstream.Refused, fmt.Errorf("it answers that its probe %s does not exist", name))
	case err != nil:
		return err
	case r.NotModified:
		return wrong(u, errUnconditional)
	}
	// A page that asks people to sign in may have status 200 as well.
	if _, err := page.Parse(r.Body, r.ContentType, r.URL, name, page.DefaultBounds()); err != nil {
		err = fmt.Errorf("its probe %s: %w", name, err)
		return &upstream.Failure{Upstream: u.Name, Kind: upstream.Wrong, Err: err} // about the upstream, not a page
	}
	s.found, s.ofURL, s.name = now, u.Revision, u.Probe
	return nil
}

func unconfirmed(u *upstream.Upstream, kind upstream.FailureKind, err error) error {
	return &upstream.Failure{Upstream: u.Name, Kind: kind, Status: 404, Err: err}
}
