// Package insight shows the owners of a project what decides who may publish it, with the exchanges of identity tokens
// that were recorded.
//
// The registrant of a pending publisher sees what came near it, and an administrator everything. Claims that no rule of
// the project compares are left out for everybody else, and so are those of a job that never published to the project.
// Nothing here changes a row.
package insight

import "pyindex/internal/publishers"

// View reads the publishers of a registry and the exchanges for them. It is safe for concurrent use.
type View struct{ registry *publishers.Registry }

// New returns the view of a registry.
func New(r *publishers.Registry) *View { return &View{r} }
