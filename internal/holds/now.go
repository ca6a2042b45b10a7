package holds

import (
	"context"
	"slices"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/policy"
)

// Query selects rows of Now.
type Query struct {
	Repository    string      // its name, "" for all that the caller manages
	Rule          policy.Rule // "" for every rule
	Project       string      // part of a normalized name, "" for every project
	Offset, Limit int         // rows
	// Whole waits until all projects were read, however long that takes. Otherwise the result may be about a part of them.
	Whole bool
}

// Row is a release, or a whole project, of which a repository does not serve files, or serves them by a decision of
// people. Several rules may concern files of one release; each has a row of its own.
type Row struct {
	RepositoryID string
	Repository   string // its name
	Project      string // normalized name
	Version      string // "" if all files of the project are decided about alike
	Upstream     string // that has the files; "" for files of this index, and for a name that no upstream may be asked for
	Releases     int    // of the row; 0 for a name that no upstream may be asked for
	Files        int    // that the decision is about
	// Decision is the one about these files, the strictest of them. For files that are served by a decision of people, it
	// is the one that would be taken without that.
	Decision policy.Decision
	Served   string    // id of the exemption, or of the lifted denial, by which the files are served; "" if they are not
	Ends     time.Time // end of the exemption; zero if there is none
	By, Why  string    // of the exemption or the lifted denial, if the caller manages it
	Asked    []Request // open requests for these files, which the caller may decide, newest first
}

// Tally is what one rule decides now. Files that are served by a decision of people are in Exempt alone.
type Tally struct {
	Rule                              policy.Rule
	Projects, Releases, Files, Exempt int
}

// Now is what repositories hold and deny at present, as far as the pages of upstreams that this index keeps tell.
type Now struct {
	Rows    []Row   // the returned projects first, then rule by rule, and by repository and project
	Total   int     // number of all rows that the query selects
	Tallies []Tally // of each rule that decides about a file, whatever rule the query selects, in the order of the rows
	Known   int     // projects, once for each repository
	Read    int     // projects that the result is about
	Beyond  int     // projects that are not read, because there are too many
}

var errNoList = fault.New(fault.Denied,
	"only a maintainer of the repository, or an administrator, may see everything that it holds; a role in one project does not suffice")

// Now lists what the repositories that the caller manages hold and deny now. It returns fault.Denied if the caller
// manages none, and fault.NotFound if there is no repository of that name.
func (h *Holds) Now(ctx context.Context, who access.Caller, q Query) (Now, error) {
	repositories, err := h.managing(ctx, who, q.Repository)
	if fault.Is(err, fault.Denied) {
		err = errNoList
	}
	if err != nil {
		return Now{}, err
	}
	out, err := h.o.Files.HeldNow(ctx, who, repositories, q)
	if err != nil || len(out.Rows) == 0 {
		return out, err
	}
	return out, h.view(ctx, func(tx Tx) error { return addPeople(ctx, tx, who, out.Rows) })
}

// addPeople adds who asked for the files of rows, and who lets them be served.
func addPeople(ctx context.Context, tx Tx, who access.Caller, rows []Row) error {
	all, err := tx.Repositories(ctx)
	if err != nil {
		return err
	}
	ids := map[string]string{} // of repositories that the caller manages, by name
	for _, r := range all {
		if mayManage(who, r) {
			ids[r.Name] = r.ID
		}
	}
	for i := range rows {
		r := &rows[i]
		if err := r.addRequests(ctx, tx, ids); err != nil {
			return err
		}
		if err := r.addDecision(ctx, tx, who, ids); err != nil {
			return err
		}
	}
	return nil
}

// addRequests adds the open requests for files of the row.
func (r *Row) addRequests(ctx context.Context, tx Tx, ids map[string]string) error {
	decides := r.Decision.Repository
	if decides == "" {
		decides = r.Repository
	}
	id, may := ids[decides]
	if !may || r.Served != "" {
		return nil
	}
	open, err := tx.OpenRequestsAbout(ctx, id, r.Project, maxListed)
	r.Asked = slices.DeleteFunc(open, func(q Request) bool {
		return r.Version != "" && q.Version != "" && !sameVersion(q.Version, r.Version)
	})
	return err
}

// addDecision adds the exemption, or the lifted denial, by which the files of the row are served.
func (r *Row) addDecision(ctx context.Context, tx Tx, who access.Caller, ids map[string]string) error {
	if r.Served == "" {
		return nil
	}
	e, err := tx.Exemption(ctx, r.Served)
	switch {
	case fault.Is(err, fault.NotFound):
		return r.addLift(ctx, tx, who)
	case err != nil:
		return err
	}
	r.Ends = e.EndsAt
	if _, may := ids[e.Repository]; may {
		r.By, r.Why = e.By.Name, e.Reason
	}
	return nil
}

// addLift adds the lifted denial.
func (r *Row) addLift(ctx context.Context, tx Tx, who access.Caller) error {
	if !who.Admin() {
		return nil
	}
	all, err := tx.FileRulings(ctx)
	for _, l := range all {
		if l.ID == r.Served {
			r.By, r.Why = l.By.Name, l.Reason
		}
	}
	return err
}

// RulesInOrder are the rules in the order in which Now lists what they decide: what waits for an administrator first,
// then what is known to be bad, and what ends by time at last.
func RulesInOrder() []policy.Rule {
	return []policy.Rule{
		policy.RuleReturned, policy.RuleAdvisory, policy.RuleDenylist, policy.RuleDigest, policy.RuleStatus,
		policy.RuleStartup, policy.RuleRemoved, policy.RuleFeed, policy.RuleCooldown, policy.RuleName,
	}
}
