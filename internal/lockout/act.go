package lockout

import (
	"context"
	"maps"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
)

// carryOut revokes everything in the plan, and records it as one audit entry.
func (d *Desk) carryOut(ctx context.Context, tx Tx, who access.Caller, p *plan, r Request, e audit.Entry) error {
	at := d.o.Now()
	if _, err := tx.NextSerial(ctx); err != nil { // cached callers are valid until the serial changes
		return err
	}
	if err := d.endUser(ctx, tx, who, p, r.Force, at); err != nil {
		return err
	}
	for _, t := range p.Tokens {
		if _, err := tx.RevokeToken(ctx, t.ID, at); err != nil {
			return err
		}
	}
	for _, id := range p.links {
		if _, err := tx.UseLink(ctx, id, at); err != nil {
			return err
		}
	}
	// before the trust ends: the bindings of minted tokens, which end with it, tell which uploads are the publisher's
	if r.Quarantine {
		n, err := catalog.QuarantineAll(ctx, tx, p.uploads, at, r.Reason, func(action string) audit.Entry {
			q := d.entry(who, action)
			q.Detail = map[string]any{"reason": r.Reason, "lockout": e.ID}
			return q
		})
		if err != nil {
			return err
		}
		p.Quarantined = n
		for i, f := range p.Uploads {
			if !f.Quarantined() {
				p.Uploads[i].QuarantinedAt, p.Uploads[i].QuarantineReason = at, r.Reason
			}
		}
	}
	if err := d.endTrust(ctx, tx, who, p); err != nil {
		return err
	}
	e.Detail = p.parts(r)
	return tx.InsertAudit(ctx, e)
}

func (d *Desk) endUser(ctx context.Context, tx Tx, who access.Caller, p *plan, force bool, at time.Time) error {
	if p.Kind != User {
		return nil
	}
	if err := p.other(who); err != nil {
		return err
	}
	if p.LastAdmin && who.Kind() != access.KindOperator {
		return fault.New(fault.Conflict, "%s is the only active administrator: make another user an administrator first",
			p.user.Name)
	} else if p.LastAdmin && !force {
		return fault.New(fault.Conflict,
			"%s is the only active administrator: make another user an administrator first, or use --force",
			p.user.Name)
	}
	if _, err := tx.EndSessionsOf(ctx, p.user.ID, "", at); err != nil {
		return err
	}
	if p.user.Active() {
		p.user.DisabledAt = at
	}
	return tx.UpdateUser(ctx, p.user)
}

// other returns fault.Conflict if the caller is the user to be locked out.
func (p *plan) other(who access.Caller) error {
	if p.Kind == User && who.Kind() == access.KindUser && p.user.ID == who.ID() {
		return fault.New(fault.Conflict,
			"you cannot lock yourself out: ask another administrator, or run index lockout user %s on the server", p.user.Name)
	}
	return nil
}

// endTrust removes the publishers of projects and repositories, pending publishers, and readers. Each project's history
// gets its own entry, and each repository's.
func (d *Desk) endTrust(ctx context.Context, tx Tx, who access.Caller, p *plan) error {
	for _, l := range p.attached {
		project, err := tx.ProjectByID(ctx, l.ProjectID)
		if err != nil {
			return err
		}
		if _, err := tx.Detach(ctx, l.Publisher.ID, l.ProjectID); err != nil {
			return err
		}
		e := d.entry(who, "publisher.remove")
		e.Repository, e.Project, e.Subject = project.Repository.ID, project.Name.String(), l.Publisher.ID
		e.Detail = map[string]any{"publisher": p.Sentence, "lockout": p.Name}
		if err := tx.InsertAudit(ctx, e); err != nil {
			return err
		}
	}
	for _, l := range p.wide {
		if _, err := tx.DeleteRepositoryPublisher(ctx, l.ID); err != nil {
			return err
		}
		e := d.entry(who, "publisher.remove")
		e.Repository, e.Subject = l.RepositoryID, l.Publisher.ID
		e.Detail = map[string]any{"publisher": p.Sentence, "lockout": p.Name, "names": l.Prefix.Pattern()}
		if err := tx.InsertAudit(ctx, e); err != nil {
			return err
		}
	}
	for _, id := range p.pending {
		if _, err := tx.DeletePending(ctx, id); err != nil {
			return err
		}
		if err := tx.EndReservations(ctx, id, d.o.Now().Add(catalog.AfterPending)); err != nil {
			return err
		}
	}
	for _, id := range p.readers {
		if _, err := tx.DeleteReader(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// parts returns the details of the audit entry.
func (p *plan) parts(r Request) map[string]any {
	tokens := make([]string, 0, len(p.Tokens))
	for _, t := range p.Tokens {
		tokens = append(tokens, t.ID)
	}
	out := map[string]any{
		"who": p.Sentence, "tokens": tokens, "uploads": p.Uploaded, "since": r.Since.UTC().Format(time.RFC3339),
	}
	maps.DeleteFunc(out, func(_ string, v any) bool { s, ok := v.([]string); return ok && len(s) == 0 })
	for name, n := range map[string]int{
		"sessions": p.Sessions, "links": p.Links, "invitations": p.Invitations, "readers": p.Readers,
		"quarantined": p.Quarantined,
	} {
		if n > 0 {
			out[name] = n
		}
	}
	for name, list := range map[string][]string{"pending_publishers": p.Pending, "publisher_removed_from": p.Projects} {
		if len(list) > 0 {
			out[name] = list
		}
	}
	if p.Kind == User && !p.Already {
		out["disabled"] = true
	}
	if r.Reason != "" {
		out["reason"] = r.Reason
	}
	return out
}
