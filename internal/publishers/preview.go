package publishers

import (
	"context"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/workload"
)

// Preview describes a publisher before it is added.
type Preview struct {
	Words    workload.Words     // nil if there are problems
	Warnings []workload.Warning // nil if there are problems
	Problems map[string]string  // by field, from workload.Problems; "" for problems of no single field
}

// Preview compiles a request as Add would, without storing it or calling the issuer's API. It returns the same faults
// as Add, except that problems with the fields are in the result.
func (r *Registry) Preview(ctx context.Context, who access.Caller, f workload.Form, req AddRequest) (Preview, error) {
	if err := CheckKnown(who); err != nil {
		return Preview{}, err
	}
	f.Provider, req.Fields = workload.OfPreset(f.Provider, req.Fields)
	out := Preview{Problems: workload.Problems(f, req.Fields)}
	if _, err := packaging.ParseProjectName(req.Project); err == nil || !req.Pending {
		if _, err := r.mayAdd(ctx, who, req); req.Wide && fault.FieldOf(err) != "" {
			out.Problems[fault.FieldOf(err)] = fault.Message(err)
		} else if err != nil {
			return Preview{}, err
		}
	}
	provider := r.providers[f.Provider]
	if provider == nil || len(out.Problems) > 0 {
		return out, nil
	}
	issuer, err := r.issuerFor(provider, req.Issuer)
	if err != nil {
		out.Problems[fault.FieldOf(err)] = fault.Message(err)
		return out, nil
	}
	rule, err := provider.CompileNew(req.Fields)
	if err != nil {
		return out, err
	}
	out.Words, out.Warnings = provider.Describe(issuer, rule.Fields).Capital(),
		provider.Warnings(issuer, rule.Fields, rule.OwnerID)
	return out, nil
}
