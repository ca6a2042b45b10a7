// Package insight shows project owners who may publish their project, and the recorded exchanges of identity tokens.
//
// The registrant of a pending publisher sees the exchanges that came near it, and an administrator sees everything.
// Everyone else sees only claims that a rule of the project compares, and only of workloads that have published to the
// project. The package only reads.
package insight

import "pyindex/internal/publishers"

// View reads the publishers of a registry and their exchanges. It is safe for concurrent use.
type View struct{ registry *publishers.Registry }

// New returns a view of a registry.
func New(r *publishers.Registry) *View { return &View{r} }
