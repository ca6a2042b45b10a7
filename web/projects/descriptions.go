package projects

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"pyindex/internal/packaging"
	"pyindex/internal/readme"
)

// descriptions keeps what projects say of themselves ready-made, by the id of the file that says it, which never says
// anything else. Each is rendered once however many ask, and a few at the same time, so that one that takes long holds up
// no other project's page. Make one with newDescriptions.
type descriptions struct {
	flights singleflight.Group
	places  chan struct{}
	now     func() time.Time
	render  func(ctx context.Context, text, contentType string) readme.Rendered

	mu    sync.Mutex
	ready map[string]description
	bytes int
}

// description is a text made ready. One that was not ready in time is tried again later.
type description struct {
	readme.Rendered
	until time.Time // zero: for ever
}

const (
	maxDescriptions     = 16 << 20         // bytes that are kept
	descriptionsAtOnce  = 3                // that are rendered
	maxDescriptionTime  = 2 * time.Second  // of waiting and rendering, after which the text is shown as it was written
	descriptionTryAgain = 30 * time.Second // after one that took longer
)

func newDescriptions(now func() time.Time) *descriptions {
	return &descriptions{places: make(chan struct{}, descriptionsAtOnce), now: now, render: readme.Render, ready: map[string]description{}}
}

// of returns the description of a release, whose metadata is that of a file. It waits for at most maxDescriptionTime, and
// no longer than ctx: then the text is plain.
func (d *descriptions) of(ctx context.Context, fileID string, m packaging.Metadata) readme.Rendered {
	if r, ok := d.get(fileID); ok {
		return r
	}
	// Others may wait for the same text, so it outlives the request that asked first.
	made := d.flights.DoChan(fileID, func() (any, error) {
		if r, ok := d.get(fileID); ok {
			return r, nil
		}
		return d.make(context.WithoutCancel(ctx), fileID, m), nil
	})
	select {
	case r := <-made:
		return r.Val.(readme.Rendered)
	case <-ctx.Done():
		return readme.Plain(m.Description)
	}
}

// make renders a description as soon as there is a place for it.
func (d *descriptions) make(ctx context.Context, fileID string, m packaging.Metadata) readme.Rendered {
	ctx, cancel := context.WithTimeout(ctx, maxDescriptionTime)
	defer cancel()
	select {
	case d.places <- struct{}{}:
		defer func() { <-d.places }()
	case <-ctx.Done(): // it is the others that take long, so the next request tries again at once
		return readme.Plain(m.Description)
	}
	r := description{Rendered: d.render(ctx, m.Description, m.DescriptionContentType)}
	if r.Late {
		r.until = d.now().Add(descriptionTryAgain)
	}
	d.put(fileID, r)
	return r.Rendered
}

func (d *descriptions) put(fileID string, r description) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.bytes += len(r.HTML); d.bytes > maxDescriptions {
		clear(d.ready)
		d.bytes = len(r.HTML)
	}
	d.ready[fileID] = r
}

func (d *descriptions) get(fileID string) (readme.Rendered, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, ok := d.ready[fileID]
	if ok && !r.until.IsZero() && !d.now().Before(r.until) {
		d.bytes -= len(r.HTML)
		delete(d.ready, fileID)
		return readme.Rendered{}, false
	}
	return r.Rendered, ok
}
