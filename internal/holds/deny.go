package holds

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/policy"
)

// NewDenial denies a project, a version, a file, or content. The Target may be the zero Target if SHA256 is set: then
// it denies that content of every project.
type NewDenial struct {
	Target Target
	SHA256 string // in hex, "" for any content
	Reason string
}

// Deny denies files in all repositories, own ones too. It ends earlier decisions that lifted denials of these files. It
// needs an administrator and a reason. It returns fault.Invalid if nothing is selected, and fault.Conflict if exactly
// this is denied already.
func (h *Holds) Deny(ctx context.Context, who access.Caller, n NewDenial) (Ruling, error) {
	v := Ruling{Kind: KindDenial, Reason: n.Reason}
	var err error
	if n.SHA256 != "" {
		if v.SHA256, err = checkDigest(n.SHA256); err != nil {
			return Ruling{}, err
		}
	}
	if !n.Target.IsZero() || v.SHA256 == "" {
		if n.Target, err = n.Target.complete(); err != nil {
			return Ruling{}, err
		}
		v.Project, v.Version, v.Filename = n.Target.Project.String(), n.Target.Version.String(), n.Target.Filename
	}
	return h.rule(ctx, who, "denial.add", v, nil)
}

// endLifts deletes the decisions that lift denials of files which a new denial covers, because they were made without
// knowing its reason. It returns their ids.
func endLifts(ctx context.Context, tx Tx, denial Ruling) (ended []string, err error) {
	all, err := tx.FileRulings(ctx)
	if err != nil {
		return nil, err
	}
	for _, r := range all {
		if r.Kind != KindLift || !denial.covers(r) {
			continue
		}
		if _, err := tx.DeleteFileRuling(ctx, r.ID); err != nil {
			return nil, err
		}
		ended = append(ended, r.ID)
	}
	return ended, nil
}

// covers reports whether a denial is about the file of a lift.
func (v Ruling) covers(lift Ruling) bool {
	return (v.Project == "" || v.Project == lift.Project) && (v.SHA256 == "" || v.SHA256 == lift.SHA256) &&
		(v.Version == "" || sameVersion(v.Version, lift.Version)) &&
		(v.Filename == "" || sameFile(v.Project, v.Filename, lift.Filename))
}

// rule adds a ruling for an administrator.
func (h *Holds) rule(ctx context.Context, who access.Caller, action string, v Ruling,
	check func(others []Ruling) error,
) (Ruling, error) {
	if err := checkReason("reason", v.Reason); err != nil {
		return Ruling{}, err
	}
	e := h.changes.Entry(who, action, map[string]any{"reason": v.Reason})
	v.ID, v.Since, v.By = h.changes.NewID(), e.At, person(e.Actor)
	v.describe(&e)
	if !who.Admin() {
		return Ruling{}, h.changes.Deny(ctx, e, errNoAdministrator)
	}
	err := h.changes.Update(ctx, who, e, func(tx Tx, who access.Caller) error {
		if !who.Admin() {
			return errNoAdministrator
		}
		return h.insert(ctx, tx, v, e, check)
	})
	if err != nil {
		return Ruling{}, err
	}
	return v, nil
}

// insert adds a ruling in a transaction. A denial ends the lifts of what it covers.
func (h *Holds) insert(ctx context.Context, tx Tx, v Ruling, e audit.Entry, check func([]Ruling) error) error {
	others, err := tx.FileRulingsAbout(ctx, v.Project, v.SHA256)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(others, v.same); i >= 0 {
		return fault.New(fault.Conflict, "this was decided on %s already, with the id %s",
			others[i].Since.Format("2 January 2006"), others[i].ID)
	}
	if check != nil {
		if err := check(others); err != nil {
			return err
		}
	}
	if v.Kind == KindDenial {
		ended, err := endLifts(ctx, tx, v)
		if err != nil {
			return err
		}
		if len(ended) > 0 {
			e.Detail = maps.Clone(e.Detail) // this may run again
			e.Detail["ended_lifts"] = ended
		}
	}
	if err := tx.InsertFileRuling(ctx, v); err != nil {
		return err
	}
	return commit(ctx, tx, e)
}

// describe writes a ruling into its audit entry.
func (v Ruling) describe(e *audit.Entry) {
	e.Subject, e.Project, e.Version, e.Filename = v.ID, v.Project, v.Version, v.Filename
	if v.SHA256 != "" {
		e.Detail["sha256"] = v.SHA256
	}
	if v.Project == "" {
		e.Subject, e.Detail["id"] = "content sha256:"+v.SHA256, v.ID
	}
}

// same reports whether two rulings decide the same.
func (v Ruling) same(o Ruling) bool {
	return v.Kind == o.Kind && v.Project == o.Project && sameVersion(v.Version, o.Version) &&
		sameFile(v.Project, v.Filename, o.Filename) && v.SHA256 == o.SHA256
}

// Undeny removes a denial, or the decision that lifted one for a file. It needs an administrator, and returns
// fault.NotFound if there is none.
func (h *Holds) Undeny(ctx context.Context, who access.Caller, id string) (Ruling, error) {
	return h.unrule(ctx, who, "denial.remove", id, KindDenial, KindLift)
}

func (h *Holds) unrule(ctx context.Context, who access.Caller, action, id string,
	kinds ...Kind,
) (out Ruling, err error) {
	e := h.changes.Entry(who, action, nil)
	e.Subject = id
	if !who.Admin() {
		return out, h.changes.Deny(ctx, e, errNoAdministrator)
	}
	err = h.changes.Update(ctx, who, e, func(tx Tx, who access.Caller) error {
		if !who.Admin() {
			return errNoAdministrator
		}
		out, err = tx.DeleteFileRuling(ctx, id)
		if fault.Is(err, fault.NotFound) || err == nil && !slices.Contains(kinds, out.Kind) {
			return fault.New(fault.NotFound, "there is no such decision")
		} else if err != nil {
			return err
		}
		e := e // this may run again
		e.Detail = map[string]any{"reason": out.Reason}
		if out.Kind == KindLift {
			e.Detail["lift"] = true
		}
		out.describe(&e)
		return commit(ctx, tx, e)
	})
	return out, err
}

// NewLift lifts denials for one file as it is now.
type NewLift struct {
	Repository string // through which the file is read, "" for main
	Target     Target // with a file
	SHA256     string // that the file must have, "" for any
	Reason     string
}

// Lift lifts the denial of one file, by the digest that it has now, in all repositories: the denials of administrators,
// of feeds, and of the upstream's status. It needs an administrator and a reason. It returns fault.Invalid if no file
// is named, fault.NotFound if the repository does not show it, and fault.Conflict if it is not denied, or its denial
// cannot be lifted, or it has another digest.
func (h *Holds) Lift(ctx context.Context, who access.Caller, n NewLift) (Ruling, error) {
	var err error
	if n.Target, err = n.Target.complete(); err != nil {
		return Ruling{}, err
	}
	if n.Target.Filename == "" {
		return Ruling{}, fault.InField("filename", "a denial is lifted for one file at a time: name the file")
	}
	if n.SHA256 != "" {
		if n.SHA256, err = checkDigest(n.SHA256); err != nil {
			return Ruling{}, err
		}
	}
	v := Ruling{
		Kind: KindLift, Project: n.Target.Project.String(), Version: n.Target.Version.String(), Filename: n.Target.Filename,
		SHA256: n.SHA256, Reason: n.Reason,
	}
	if who.Admin() { // rule refuses everybody else
		if v.SHA256, err = h.liftable(ctx, who, n); err != nil {
			return Ruling{}, err
		}
	}
	return h.rule(ctx, who, "denial.lift", v, nil)
}

// liftable returns the digest of the denied file that a lift names.
func (h *Holds) liftable(ctx context.Context, who access.Caller, n NewLift) (string, error) {
	files, err := h.selected(ctx, who, cmp.Or(n.Repository, catalog.MainRepository), n.Target)
	if err != nil {
		return "", err
	}
	f := files[0]
	switch {
	case f.SHA256 == "":
		return "", fault.New(fault.Conflict,
			"the digest of %s is not known yet, and a denial is lifted for content: try again later", f.Filename)
	case n.SHA256 != "" && n.SHA256 != f.SHA256:
		return "", fault.New(fault.Conflict, "%s has the digest %s, not %s", f.Filename, f.SHA256, n.SHA256)
	case f.Decision.Verdict != policy.Deny:
		return "", fault.New(fault.Conflict, "%s is not denied", f.Filename)
	case !f.Decision.Liftable():
		return "", fault.New(fault.Conflict,
			"the denial of %s by the rule %q cannot be lifted for one file: change the setting, pin or status that causes it",
			f.Filename, f.Decision.Rule)
	}
	return f.SHA256, nil
}

// NewPin pins a file name of a project to a digest.
type NewPin struct {
	Project  packaging.ProjectName
	Filename string
	SHA256   string
	Reason   string
}

// Pin denies a file of this name with any other digest, in all repositories. It needs an administrator and a reason. It
// returns fault.Invalid if the file is not of the project or the digest is malformed, and fault.Conflict if the file is
// pinned already.
func (h *Holds) Pin(ctx context.Context, who access.Caller, n NewPin) (Ruling, error) {
	if n.Filename == "" {
		return Ruling{}, fault.InField("filename", "name a file")
	}
	t, err := Target{Project: n.Project, Filename: n.Filename}.complete()
	if err != nil {
		return Ruling{}, err
	}
	v := Ruling{
		Kind: KindPin, Project: t.Project.String(), Version: t.Version.String(), Filename: t.Filename, Reason: n.Reason,
	}
	if v.SHA256, err = checkDigest(n.SHA256); err != nil {
		return Ruling{}, err
	}
	return h.rule(ctx, who, "digest.pin", v, func(others []Ruling) error {
		for _, o := range others {
			if o.Kind == KindPin && sameFile(v.Project, o.Filename, v.Filename) {
				return fault.New(fault.Conflict, "%s is pinned to %s: remove that pin first", o.Filename, o.SHA256)
			}
		}
		return nil
	})
}

// Unpin removes a pin. It needs an administrator, and returns fault.NotFound if there is none.
func (h *Holds) Unpin(ctx context.Context, who access.Caller, id string) (Ruling, error) {
	return h.unrule(ctx, who, "digest.unpin", id, KindPin)
}

// Rulings returns the rulings of the given kinds, oldest first. It needs an administrator.
func (h *Holds) Rulings(ctx context.Context, who access.Caller, kinds ...Kind) (out []Ruling, err error) {
	if !who.Admin() {
		return nil, errNoAdministrator
	}
	err = h.view(ctx, func(tx Tx) error {
		out, err = tx.FileRulings(ctx)
		return err
	})
	return slices.DeleteFunc(out, func(r Ruling) bool { return !slices.Contains(kinds, r.Kind) }), err
}

// AcceptReturn lets a project that was gone from an upstream, and came back with none of its old files, be served
// again. It needs an administrator and a reason. It returns fault.NotFound if there is no such upstream, and
// fault.Conflict if the project has not come back, or its return was accepted already.
func (h *Holds) AcceptReturn(ctx context.Context, who access.Caller, upstream string, name packaging.ProjectName,
	reason string,
) (Return, error) {
	if err := checkReason("reason", reason); err != nil {
		return Return{}, err
	}
	if upstream == "" || name.IsZero() {
		return Return{}, fault.New(fault.Invalid, "name an upstream and a project")
	}
	e := h.changes.Entry(who, "upstream.accept-return", map[string]any{"reason": reason})
	e.Subject, e.Project = upstream, name.String()
	if !who.Admin() {
		return Return{}, h.changes.Deny(ctx, e, errNoAdministrator)
	}
	out := Return{Upstream: upstream, Project: e.Project, At: e.At, Reason: reason, By: person(e.Actor)}
	var err error
	if out.Returned, err = h.returned(ctx, upstream, name); err != nil {
		return Return{}, err
	}
	err = h.changes.Update(ctx, who, e, func(tx Tx, who access.Caller) error {
		if !who.Admin() {
			return errNoAdministrator
		}
		if err := unaccepted(ctx, tx, out); err != nil {
			return err
		}
		if err := tx.PutReturn(ctx, out); err != nil {
			return err
		}
		return commit(ctx, tx, e)
	})
	return out, err
}

// returned returns when a project came back to an upstream. It returns fault.Conflict if it did not.
func (h *Holds) returned(ctx context.Context, upstream string, name packaging.ProjectName) (time.Time, error) {
	gone, at, err := h.o.Files.ReturnOf(ctx, upstream, name)
	switch {
	case err != nil || !at.IsZero():
		return at, err
	case !gone.IsZero():
		return at, fault.New(fault.Conflict, "%s has been gone from the upstream %s since %s, and has not come back", name,
			upstream, policy.Date(gone))
	}
	return at, fault.New(fault.Conflict,
		"as far as this index knows, %s was never gone from the upstream %s: there is no return to accept", name, upstream)
}

// unaccepted returns fault.Conflict if a return was accepted already.
func unaccepted(ctx context.Context, tx Tx, r Return) error {
	all, err := tx.Returns(ctx)
	for _, was := range all {
		if was.Upstream == r.Upstream && was.Project == r.Project && !r.Returned.After(was.At) {
			return fault.New(fault.Conflict, "%s already accepted the return of %s to the upstream %s, at %s", was.By.Name,
				r.Project, r.Upstream, policy.Date(was.At))
		}
	}
	return err
}

// Returns returns the accepted returns of projects, newest first. It needs an administrator.
func (h *Holds) Returns(ctx context.Context, who access.Caller) (out []Return, err error) {
	if !who.Admin() {
		return nil, errNoAdministrator
	}
	err = h.view(ctx, func(tx Tx) error {
		out, err = tx.Returns(ctx)
		return err
	})
	return out, err
}
