package publishers

import (
	"context"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/workload"
)

// Preview is what a publisher would be, before it is one.
type Preview struct {
	Words    workload.Words     // nil where there are problems
	Warnings []workload.Warning // likewise
	Problems map[string]string  // by field, as workload.Problems has them; "" for what is about no one field
}

// Preview compiles a request as Add would, and keeps nothing and asks nobody. Whoever may add the publisher may preview
// it; the faults are those of Add, but for what is wrong with the fields, which is in the result.
func (r *Registry) Preview(ctx context.Context, who access.Caller, f workload.Form, req AddRequest) (Preview, error) {
	if err := CheckKnown(who); err != nil {
		return Preview{}, err
	}
	if _, err := packaging.ParseProjectName(req.Project); err == nil || !req.Pending {
		if err := r.mayAdd(ctx, who, req); err != nil {
			return Preview{}, err
		}
	}
	out := Preview{Problems: workload.Problems(f, req.Fields)}
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
	out.Words, out.Warnings = provider.Describe(issuer, rule.Fields).Capital(),
		provider.Warnings(rule.Fields, rule.OwnerID)
	return out, nil
}
