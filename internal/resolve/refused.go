package resolve

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/policy"
)

// Refused is the error for a page or a file that the policy holds or denies. It is a fault.Denied.
type Refused struct {
	Decision policy.Decision
	Address  string                // of the page that explains it, or ""
	Project  packaging.ProjectName // zero if it is not about a project
	Version  string                // "" if it is about a project

	overall string // address of the page of the project
}

// Error returns the decision as clients print it.
func (r Refused) Error() string { return r.Decision.Text() }

// Reason returns the decision with the address of its page, short enough for a reason phrase.
func (r Refused) Reason() string { return r.Decision.Reason(r.Address, r.overall) }

// Text returns the whole decision, the address of its page, and what to do next, on a line each.
func (r Refused) Text() string {
	lines := []string{r.Decision.Text()}
	if r.Address != "" {
		lines = append(lines, r.Address)
	}
	if next := r.Next(); next != "" {
		lines = append(lines, next)
	}
	return strings.Join(lines, "\n")
}

// Line returns the whole decision and the address of its page on one line.
func (r Refused) Line() string {
	if r.Address == "" {
		return r.Decision.Text()
	}
	return r.Decision.Text() + " " + r.Address
}

// Next returns what a reader can do, in a sentence, or "".
func (r Refused) Next() string {
	upgrade := ""
	if r.Project.String() != "" {
		upgrade = fmt.Sprintf(" A lock file that names it takes another version with \"uv lock --upgrade-package %s\".",
			r.Project)
	}
	switch {
	case r.Decision.Rule == policy.RuleOffline:
		return "An administrator can bring it here with \"index upstream pack\" and \"index upstream unpack\"."
	case r.Decision.Verdict == policy.Hold && r.Address != "":
		return "Install another version, wait, or ask for an exemption at that address." + upgrade
	case r.Decision.Verdict == policy.Hold:
		return "Install another version, wait, or ask for an exemption." + upgrade
	}
	return "Install another version, or ask an administrator." + upgrade
}

// Problem returns the refusal as a JSON object with details (RFC 9457).
func (r Refused) Problem() []byte {
	b, err := json.Marshal(struct {
		Type    string    `json:"type"`
		Title   string    `json:"title"`
		Status  int       `json:"status"`
		Detail  string    `json:"detail,omitempty"`
		Rule    string    `json:"rule"`
		Until   time.Time `json:"until,omitzero"`
		Message string    `json:"message"` // as in other errors
	}{
		cmp.Or(r.Address, "about:blank"), r.Decision.Text(), forbidden, r.Next(), string(r.Decision.Rule),
		r.Decision.Until.UTC(), r.Decision.Text(),
	})
	if err != nil {
		panic(err) // texts and times of this millennium always marshal
	}
	return append(b, '\n')
}

// forbidden is the status of a refusal in HTTP.
const forbidden = 403

// Unwrap returns the fault, with the same message.
func (r Refused) Unwrap() error { return fault.New(fault.Denied, "%s", r.Error()) }

// refused returns the error for a version of a view, or for its project if version is "".
func (x *Reader) refused(v *View, version string, d policy.Decision) error {
	return Refused{
		Decision: d, Address: x.addressOf(v, version), Project: v.Name, Version: version, overall: x.addressOf(v, ""),
	}
}

// refuseOwn returns a Refused if a file of this index is denied. The caller must be one who may read it.
func (x *Reader) refuseOwn(ctx context.Context, o opened, name packaging.ProjectName, f *catalog.File) error {
	s, err := x.standing(ctx, o.At, name)
	if err != nil || s.Revision == "" {
		return err
	}
	rules := ownRules(s)
	if d := decideOwn(&rules, s, f); d.Verdict != policy.Serve {
		return x.refused(&View{opened: o, Name: name}, f.Version, x.count(d))
	}
	return nil
}

// RefuseName returns a Refused if the name of a view must not be read from its upstream and nothing else has it.
func (x *Reader) RefuseName(v *View) error {
	if !v.denied {
		return nil
	}
	return x.deniedByName(v)
}

// Line returns a decision about files of a version, or about a project if version is "", and the address of the page
// that explains it, on one line.
func (x *Reader) Line(repository string, name packaging.ProjectName, version string, d policy.Decision) string {
	r := Refused{Decision: d}
	if x.o.Address != nil {
		r.Address = x.o.Address(repository, name, version)
	}
	return r.Line()
}

// Refuse returns a Refused if a file that the contents of a view list is held or denied.
func (x *Reader) Refuse(v *View, f catalog.File) error {
	if !f.Held() {
		return nil
	}
	return x.refused(v, f.Version, x.count(*f.Decision))
}

// Decisions returns the number of decisions about files that were asked for since the process started.
func (x *Reader) Decisions() map[policy.Counted]int64 { return x.decided.All() }

// count counts a decision about a file that was asked for.
func (x *Reader) count(d policy.Decision) policy.Decision {
	x.decided.Add(policy.Counted{Rule: d.Rule, Verdict: d.Verdict}, 1)
	if d.Observed != "" {
		x.decided.Add(policy.Counted{Rule: d.Observed, Verdict: d.ObservedVerdict, Observed: true}, 1)
	}
	return d
}

// observed remembers what was logged about files that a repository which observes would hold.
type observed struct {
	mu   sync.Mutex
	last map[observation]time.Time
}

type observation struct {
	repository, filename string
	rule                 policy.Rule
}

// observeAgain is the time after which the same file is logged for the same rule again, and maxObserved the number of
// files that are remembered.
const (
	observeAgain = time.Hour
	maxObserved  = 10_000
)

// observe logs that a file would be held or denied if no repository observed.
func (x *Reader) observe(v *View, filename string, d policy.Decision) {
	if d.Observed == "" || !x.observed.first(observation{v.Repository.Name, filename, d.Observed}, x.o.Now()) {
		return
	}
	would := policy.Decision{Verdict: d.ObservedVerdict, Rule: d.Observed, Until: d.ObservedUntil}
	x.o.Log.Info("a file is served that would be "+would.Verdict.String()+" if its repository did not observe",
		slog.String("repository", v.Repository.Name), slog.String("project", v.Name.String()),
		slog.String("file", filename), slog.String("rule", string(would.Rule)), slog.String("decision", would.Text()))
}

// first reports whether the observation was not logged lately, and notes it.
func (o *observed) first(one observation, now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if at, ok := o.last[one]; ok && now.Sub(at) < observeAgain {
		return false
	}
	if len(o.last) >= maxObserved {
		maps.DeleteFunc(o.last, func(_ observation, at time.Time) bool { return now.Sub(at) >= observeAgain })
		if len(o.last) >= maxObserved {
			clear(o.last)
		}
	}
	if o.last == nil {
		o.last = map[observation]time.Time{}
	}
	o.last[one] = now
	return true
}
