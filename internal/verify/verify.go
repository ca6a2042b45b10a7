package verify

import (
	"context"
	"sync"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
)

// Finding is something in an index that does not agree with the rest.
type Finding struct {
	// a Rule, or "content", "digest", "metadata", "columns", "file-name", "attestation", "kept", "stray"
	Kind     string `json:"kind"`
	Subject  string `json:"subject"` // such as "main/demo-1.0-py3-none-any.whl"
	Problem  string `json:"problem"`
	Repaired bool   `json:"repaired"`
	Next     string `json:"next,omitempty"` // what to do about it, "" if it was repaired
}

// Position is how far an interrupted check of content came.
type Position struct {
	After string   `json:"after"` // digest up to which all content was checked
	Again []string `json:"again"` // earlier digests with findings, which are checked again
	// Objects is the number of objects that were found intact or were restored.
	Objects int64 `json:"objects"`
}

// Options configure Run. The zero Options only look.
type Options struct {
	Repair bool
	Mend   custody.Source // a copy with missing and damaged content, or nil
	From   Position       // where to continue
	// Found, Step, Progress and Saved report findings, the next step with the number of its objects (0 if it is unknown),
	// checked objects with their bytes, and the position to continue from. They are not called concurrently, and may be
	// nil, as usual in functions of this kind.
	Found    func(Finding)
	Step     func(what, noun string, total int64)
	Progress func(objects, bytes int64)
	Saved    func(Position) error
}

// Summary counts what Run did.
type Summary struct {
	Files    int64 `json:"files"`    // whose content was read
	Bytes    int64 `json:"bytes"`    // of that content
	Objects  int64 `json:"objects"`  // in the store
	Young    int64 `json:"young"`    // objects without a row that are less than a day old
	Foreign  int64 `json:"foreign"`  // objects that do not belong to an index
	Findings int64 `json:"findings"` // with repaired ones
	Repaired int64 `json:"repaired"`
}

// Left returns the number of findings that were not repaired.
func (s Summary) Left() int64 { return s.Findings - s.Repaired }

// Verifier verifies an index. It is safe for concurrent use.
type Verifier struct {
	store   Store
	custody *custody.Keeper
	now     func() time.Time
}

// New returns the verifier of the rows of s and the content of k.
func New(s Store, k *custody.Keeper, now func() time.Time) *Verifier {
	if now == nil {
		now = time.Now
	}
	return &Verifier{store: s, custody: k, now: now}
}

// run is one run of a verifier.
type run struct {
	*Verifier
	Options
	who access.Caller
	mu  sync.Mutex
	sum Summary
	was custody.Check
}

// Run verifies the index and reports each finding to o.Found. It returns fault.Denied unless the caller is an
// administrator. An error means that the index could not be verified to the end; findings are not errors.
func (v *Verifier) Run(ctx context.Context, who access.Caller, o Options) (Summary, error) {
	if !who.Admin() {
		return Summary{}, fault.New(fault.Denied, "only an administrator may verify the index")
	}
	r := &run{Verifier: v, Options: o, who: who}
	for _, step := range []func(context.Context) error{r.rows, r.attestations, r.contents, r.kept, r.strays} {
		if err := step(ctx); err != nil {
			return r.sum, err
		}
	}
	return r.sum, nil
}

func (r *run) step(what, noun string, total int64) {
	if r.Step != nil {
		r.Step(what, noun, total)
	}
}

// progress counts checked objects.
func (r *run) progress(objects, bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.Progress != nil {
		r.Progress(objects, bytes)
	}
}

// found counts and reports a finding.
func (r *run) found(f Finding) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sum.Findings++
	if f.Repaired {
		r.sum.Repaired++
		f.Next = ""
	}
	if r.Found != nil {
		r.Found(f)
	}
}

// update runs a repair in a transaction, if the caller still has the right to it.
func (r *run) update(ctx context.Context, f func(Tx) error) error {
	return access.Update(ctx, r.store, r.who, func(tx Tx, who access.Caller) error {
		if !who.Admin() {
			return fault.New(fault.Denied, "only an administrator may repair the index")
		}
		return f(tx)
	})
}

// show gives a project, or the index if the id is "", a new serial, so that caches and mirrors see a repair.
func show(ctx context.Context, tx Tx, projectID string) error {
	serial, err := tx.NextSerial(ctx)
	if err != nil || projectID == "" {
		return err
	}
	p, err := tx.ProjectByID(ctx, projectID)
	if fault.Is(err, fault.NotFound) {
		return nil
	} else if err != nil {
		return err
	}
	p.Serial = serial
	if err := tx.UpdateProject(ctx, p); err != nil {
		return err
	}
	return catalog.RewriteCard(ctx, tx, p)
}
