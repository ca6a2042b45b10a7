package publishers

import (
	"context"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// Preview is what a publisher would be, before it is one.
type Preview struct {
	Words    Words             // nil where there are problems
	Warnings []Warning         // likewise
	Problems map[string]string // by field, as Registry.Problems has them; "" for what is about no one field
}

// Preview compiles a request as Add would, and keeps nothing and asks nobody. Whoever may add the publisher may preview
// it; the faults are those of Add, but for what is wrong with the fields, which is in the result.
func (r *Registry) Preview(ctx context.Context, who access.Caller, f Form, req AddRequest) (Preview, error) {
	if err := known(who); err != nil {
		return Preview{}, err
	}
	if _, err := packaging.ParseProjectName(req.Project); err == nil || !req.Pending {
		if err := r.mayAdd(ctx, who, req); err != nil {
			return Preview{}, err
		}
	}
	out := Preview{Problems: r.Problems(f, req.Fields)}
	provider := r.providers[f.Provider]
	if provider == nil || len(out.Problems) > 0 {
		return out, nil
	}
	issuer, err := r.issuerFor(provider, req.Issuer)
	if err != nil {
		out.Problems[fault.FieldOf(err)] = fault.Message(err)
		return out, nil
	}
	rule, err := provider.Compile(req.Fields)
	if err != nil {
		return out, err
	}
	out.Words, out.Warnings = Say(f.Provider, issuer, rule.Fields), Warnings(f.Provider, rule.Fields, rule.OwnerID)
	return out, nil
}
