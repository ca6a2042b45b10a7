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
	Problems map[string]string  // by field, as Registry.Problems has them; "" for what is about no one field
}

// Preview compiles a request as Add would, and keeps nothing and asks nobody. Whoever may add the publisher may preview
// it; the faults are those of Add, but for what is wrong with the fields, which is in the result.
func (r *Registry) Preview(ctx context.Context, who access.Caller, f workload.Form, req AddRequest) (Preview, error) {
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
	out.Words, out.Warnings = workload.Say(f.Provider, issuer, rule.Fields), workload.Warnings(f.Provider, rule.Fields, rule.OwnerID)
	return out, nil
}

// Problems returns what is wrong with the fields of a rule of a form, by field; see workload.Problems.
func (r *Registry) Problems(f workload.Form, fields map[string]string) map[string]string {
	provider := r.providers[f.Provider]
	if provider == nil {
		return map[string]string{"": "this index does not know publishers of kind " + f.Provider}
	}
	return workload.Problems(provider, f, fields)
}
