package holds

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/policy"
)

// DefaultLife is how long an exemption lasts if nothing else is said, and MaxLife is the limit.
const (
	DefaultLife = 14 * 24 * time.Hour
	MaxLife     = 180 * 24 * time.Hour
)

// NewExemption exempts the files that a target has now from the holds of a repository.
type NewExemption struct {
	Repository string // "" for main
	Target     Target
	Reason     string
	For        time.Duration // from now on; 0 for DefaultLife
}

func life(d time.Duration) (time.Duration, error) {
	switch {
	case d == 0:
		return DefaultLife, nil
	case d < time.Second:
		return 0, fault.InField("expires", "an exemption must last for a while: choose up to 180 days")
	case d > MaxLife:
		return 0, fault.InField("expires", "an exemption lasts 180 days at most")
	}
	return d, nil
}

// Exempt lifts the holds of a repository for the content that the files of a target have now. Later files are decided
// anew, and files that their upstream removed are exempt only if the target names one or has no others. It needs a
// maintainer of the repository. It returns fault.NotFound if the target has no files there, fault.Invalid without a
// reason or with a lifetime of more than MaxLife, and fault.Conflict if files have no known digest, are this index's
// own, or are all denied.
func (h *Holds) Exempt(ctx context.Context, who access.Caller, n NewExemption) (Exemption, error) {
	e := h.changes.Entry(who, "exemption.add", nil)
	last, err := life(n.For)
	if err != nil {
		return Exemption{}, err
	}
	if err := checkReason("reason", n.Reason); err != nil {
		return Exemption{}, err
	}
	if n.Target, err = n.Target.complete(); err != nil {
		return Exemption{}, err
	}
	aim(&e, n.Target)
	r, err := h.managed(ctx, who, e, n.Repository)
	if err != nil {
		return Exemption{}, err
	}
	content, err := h.exemptable(ctx, who, r.Name, n.Target)
	if err != nil {
		return Exemption{}, err
	}
	return h.exempt(ctx, who, e, r.Name, grant{target: n.Target, reason: n.Reason, life: last, content: content})
}

// managed returns a repository in which the caller may exempt files. It records a refusal, and hides repositories that
// the caller may not see.
func (h *Holds) managed(ctx context.Context, who access.Caller, e audit.Entry,
	name string,
) (catalog.Repository, error) {
	r, err := h.index.Repository(ctx, who, cmp.Or(name, catalog.MainRepository))
	if err == nil && !who.Known() {
		err = errAnonymous
	}
	if err != nil {
		return r, err
	}
	if !mayManage(who, r) {
		e.Repository = r.ID
		return r, h.changes.Deny(ctx, e, errNoMaintainer)
	}
	return r, nil
}

// exemptable returns the content of the files of a target that may be exempted.
func (h *Holds) exemptable(ctx context.Context, who access.Caller, repository string, t Target) ([]Content, error) {
	files, err := h.selected(ctx, who, repository, t)
	if err != nil {
		return nil, err
	}
	files = present(files, t)
	var out []Content
	var unknown, denied []string
	own := 0
	for _, f := range files {
		switch {
		case f.Own:
			own++
		case f.SHA256 == "":
			unknown = append(unknown, f.Filename)
		case f.Decision.Verdict == policy.Deny:
			denied = append(denied, f.Filename)
		default:
			out = append(out, Content{f.Filename, f.SHA256})
		}
	}
	switch {
	case len(unknown) > 0:
		return nil, fault.New(fault.Conflict,
			"the digest of %s is not known yet, and an exemption is for content: exempt the other files one by one, or try again later", few(unknown))
	case len(out) == 0 && len(denied) > 0:
		return nil, fault.New(fault.Conflict,
			"%s is denied, and an exemption lifts holds only: an administrator can lift a denial for one file", few(denied))
	case len(out) == 0:
		return nil, fault.New(fault.Conflict, "%s is this index's own, and own files are not held", t)
	}
	slices.SortFunc(out, func(a, b Content) int { return cmp.Compare(a.Filename, b.Filename) })
	return slices.CompactFunc(out, func(a, b Content) bool { return a.Filename == b.Filename }), nil
}

// present returns the files of a target without those that their upstream removed, unless the target names one or
// selects no others: an exemption from a cooldown is not meant for files that were deleted for a reason.
func present(files []File, t Target) []File {
	if t.Filename != "" || !slices.ContainsFunc(files, func(f File) bool { return !f.Gone }) {
		return files
	}
	return slices.DeleteFunc(files, func(f File) bool { return f.Gone })
}

// grant is what an exemption is made of.
type grant struct {
	target  Target
	reason  string
	life    time.Duration
	content []Content
	request string // id, or ""
}

// exempt writes an exemption, and the decision about its request if it has one.
func (h *Holds) exempt(ctx context.Context, who access.Caller, e audit.Entry, repository string,
	g grant,
) (out Exemption, err error) {
	err = h.changes.Update(ctx, who, e, func(tx Tx, who access.Caller) error {
		r, err := tx.RepositoryByName(ctx, repository)
		if fault.Is(err, fault.NotFound) {
			return catalog.Missing("repository of that name")
		} else if err != nil {
			return err
		}
		if !mayManage(who, r) {
			return errNoMaintainer
		}
		out = Exemption{
			ID: h.changes.NewID(), RepositoryID: r.ID, Repository: r.Name, Project: g.target.Project.String(),
			Version: g.target.Version.String(), Filename: g.target.Filename, Reason: g.reason, Since: e.At,
			EndsAt: e.At.Add(g.life), By: person(e.Actor), Admin: who.Admin(), RequestID: g.request, Covers: len(g.content),
		}
		e := e // this may run again
		e.Repository, e.Subject = r.ID, out.ID
		e.Detail = map[string]any{
			"reason": g.reason, "until": out.EndsAt.Format(time.RFC3339), "files": described(g.content),
		}
		if g.request != "" {
			e.Detail["request"] = g.request
			did, err := tx.DecideRequest(ctx, Request{
				ID: g.request, State: Granted, DecidedAt: e.At, DecidedBy: person(e.Actor), ExemptionID: out.ID,
			})
			if err != nil {
				return err
			}
			if !did {
				return errDecided
			}
		}
		if err := tx.InsertExemption(ctx, out, g.content); err != nil {
			return err
		}
		return commit(ctx, tx, e)
	})
	if err != nil {
		return Exemption{}, err
	}
	return out, nil
}

// maxDescribed limits the files in an audit entry.
const maxDescribed = 20

// described returns the files of an exemption for the audit log.
func described(all []Content) (out []string) {
	for _, c := range all[:min(len(all), maxDescribed)] {
		out = append(out, c.Filename+" sha256:"+c.SHA256)
	}
	if more := len(all) - maxDescribed; more > 0 {
		out = append(out, "and "+plural(more))
	}
	return out
}

func plural(n int) string {
	if n == 1 {
		return "1 more file"
	}
	return fmt.Sprintf("%d more files", n)
}

// EndExemption ends an exemption early. It needs a maintainer of the repository. It returns fault.NotFound if there is
// none or the caller may not see the repository, and fault.Conflict if it has ended already.
func (h *Holds) EndExemption(ctx context.Context, who access.Caller, id string) (Exemption, error) {
	e := h.changes.Entry(who, "exemption.end", nil)
	e.Subject = id
	var out Exemption
	err := h.view(ctx, func(tx Tx) (err error) {
		out, err = tx.Exemption(ctx, id)
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return out, noExemption
	} else if err != nil {
		return out, err
	}
	e.Project, e.Version, e.Filename = out.Project, out.Version, out.Filename
	if _, err := h.managed(ctx, who, e, out.Repository); fault.Is(err, fault.NotFound) {
		return Exemption{}, noExemption
	} else if err != nil {
		return Exemption{}, err
	}
	err = h.changes.Update(ctx, who, e, func(tx Tx, who access.Caller) error {
		r, err := tx.RepositoryByName(ctx, out.Repository)
		if err != nil {
			return err
		}
		if !mayManage(who, r) {
			return errNoMaintainer
		}
		did, err := tx.EndExemption(ctx, id, e.At, person(e.Actor))
		if err != nil {
			return err
		}
		if !did {
			return fault.New(fault.Conflict, "this exemption has ended already")
		}
		e := e // this may run again
		e.Repository, e.Detail = r.ID, map[string]any{"reason": out.Reason}
		return commit(ctx, tx, e)
	})
	out.EndedAt, out.EndedBy = e.At, person(e.Actor)
	return out, err
}

var noExemption = fault.New(fault.NotFound, "there is no exemption of that id")

func (h *Holds) view(ctx context.Context, f func(Tx) error) error { return h.store.View(ctx, f) }

// Exemptions returns the exemptions of a repository, or of all that the caller manages if the name is "": the newest
// first, with those that have ended. It needs a maintainer of the repository.
func (h *Holds) Exemptions(ctx context.Context, who access.Caller, repository string) ([]Exemption, error) {
	return listed(ctx, h, who, repository, Tx.Exemptions, func(e Exemption) string { return e.RepositoryID })
}

// listed returns at most maxListed rows of a repository, or of all that the caller manages if the name is "".
func listed[T any](ctx context.Context, h *Holds, who access.Caller, repository string,
	read func(tx Tx, ctx context.Context, repositoryID string, limit int) ([]T, error), repositoryID func(T) string,
) (out []T, err error) {
	id, may, err := h.lists(ctx, who, repository)
	if err != nil {
		return nil, err
	}
	err = h.view(ctx, func(tx Tx) error {
		out, err = read(tx, ctx, id, maxListed)
		return err
	})
	return slices.DeleteFunc(out, func(one T) bool { return !may[repositoryID(one)] }), err
}

// ExemptionFiles returns the content that an exemption is about. It needs a maintainer of the repository.
func (h *Holds) ExemptionFiles(ctx context.Context, who access.Caller, id string) (out []Content, err error) {
	err = h.view(ctx, func(tx Tx) error {
		e, err := tx.Exemption(ctx, id)
		if fault.Is(err, fault.NotFound) {
			return noExemption
		} else if err != nil {
			return err
		}
		r, err := tx.RepositoryByName(ctx, e.Repository)
		if err != nil {
			return err
		}
		if !mayManage(who, r) {
			return noExemption
		}
		out, err = tx.ExemptionFiles(ctx, id)
		return err
	})
	return out, err
}

// lists returns the id of a repository, and the ids of the repositories whose exemptions the caller manages. Without a
// name, the id is "".
func (h *Holds) lists(ctx context.Context, who access.Caller, name string) (string, map[string]bool, error) {
	all, err := h.managing(ctx, who, name)
	may := map[string]bool{}
	for _, r := range all {
		may[r.ID] = true
	}
	if name != "" && len(all) > 0 {
		return all[0].ID, may, err
	}
	return "", may, err
}

// managing returns the repository of a name, or all that the caller manages if it is "". It returns fault.Denied for a
// caller who manages none of them.
func (h *Holds) managing(ctx context.Context, who access.Caller, name string) (out []catalog.Repository, err error) {
	if name != "" {
		r, err := h.index.Repository(ctx, who, name)
		if err == nil && !mayManage(who, r) {
			err = errNoMaintainer
		}
		return []catalog.Repository{r}, err
	}
	err = h.view(ctx, func(tx Tx) error {
		all, err := tx.Repositories(ctx)
		out = slices.DeleteFunc(all, func(r catalog.Repository) bool { return !mayManage(who, r) })
		return err
	})
	if err == nil && len(out) == 0 {
		err = errNoMaintainer
	}
	return out, err
}

// Manages reports whether the caller may exempt files from the holds of a repository.
func (h *Holds) Manages(who access.Caller, r catalog.Repository) bool { return mayManage(who, r) }
