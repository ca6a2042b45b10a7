package projects

import (
	"context"
	"time"

	"golang.org/x/sync/singleflight"

	"pyindex/internal/memo"
	"pyindex/internal/packaging"
	"pyindex/internal/readme"
)

// descriptions caches rendered project descriptions by file ID. A file never changes, so entries need no invalidation.
// Concurrent requests share one rendering. At most descriptionsAtOnce run at the same time, so that a slow description
// does not delay the pages of other projects. Create one with newDescriptions.
type descriptions struct {
	flights singleflight.Group
	places  chan struct{}
	now     func() time.Time
	render  func(ctx context.Context, text, contentType string, o readme.Options) readme.Rendered

	ready *memo.Weighted[string, description] // weighted by bytes, under the zero stamp
}

// description is a rendered text. A text that took too long is rendered again after until.
type description struct {
	readme.Rendered
	until time.Time // zero: valid forever
}

const (
	maxDescriptions     = 16 << 20         // cache size in bytes
	descriptionsAtOnce  = 3                // concurrent renderings
	maxDescriptionTime  = 2 * time.Second  // waiting and rendering; after that the text is shown as plain text
	descriptionTryAgain = 30 * time.Second // after a rendering that took too long
)

func newDescriptions(now func() time.Time) *descriptions {
	return &descriptions{
		places: make(chan struct{}, descriptionsAtOnce), now: now, render: readme.Render,
		ready: memo.NewWeighted(maxDescriptions,
			func(id string, r description) int64 {
				n := len(id) + len(r.HTML)
				for _, address := range r.Pictures {
					n += len(address)
				}
				return int64(n)
			}),
	}
}

// of returns the rendered description in the metadata of a file. It returns the plain text if rendering takes longer
// than maxDescriptionTime or ctx. The picture function must always be the same for a file.
func (d *descriptions) of(
	ctx context.Context, fileID string, m packaging.Metadata, picture func(string) string,
) readme.Rendered {
	if r, ok := d.get(fileID); ok {
		return r
	}
	// Other requests may wait for the same text, so the rendering outlives this request.
	made := d.flights.DoChan(fileID, func() (any, error) {
		if r, ok := d.get(fileID); ok {
			return r, nil
		}
		return d.make(context.WithoutCancel(ctx), fileID, m, readme.Options{Source: source(m), Picture: picture}), nil
	})
	select {
	case r := <-made:
		return r.Val.(readme.Rendered)
	case <-ctx.Done():
		return readme.Plain(m.Description)
	}
}

// make renders a description as soon as a place is free.
func (d *descriptions) make(
	ctx context.Context, fileID string, m packaging.Metadata, o readme.Options,
) readme.Rendered {
	ctx, cancel := context.WithTimeout(ctx, maxDescriptionTime)
	defer cancel()
	select {
	case d.places <- struct{}{}:
		defer func() { <-d.places }()
	case <-ctx.Done(): // other renderings are slow; do not cache, so that the next request tries again
		return readme.Plain(m.Description)
	}
	r := description{Rendered: d.render(ctx, m.Description, m.DescriptionContentType, o)}
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
