package access

import (
	"context"
	"regexp"
	"strings"
	"time"

	"pyindex/internal/fault"
)

// Leak is a token that somebody found where no token belongs.
type Leak struct {
	Token  Secret
	Type   string // the finder's word for the kind of token
	URL    string // where it was found, "" where the finder does not say
	Source string // what was searched, as "content" or "commit"
}

// Leaked ends the tokens that were found in public, whoever's they are, from the next request on. Anybody may report:
// who has a token may end it. What is no token of this index, or has been revoked, is passed over, so nothing can be
// learnt by asking. The record says of each token that ended where it was found.
func (d *Directory) Leaked(ctx context.Context, who Caller, leaks []Leak) error {
	at := d.now()
	return d.store.Update(ctx, func(tx Tx) error {
		ended := false
		for _, l := range leaks {
			did, err := d.endLeaked(ctx, tx, who, l, at)
			if err != nil {
				return err
			}
			ended = ended || did
		}
		if !ended {
			return nil
		}
		_, err := tx.NextSerial(ctx)
		return err
	})
}

func (d *Directory) endLeaked(ctx context.Context, tx Tx, who Caller, l Leak, at time.Time) (bool, error) {
	if !WellFormed(l.Token) {
		return false, nil
	}
	t, err := tx.TokenByHash(ctx, HashToken(l.Token))
	if fault.Is(err, fault.NotFound) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	did, err := tx.RevokeToken(ctx, t.ID, at)
	if err != nil || !did {
		return false, err
	}
	e := d.entry(who, "token.leaked", t.ID, map[string]any{
		"kind": string(t.Kind), "user": t.UserID, "publisher": t.Publisher, "description": t.Description,
		"type": quotable(l.Type), "url": quotable(l.URL), "source": quotable(l.Source),
	})
	return true, tx.InsertAudit(ctx, e)
}

// tokens are what looks like a token of an index, whole or in part.
var tokens = regexp.MustCompile(regexp.QuoteMeta(TokenPrefix) + `[0-9A-Za-z]*`)

// quotable is what the record keeps of a stranger's text: bounded, and without a token that stands in it.
func quotable(s string) string {
	const most = 500
	s = tokens.ReplaceAllString(s, hidden)
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\uFFFD"), "\uFFFD")
}
