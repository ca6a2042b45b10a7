package publishers

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// ConstrainRequest says how a publisher of a project shall be narrower.
type ConstrainRequest struct {
	ID         string            // of the publisher
	Repository string            // of this index; "" for main
	Project    string            // in any spelling
	Fields     map[string]string // that it does not have yet; see Provider.Compile
}

// Constrain gives a project a narrower publisher in place of one that it has, in one transaction: other projects keep
// the old one. A publisher that says the same already is used again. Only the project's owners and administrators may;
// others get the fault.NotFound of a project that does not exist, as does the id of a publisher that is not the
// project's. fault.Invalid names the field that is wrong, or that the publisher has already.
func (r *Registry) Constrain(ctx context.Context, who access.Caller, req ConstrainRequest) (Added, error) {
	if err := CheckKnown(who); err != nil {
		return Added{}, err
	}
	name, err := packaging.ParseProjectName(req.Project)
	if err != nil {
		return Added{}, err
	}
	var out Added
	err = access.Update(ctx, r.store, who, func(tx Tx, who access.Caller) error {
		project, err := ProjectFor(ctx, tx, who, req.Repository, name)
		if err != nil {
			return err
		}
		old, err := attachedPublisher(ctx, tx, project, req.ID)
		if err != nil {
			return err
		}
		p, err := r.narrowed(who, old, req.Fields)
		if err != nil {
			return err
		}
		out, err = r.replace(ctx, tx, who, project, old, p)
		return err
	})
	return out, err
}

// attachedPublisher returns a publisher of a project; one that is not its is fault.NotFound.
func attachedPublisher(ctx context.Context, tx Tx, project catalog.Project, id string) (Publisher, error) {
	none := fault.New(fault.NotFound, "project %s has no publisher %.80q", project.Name, id)
	if id == "" {
		return Publisher{}, none // "" means all to AttachedTo
	}
	links, err := tx.AttachedTo(ctx, id, project.ID)
	if err != nil || len(links) == 0 {
		return Publisher{}, cmp.Or(err, none)
	}
	return links[0].Publisher, nil
}

// narrowed makes the row of a publisher that says more fields than old. What old is pinned to stays.
func (r *Registry) narrowed(who access.Caller, old Publisher, more map[string]string) (Publisher, error) {
	provider := r.providers[old.Provider]
	if provider == nil {
		return old, fault.New(fault.Invalid, "this index does not know publishers of kind %s", old.Provider)
	}
	fields := maps.Clone(old.Fields)
	if pin := provider.PinField(); pin != "" && old.OwnerID != "" && !strings.Contains(old.OwnerID, "/") {
		fields[pin] = old.OwnerID
	}
	for _, name := range slices.Sorted(maps.Keys(more)) {
		v := more[name]
		field, _ := provider.Field(name)
		if field.Renames {
			return old, fault.InField(name,
				"%s makes it another workflow, not a narrower publisher: add another one, and remove this", name)
		}
		key := cmp.Or(field.RuleName(), name)
		if has := fields[key]; v != "" && has != "" && has != v {
			return old, fault.InField(name, "the publisher says %s already: %.100q. Add another one, and remove this", name, has)
		}
		if v != "" {
			fields[key] = v
		}
	}
	rule, err := provider.Compile(fields)
	if err != nil {
		return old, err
	}
	p := old
	p.ID, p.Fields, p.CreatedAt, p.CreatedBy = r.o.NewID(), rule.Fields, r.o.Now(), who.ID()
	if rule.OwnerID != "" {
		p.OwnerID = rule.OwnerID
	}
	if SameRule(p, old) && p.OwnerID == old.OwnerID {
		return old, fault.New(fault.Invalid,
			"the publisher is as narrow as that already: name something that it does not say yet")
	}
	return p, nil
}

// replace gives a project p in place of old and records both.
func (r *Registry) replace(ctx context.Context, tx Tx, who access.Caller, project catalog.Project,
	old, p Publisher,
) (Added, error) {
	p, err := settled(ctx, tx, project, p)
	if err != nil {
		return Added{}, err
	}
	at := r.o.Now()
	if err := AttachOnce(ctx, tx,
		Attached{
			Publisher: p,
			ProjectID: project.ID,
			Project:   project.Name.String(),
			AddedAt:   at,
			AddedBy:   who.ID(),
		}); err != nil {
		return Added{}, err
	}
	if _, err := tx.Detach(ctx, old.ID, project.ID); err != nil {
		return Added{}, err
	}
	// Callers are kept in memory while the counter stands still.
	if _, err := tx.NextSerial(ctx); err != nil {
		return Added{}, err
	}
	added, removed := r.Detail(p), r.Detail(old)
	added["constrains"], removed["constrained_by"] = old.ID, p.ID
	if err := tx.InsertAudit(ctx, r.entry("publisher.add", who.Actor(), project, p.ID, at, added)); err != nil {
		return Added{}, err
	}
	return Added{
		ID: p.ID, Project: project.Name.String(), Provider: p.Provider, Issuer: p.Issuer, Sentence: r.Sentence(p),
		Fields: p.Fields, OwnerID: p.OwnerID,
	}, tx.InsertAudit(ctx, r.entry("publisher.remove", who.Actor(), project, old.ID, at, removed))
}

// settled keeps p, or finds the publisher of the project that says the same: a copy of it that is not pinned would be
// open to whoever takes the owner's name next.
func settled(ctx context.Context, tx Tx, project catalog.Project, p Publisher) (Publisher, error) {
	links, err := tx.AttachedTo(ctx, "", project.ID)
	if err != nil {
		return p, err
	}
	for _, l := range links {
		if q := l.Publisher; SameRule(p, q) && (p.OwnerID == "" || p.OwnerID == q.OwnerID) {
			return q, nil
		} else if SameRule(p, q) && q.OwnerID == "" {
			if _, err := tx.Detach(ctx, q.ID, project.ID); err != nil {
				return p, err
			}
		}
	}
	return tx.PutPublisher(ctx, p)
}
