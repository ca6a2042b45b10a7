package upstream

import (
	"context"
	"slices"
	"time"
)

// Change is a change of a row that Declare made, for the audit log and the server's log.
type Change struct {
	Action string // "upstream.add", "upstream.change", or "upstream.undeclare"
	Name   string
	Detail map[string]any
	// Moved is set if the URL has another origin now, which receives the credential that the configuration states.
	Moved bool
}

// Declare writes the upstreams of the server's configuration into the rows and returns the changes. An upstream that
// was declared before and no longer is remains, and can be changed like any other. It does not check the bases of
// repositories.
func Declare(ctx context.Context, tx Rows, at time.Time, declared []Upstream) ([]Change, error) {
	all, err := tx.Upstreams(ctx)
	if err != nil {
		return nil, err
	}
	var out []Change
	for _, to := range declared {
		to.Declared = true
		i := slices.IndexFunc(all, func(u Upstream) bool { return u.Name == to.Name })
		if i < 0 {
			to = to.created(at)
			out = append(out, Change{Action: "upstream.add", Name: to.Name, Detail: to.added()})
			if err := tx.InsertUpstream(ctx, to); err != nil {
				return nil, err
			}
			continue
		}
		from := all[i]
		changed := differences(from, to)
		if len(changed) == 0 {
			continue
		}
		to.CreatedAt = from.CreatedAt
		to, moved := from.moved(to, at)
		out = append(out, Change{
			Action: "upstream.change", Name: to.Name, Detail: map[string]any{"changed": changed}, Moved: moved,
		})
		if err := tx.UpdateUpstream(ctx, to); err != nil {
			return nil, err
		}
	}
	for _, u := range all {
		if !u.Declared || slices.ContainsFunc(declared, func(d Upstream) bool { return d.Name == u.Name }) {
			continue
		}
		u.Declared = false
		out = append(out, Change{Action: "upstream.undeclare", Name: u.Name})
		if err := tx.UpdateUpstream(ctx, u); err != nil {
			return nil, err
		}
	}
	return out, nil
}
