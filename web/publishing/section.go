// Package publishing serves the pages on which people manage the trusted publishers of their projects.
//
// Package publishers checks permissions and rules. Forms offer only issuers from the server configuration.
package publishing

import (
	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/publishers/insight"
	"pyindex/web/ui"
)

// Options configure the pages. All fields are required.
type Options struct {
	Index     *catalog.Index
	Directory *access.Directory
	Registry  *publishers.Registry
	Exchange  *exchange.Minter
}

// Section serves the pages of this area. It is safe for concurrent use.
type Section struct {
	*ui.Kit
	o       Options
	insight *insight.View
}

// New returns a section.
func New(kit *ui.Kit, o Options) *Section { return &Section{kit, o, insight.New(o.Registry)} }
