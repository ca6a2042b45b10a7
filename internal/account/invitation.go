package account

import (
	"context"
	"errors"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account/onetime"
	"pyindex/internal/account/outbox"
	"pyindex/internal/fault"
)

// OpenInvitation is an invitation that can still be accepted or approved.
type OpenInvitation struct {
	onetime.Link
	By      string // name of the inviting user, "" for the operator
	Waiting bool   // awaiting an administrator's approval
	// Announce is set by Invite if administrators should get a letter about the invitation. They get at most one a day,
	// unless one of them approved or refused an invitation since.
	Announce bool
}

// Inviter decides which roles a caller may give with an invitation. *roles.Roles implements it.
type Inviter interface {
	// MayGrant returns the grant to store with an invitation, or fault.Denied if the caller may not give the role.
	MayGrant(ctx context.Context, who access.Caller, repository, project string, role access.Role) (onetime.Grant, error)
}

// NewInvitation is the input of Invite.
type NewInvitation struct {
	Name, Email string // optional
	Admin       bool
	Grants      []onetime.Grant // as returned by Inviter
}

// Invite returns the secret of a link that creates an account. Administrators may invite, and so may callers to whom an
// Inviter allowed the grants; Admin requires an administrator. Invitations by other callers than administrators wait
// for approval, unless Options.OwnersInvite is set. Invite returns fault.TooMany if the caller has too many open
// invitations.
func (a *Accounts) Invite(ctx context.Context, who access.Caller, n NewInvitation,
) (OpenInvitation, access.Secret, error) {
	var named error
	if n.Name != "" {
		named = checkName(n.Name)
	}
	if err := errors.Join(named, checkEmail(n.Email)); err != nil {
		return OpenInvitation{}, "", err
	}
	l, secret := onetime.New(a.o.NewID(), onetime.Invite, a.o.Now(), inviteLife)
	l.CreatedBy, l.Invitation = who.ID(), onetime.Invitation(n)
	waits, announce := false, false
	err := access.Update(ctx, a.store, who, func(tx Tx, who access.Caller) (err error) {
		if !who.Admin() && (n.Admin || len(n.Grants) == 0 || who.SessionID() == "") {
			return fault.New(fault.Denied,
				"you may invite people to your own projects only: ask an administrator for anything else")
		}
		for _, g := range n.Grants { // decided by the Inviter before, and again here with current rights
			if !who.May(access.Owner, access.Object{RepositoryID: g.RepositoryID, ProjectID: g.ProjectID}) {
				return fault.New(fault.Denied, "only an owner may invite people there")
			}
		}
		if n.Name != "" {
			if _, err := tx.UserByName(ctx, n.Name); err == nil {
				return fault.InField("name", "user %s exists already: give the role to that account", n.Name)
			} else if !fault.Is(err, fault.NotFound) {
				return err
			}
		}
		if waits, err = a.waits(ctx, tx, l); err != nil {
			return err
		}
		if !who.Admin() {
			if err := a.bounded(ctx, tx, who, waits); err != nil {
				return err
			}
		}
		announce = false
		if waits {
			if announce, err = a.announces(ctx, tx); err != nil {
				return err
			}
		}
		if err := tx.InsertLink(ctx, l); err != nil {
			return err
		}
		detail := map[string]any{"name": n.Name, "email": n.Email, "admin": n.Admin, "grants": n.Grants, "waiting": waits}
		return tx.InsertAudit(ctx, a.entry(who, "user.invite", l.ID, detail))
	})
	if err != nil {
		return OpenInvitation{}, "", err
	}
	o := OpenInvitation{Link: l, Waiting: waits, Announce: announce}
	if l.CreatedBy != "" {
		o.By = who.Name()
	}
	return o, secret, nil
}

// Limits on the open invitations of one user. Administrators have no limits.
const (
	maxWaiting = 10  // awaiting approval
	maxOpen    = 100 // in total
)

func (a *Accounts) bounded(ctx context.Context, tx Tx, who access.Caller, waits bool) error {
	all, err := tx.Links(ctx, onetime.Invite, a.o.Now())
	if err != nil {
		return err
	}
	open, waiting := 0, 0
	for _, l := range all {
		if l.CreatedBy != who.ID() {
			continue
		}
		w, err := a.waits(ctx, tx, l)
		if err != nil {
			return err
		}
		if open++; w {
			waiting++
		}
	}
	switch {
	case waits && waiting >= maxWaiting:
		return fault.New(fault.TooMany,
			"%d of your invitations are awaiting approval already: revoke one, or wait until one is approved", waiting)
	case open >= maxOpen:
		return fault.New(fault.TooMany, "you have %d open invitations already: revoke one, or wait until some are used",
			open)
	}
	return nil
}

// announcedBucket stores the time of the last letter to administrators about a waiting invitation.
const announcedBucket = "invitation-letter"

// announceEvery is the interval of such letters, unless an administrator decided about an invitation since.
const announceEvery = 24 * time.Hour

// announces reports whether a letter about a waiting invitation is due, and if so records it as sent.
func (a *Accounts) announces(ctx context.Context, tx Tx) (bool, error) {
	n, last, err := tx.Attempts(ctx, announcedBucket)
	if err != nil || n > 0 && a.o.Now().Sub(last) < announceEvery {
		return false, err
	}
	return true, tx.PutAttempts(ctx, announcedBucket, 1, a.o.Now())
}

// decided has the next waiting invitation announced at once, since an administrator has just seen the list.
func (a *Accounts) decided(ctx context.Context, tx Tx) error {
	return tx.PutAttempts(ctx, announcedBucket, 0, a.o.Now())
}

// Invitations returns the open invitations, newest first: all for an administrator, and their own for other users.
func (a *Accounts) Invitations(ctx context.Context, who access.Caller) (out []OpenInvitation, err error) {
	if !who.Known() {
		return nil, fault.New(fault.Unauthenticated, "sign in first")
	}
	err = a.store.View(ctx, func(tx Tx) error {
		all, err := tx.Links(ctx, onetime.Invite, a.o.Now())
		out = nil
		for _, l := range all {
			if !who.Admin() && (who.SessionID() == "" || l.CreatedBy != who.ID()) {
				continue
			}
			o, err := a.open(ctx, tx, l)
			if err != nil {
				return err
			}
			out = append(out, o)
		}
		return err
	})
	return out, err
}

func (a *Accounts) open(ctx context.Context, tx Tx, l onetime.Link) (o OpenInvitation, err error) {
	o.Link = l
	if o.Waiting, err = a.waits(ctx, tx, l); err != nil {
		return o, err
	}
	o.By, err = nameOf(ctx, tx, l.CreatedBy)
	return o, err
}

// nameOf returns the name of a user by ID, and "" for the operator or a deleted account.
func nameOf(ctx context.Context, tx Tx, id string) (string, error) {
	if id == "" {
		return "", nil
	}
	u, err := tx.UserByID(ctx, id)
	if fault.Is(err, fault.NotFound) {
		return "", nil
	}
	return u.Name, err
}

// openByID returns an open invitation that the caller may see. It returns fault.NotFound for any other id.
func (a *Accounts) openByID(ctx context.Context, tx Tx, who access.Caller, id string) (OpenInvitation, error) {
	all, err := tx.Links(ctx, onetime.Invite, a.o.Now())
	for _, l := range all {
		if l.ID == id && (who.Admin() || who.SessionID() != "" && l.CreatedBy == who.ID()) {
			return a.open(ctx, tx, l)
		}
	}
	if err == nil {
		err = fault.New(fault.NotFound, "there is no such invitation: it was used, has expired or was revoked")
	}
	return OpenInvitation{}, err
}

// ApproveInvitation approves a waiting invitation. Its link then works for a week. It requires an administrator. It
// returns fault.NotFound if the invitation is not open, and fault.Conflict if it does not wait for approval or its
// creator may no longer give its roles. If several administrators approve it at once, one succeeds.
func (a *Accounts) ApproveInvitation(ctx context.Context, who access.Caller, id string) (o OpenInvitation, err error) {
	const why = "only an administrator may approve an invitation"
	now := a.o.Now()
	return o, a.asAdmin(ctx, who, "user.approve-invitation", id, why, func(tx Tx, who access.Caller) error {
		if o, err = a.openByID(ctx, tx, who, id); err != nil {
			return err
		}
		if ok, err := mayStillGive(ctx, tx, o.Link); err != nil {
			return err
		} else if !ok {
			return fault.New(fault.Conflict,
				"%s can no longer give the roles of this invitation; refuse it, or invite the person yourself", o.By)
		}
		did, err := tx.ApproveLink(ctx, id, who.ID(), now, now.Add(inviteLife))
		if err == nil && (!did || !o.Waiting) {
			err = fault.New(fault.Conflict, "this invitation is not awaiting approval; someone may have approved it just now")
		}
		if err != nil {
			return err
		}
		if err := a.decided(ctx, tx); err != nil {
			return err
		}
		o.Waiting, o.ApprovedAt, o.ApprovedBy, o.ExpiresAt = false, now, who.ID(), now.Add(inviteLife)
		return tx.InsertAudit(ctx, a.entry(who, "user.approve-invitation", id, o.detail()))
	})
}

func (o OpenInvitation) detail() map[string]any {
	return map[string]any{
		"by": o.By, "name": o.Invitation.Name, "email": o.Invitation.Email, "grants": o.Invitation.Grants,
	}
}

// RevokeInvitation ends an open invitation. It returns fault.NotFound unless the caller may see it. If an administrator
// ends one that waits for approval, that is recorded as a refusal.
func (a *Accounts) RevokeInvitation(ctx context.Context, who access.Caller, id string) (o OpenInvitation, err error) {
	if !who.Known() {
		return o, fault.New(fault.Unauthenticated, "sign in first")
	}
	return o, access.Update(ctx, a.store, who, func(tx Tx, who access.Caller) error {
		if o, err = a.openByID(ctx, tx, who, id); err != nil {
			return err
		}
		did, err := tx.UseLink(ctx, id, a.o.Now())
		if err == nil && !did {
			err = fault.New(fault.NotFound, "this invitation was used or revoked already")
		}
		if err != nil {
			return err
		}
		action := "user.revoke-invitation"
		if o.Waiting && who.Admin() {
			action = "user.refuse-invitation"
			if err := a.decided(ctx, tx); err != nil {
				return err
			}
		}
		return tx.InsertAudit(ctx, a.entry(who, action, id, o.detail()))
	})
}

// AdminAddresses returns the e-mail addresses of active administrators, for letters about the index itself. It omits
// administrators without an address.
func (a *Accounts) AdminAddresses(ctx context.Context) (out []string, err error) {
	err = a.store.View(ctx, func(tx Tx) error {
		out = nil
		users, err := tx.Users(ctx)
		for _, u := range users {
			if !u.Admin || !u.Active() {
				continue
			}
			p, err := access.ProfileOf(ctx, tx, u.ID)
			if err != nil {
				return err
			}
			if p.Email != "" {
				out = append(out, p.Email)
			}
		}
		return err
	})
	return out, err
}

func (o OpenInvitation) where() string {
	var roles []string
	for _, g := range o.Invitation.Grants {
		roles = append(roles, g.Role+" of "+g.Where)
	}
	return strings.Join(roles, ", ")
}

// WaitingLetter asks an administrator to approve or refuse an invitation; link is the URL of the list.
func WaitingLetter(index string, o OpenInvitation, link string) outbox.Letter {
	whom := "someone"
	if o.Invitation.Name != "" {
		whom = o.Invitation.Name
	}
	return outbox.Letter{
		Subject: "An invitation to " + index + " is awaiting your approval",
		Text: o.By + " invited " + whom + " to " + index + " as " + o.where() + ".\n\n" +
			"The invitation creates a new account, so an administrator must approve it first. Approve or refuse it here:\n\n" +
			link + "\n\n" +
			"More may be waiting by the time you look. Until one is approved or refused, you get at most one such message a day.\n",
	}
}

// ApprovedLetter informs a user that their invitation was approved and its link works now.
func ApprovedLetter(index string, o OpenInvitation) outbox.Letter {
	return outbox.Letter{
		Subject: "Your invitation to " + index + " was approved",
		Text: "Your invitation to " + index + " as " + o.where() + " was approved.\n\n" +
			"Its link can now be used once, until " + o.ExpiresAt.UTC().Format("2 January 2006 15:04 UTC") + ".\n",
	}
}
