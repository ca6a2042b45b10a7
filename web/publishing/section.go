// Package publishing is the pages on which people say which workloads may publish a project.
//
// Package publishers decides and checks. A form never names an issuer that the server was not configured with.
package publishing

import (
	"pyindex/internal/access"
	"pyindex/internal/assembly"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/publishers/insight"
	"pyindex/web/ui"
)

// Options are what the pages are made from. All are needed.
type Options struct {
	Index     *assembly.Index
	Directory *access.Directory
	Registry  *publishers.Registry
	Exchange  *exchange.Minter
}

// Section is the pages of this area. It is safe for concurrent use.
type Section struct {
	*ui.Kit
	o       Options
	insight *insight.View
}

// New returns the pages.
func New(kit *ui.Kit, o Options) *Section { return &Section{kit, o, insight.New(o.Registry)} }
