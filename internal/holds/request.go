package holds

import (
	"cmp"
	"context"
	"slices"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/policy"
)

// Ask is a request for an exemption from the holds of a repository.
type Ask struct {
	Repository string // "" for main
	Target     Target
	Reason     string
}

// MaxOpen limits the open requests of a person, whatever tokens they use.
const MaxOpen = 10

var (
	errAnonymous = fault.New(fault.Unauthenticated,
		"sign in, or send an API token, to ask for an exemption or to decide about one")
	errDecided = fault.New(fault.Conflict, "this request has been decided already")
	noRequest  = fault.New(fault.NotFound, "there is no request of that id")
)

// Ask asks the maintainers of a repository for an exemption. Every known caller who may read the target through the
// repository may ask, also a workload. It returns fault.NotFound if the target has no files there, fault.Conflict if
// none of them is held, or if the same person has asked for the same already, and fault.TooMany if the person has
// MaxOpen open requests.
func (h *Holds) Ask(ctx context.Context, who access.Caller, n Ask) (Request, error) {
	if !who.Known() {
		return Request{}, errAnonymous
	}
	if err := checkReason("reason", n.Reason); err != nil {
		return Request{}, err
	}
	var err error
	if n.Target, err = n.Target.complete(); err != nil {
		return Request{}, err
	}
	r, err := h.index.Repository(ctx, who, cmp.Or(n.Repository, catalog.MainRepository))
	if err != nil {
		return Request{}, err
	}
	files, err := h.selected(ctx, who, r.Name, n.Target)
	if err != nil {
		return Request{}, err
	}
	if err := anyHeld(files, n.Target); err != nil {
		return Request{}, err
	}
	e := h.changes.Entry(who, "exemption.ask", map[string]any{"reason": n.Reason})
	aim(&e, n.Target)
	out := Request{
		ID: h.changes.NewID(), Repository: r.Name, Project: e.Project, Version: e.Version, Filename: e.Filename,
		Reason: n.Reason, At: e.At, By: person(e.Actor), State: Open,
	}
	err = h.changes.Update(ctx, who, e, func(tx Tx, who access.Caller) error {
		now, err := tx.RepositoryByName(ctx, r.Name)
		if err == nil {
			err = mayAsk(ctx, tx, who, now)
		}
		if fault.Is(err, fault.NotFound) {
			return catalog.Missing("repository of that name")
		} else if err != nil {
			return err
		}
		out.RepositoryID = now.ID
		open, err := tx.RequestsBy(ctx, out.By, MaxOpen)
		if err != nil {
			return err
		}
		open = slices.DeleteFunc(open, func(q Request) bool { return q.State != Open })
		if slices.ContainsFunc(open, out.same) {
			return fault.New(fault.Conflict, "you have asked for this already, and the request is still open")
		}
		if len(open) >= MaxOpen {
			return fault.New(fault.TooMany, "you have %d open requests: wait until one of them is decided", MaxOpen)
		}
		if err := tx.InsertRequest(ctx, out); err != nil {
			return err
		}
		e := e // this may run again
		e.Repository, e.Subject = now.ID, out.ID
		return tx.InsertAudit(ctx, e)
	})
	if err != nil {
		return Request{}, err
	}
	return out, nil
}

// same reports whether two requests are for the same.
func (r Request) same(o Request) bool {
	return r.RepositoryID == o.RepositoryID && r.Project == o.Project && sameVersion(r.Version, o.Version) &&
		r.Filename == o.Filename
}

// anyHeld returns fault.Conflict unless one of the files is held, so that an exemption would change something.
func anyHeld(files []File, t Target) error {
	denied := false
	for _, f := range files {
		if f.Decision.Verdict == policy.Hold {
			return nil
		}
		denied = denied || f.Decision.Verdict == policy.Deny
	}
	if denied {
		return fault.New(fault.Conflict,
			"%s is denied, and an exemption lifts holds only: an administrator can lift a denial for one file", t)
	}
	return fault.New(fault.Conflict, "no file of %s is held, so no exemption is needed", t)
}

// mayAsk returns fault.NotFound unless the caller may still read names of upstreams through a repository.
func mayAsk(ctx context.Context, tx Tx, who access.Caller, r catalog.Repository) error {
	if who.May(access.Reader, r.Object()) {
		return nil
	}
	missing := catalog.Missing("repository of that name")
	if r.UpstreamReaders == catalog.RepositoryReader {
		return missing
	}
	if who.NamesIn(r.ID) {
		return nil
	}
	for _, id := range who.ProjectIDs() {
		p, err := tx.ProjectByID(ctx, id)
		if err == nil && p.Repository.ID == r.ID {
			return nil
		} else if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
	}
	return missing
}

// Requests returns the requests in a repository, or in all that the caller manages if the name is "": the open ones
// first, and then the newest. It needs a maintainer of the repository.
func (h *Holds) Requests(ctx context.Context, who access.Caller, repository string) ([]Request, error) {
	return listed(ctx, h, who, repository, Tx.Requests, func(r Request) string { return r.RepositoryID })
}

// Waiting returns the number of open requests that the caller may decide, 0 for one who manages no repository.
func (h *Holds) Waiting(ctx context.Context, who access.Caller) (n int, err error) {
	_, may, err := h.lists(ctx, who, "")
	if fault.Is(err, fault.Denied) {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	err = h.view(ctx, func(tx Tx) error {
		n = 0
		open, err := tx.CountOpenRequests(ctx)
		for id, of := range open {
			if may[id] {
				n += of
			}
		}
		return err
	})
	return n, err
}

// OwnRequests returns the caller's own requests: the open ones first, and then the newest.
func (h *Holds) OwnRequests(ctx context.Context, who access.Caller) (out []Request, err error) {
	if !who.Known() {
		return nil, errAnonymous
	}
	err = h.view(ctx, func(tx Tx) error {
		out, err = tx.RequestsBy(ctx, person(who.Actor()), maxListed)
		return err
	})
	return out, err
}

// Asked returns the open requests about a project in a repository, and their number. Callers who do not manage the
// repository get only their own requests. It returns fault.NotFound if the caller may not see the repository.
func (h *Holds) Asked(ctx context.Context, who access.Caller,
	repository, project string,
) (out []Request, n int, err error) {
	r, err := h.index.Repository(ctx, who, cmp.Or(repository, catalog.MainRepository))
	if err != nil {
		return nil, 0, err
	}
	err = h.view(ctx, func(tx Tx) error {
		out, err = tx.OpenRequestsAbout(ctx, r.ID, project, maxListed)
		return err
	})
	n = len(out)
	if !mayManage(who, r) {
		me := person(who.Actor())
		out = slices.DeleteFunc(out, func(q Request) bool { return !who.Known() || q.By.Kind != me.Kind || q.By.ID != me.ID })
	}
	return out, n, err
}

// Grant grants an open request: it exempts the files that the target has now, for a while; 0 stands for DefaultLife. It
// needs a maintainer of the repository. It returns fault.NotFound if there is no such request or the caller may not see
// the repository, fault.Conflict if it has been decided, and the errors of Exempt.
func (h *Holds) Grant(ctx context.Context, who access.Caller, id string, expires time.Duration) (Exemption, error) {
	last, err := life(expires)
	if err != nil {
		return Exemption{}, err
	}
	e := h.changes.Entry(who, "exemption.add", nil)
	q, t, err := h.toDecide(ctx, who, &e, id)
	if err != nil {
		return Exemption{}, err
	}
	content, err := h.exemptable(ctx, who, q.Repository, t)
	if err != nil {
		return Exemption{}, err
	}
	out, err := h.exempt(ctx, who, e, q.Repository, grant{
		target: t, reason: q.Reason, life: last, content: content, request: id,
	})
	if err == nil {
		q.State, q.DecidedAt, q.DecidedBy, q.ExemptionID = Granted, e.At, person(e.Actor), out.ID
		h.decided(ctx, q)
	}
	return out, err
}

// toDecide returns an open request that the caller may decide, and its target. It fills in the audit entry.
func (h *Holds) toDecide(ctx context.Context, who access.Caller, e *audit.Entry,
	id string,
) (q Request, t Target, err error) {
	err = h.view(ctx, func(tx Tx) error {
		q, err = tx.Request(ctx, id)
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return q, t, noRequest
	} else if err != nil {
		return q, t, err
	}
	e.Subject, e.Project, e.Version, e.Filename = id, q.Project, q.Version, q.Filename
	if _, err := h.managed(ctx, who, *e, q.Repository); fault.Is(err, fault.NotFound) {
		return q, t, noRequest
	} else if err != nil {
		return q, t, err
	}
	if q.State != Open {
		return q, t, errDecided
	}
	t, err = q.target()
	return q, t, err
}

// Refuse refuses an open request with an answer. It needs a maintainer of the repository. It returns fault.NotFound if
// there is no such request or the caller may not see the repository, fault.Conflict if it has been decided, and
// fault.Invalid without an answer.
func (h *Holds) Refuse(ctx context.Context, who access.Caller, id, answer string) (Request, error) {
	if err := checkReason("answer", answer); err != nil {
		return Request{}, err
	}
	e := h.changes.Entry(who, "exemption.refuse", map[string]any{"answer": answer})
	q, _, err := h.toDecide(ctx, who, &e, id)
	if err != nil {
		return Request{}, err
	}
	q.State, q.DecidedAt, q.DecidedBy, q.Answer = Refused, e.At, person(e.Actor), answer
	err = h.changes.Update(ctx, who, e, func(tx Tx, who access.Caller) error {
		r, err := tx.RepositoryByName(ctx, q.Repository)
		if err != nil {
			return err
		}
		if !mayManage(who, r) {
			return errNoMaintainer
		}
		did, err := tx.DecideRequest(ctx, q)
		if err != nil {
			return err
		}
		if !did {
			return errDecided
		}
		e := e // this may run again
		e.Repository = r.ID
		return tx.InsertAudit(ctx, e)
	})
	if err != nil {
		return Request{}, err
	}
	h.decided(ctx, q)
	return q, nil
}

func (h *Holds) decided(ctx context.Context, q Request) {
	if h.o.Decided != nil {
		h.o.Decided(context.WithoutCancel(ctx), q)
	}
}
