package outbox

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"pyindex/internal/access"
)

// Reminder is a message to a person about API tokens that expire soon.
type Reminder struct {
	User, Email string
	Tokens      []access.Token // the earliest expiry first
}

// remindAhead is the window of tokens to examine. access.Token.EndsSoonFrom decides when each one is due.
const remindAhead = 31 * 24 * time.Hour

// RemindOfTokens calls send once for each user with an address whose API tokens expire soon. Each token appears in one
// reminder across all processes, or again in the next one if send fails. It returns the errors of send.
func (b *Outbox) RemindOfTokens(ctx context.Context, send func(context.Context, Reminder) error) error {
	due, err := b.reminders(ctx)
	for _, r := range due {
		e := b.claim(ctx, &r)
		if e == nil && len(r.Tokens) > 0 {
			if e = send(ctx, r); e != nil {
				e = errors.Join(e, b.release(context.WithoutCancel(ctx), r))
			}
		}
		err = errors.Join(err, e)
	}
	return err
}

// reminders returns the reminders that are due, by user.
func (b *Outbox) reminders(ctx context.Context) (out []Reminder, err error) {
	now := b.o.Now()
	return out, b.store.View(ctx, func(tx Tx) error {
		out = nil
		tokens, err := tx.TokensExpiring(ctx, now, now.Add(remindAhead))
		by := map[string]int{}
		for _, t := range tokens {
			if err != nil {
				break
			}
			if now.Before(t.EndsSoonFrom()) {
				continue
			}
			n, ok := by[t.UserID]
			if !ok {
				r, e := b.addressee(ctx, tx, t.UserID)
				n, err = len(out), e
				by[t.UserID], out = n, append(out, r)
			}
			out[n].Tokens = append(out[n].Tokens, t)
		}
		out = slices.DeleteFunc(out, func(r Reminder) bool { return r.Email == "" })
		return err
	})
}

// addressee returns a reminder for the user without tokens. Its address is "" if the user cannot be written to.
func (b *Outbox) addressee(ctx context.Context, tx Tx, userID string) (Reminder, error) {
	u, err := tx.UserByID(ctx, userID)
	if err != nil || !u.Active() {
		return Reminder{}, err
	}
	p, err := access.ProfileOf(ctx, tx, u.ID)
	return Reminder{User: u.Name, Email: p.Email}, err
}

// claim marks the tokens of a reminder, and drops those that another process has marked.
func (b *Outbox) claim(ctx context.Context, r *Reminder) error {
	all := r.Tokens
	return b.store.Update(ctx, func(tx Tx) error {
		r.Tokens = nil
		for _, t := range all {
			did, err := tx.WarnToken(ctx, t.ID, b.o.Now())
			if err != nil {
				return err
			}
			if did {
				r.Tokens = append(r.Tokens, t)
			}
		}
		return nil
	})
}

func (b *Outbox) release(ctx context.Context, r Reminder) error {
	return b.store.Update(ctx, func(tx Tx) error {
		for _, t := range r.Tokens {
			if err := tx.UnwarnToken(ctx, t.ID); err != nil {
				return err
			}
		}
		return nil
	})
}

// ReminderLetter lists the API tokens that expire soon; link is the URL of the tokens page.
func ReminderLetter(index string, r Reminder, link string) Letter {
	var text strings.Builder
	for _, t := range r.Tokens {
		text.WriteString("- " + cmp.Or(t.Description, "a token without a description") + " (" + t.Scope.String() +
			"): expires on " + t.ExpiresAt.UTC().Format("2 January 2006 15:04 UTC") + "\n")
	}
	return Letter{
		"Your API tokens at " + index + " expire soon",
		"These API tokens of " + r.User + " at " + index +
			" expire soon. Clients that use them will be refused after that:\n\n" +
			text.String() + "\nCreate new ones in time, or let them expire if nothing needs them:\n\n" + link +
			"\n\nThis message is sent once for each token.\n",
	}
}
