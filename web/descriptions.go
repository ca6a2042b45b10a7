package web

import (
	"sync"

	"pyindex/internal/dist"
	"pyindex/internal/readme"
)

// descriptions keeps what projects say of themselves ready-made, by the id of the file that says it, which never says
// anything else. Each is rendered once, one at a time, however many ask.
type descriptions struct {
	mu     sync.Mutex
	ready  map[string]readme.Rendered
	bytes  int
	making sync.Mutex
}

// maxDescriptions bounds what is kept, in bytes.
const maxDescriptions = 16 << 20

func (d *descriptions) of(fileID string, m dist.Metadata) readme.Rendered {
	if r, ok := d.get(fileID); ok {
		return r
	}
	d.making.Lock()
	defer d.making.Unlock()
	if r, ok := d.get(fileID); ok {
		return r
	}
	r := readme.Render(m.Description, m.DescriptionContentType)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.bytes += len(r.HTML); d.ready == nil || d.bytes > maxDescriptions {
		d.ready, d.bytes = map[string]readme.Rendered{}, len(r.HTML)
	}
	d.ready[fileID] = r
	return r
}

func (d *descriptions) get(fileID string) (readme.Rendered, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, ok := d.ready[fileID]
	return r, ok
}
