package projects

import (
	"context"
	"time"

	"golang.org/x/sync/singleflight"

	"pyindex/internal/memo"
	"pyindex/internal/packaging"
	"pyindex/internal/readme"
)

// descriptions keeps what projects say of themselves ready-made, by the id of the file that says it, which never says
// anything else. Each is rendered once however many ask, and a few at the same time, so that one that takes long holds
// up no other project's page. Make one with newDescriptions.
type descriptions struct {
	flights singleflight.Group
	places  chan struct{}
	now     func() time.Time
	render  func(ctx context.Context, text, contentType string) readme.Rendered

	ready *memo.Weighted[string, description] // of bytes, under the zero stamp
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
	return &descriptions{
		places: make(chan struct{}, descriptionsAtOnce), now: now, render: readme.Render,
		ready: memo.NewWeighted(maxDescriptions,
			func(id string, r description) int64 { return int64(len(id) + len(r.HTML)) }),
	}
}

// of returns the description of a release, whose metadata is that of a file. It waits for at most maxDescriptionTime,
// and no longer than ctx: then the text is plain.
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
	d.ready.Put(memo.Stamp{}, fileID, r)
	return r.Rendered
}

func (d *descriptions) get(fileID string) (readme.Rendered, bool) {
	r, ok := d.ready.Get(memo.Stamp{}, fileID)
	if ok && !r.until.IsZero() && !d.now().Before(r.until) {
		return readme.Rendered{}, false
	}
	return r.Rendered, ok
}
