package access

import (
	"context"
	"regexp"
	"strings"
	"time"

	"pyindex/internal/fault"
)

// Leak is a token found in a public place.
type Leak struct {
	Token  Secret
	Type   string // kind of token, in the finder's terms
	URL    string // place of the find, or "" if the finder gives none
	Source string // source that was searched, such as "content" or "commit"
}

// Leaked revokes tokens that were found in public, regardless of their owner. The change takes effect with the next
// request. Anyone may report a token, because a bearer may end it anyway. It ignores unknown and revoked tokens
// silently, so a caller learns nothing from the answer. The audit log names the place where each token was found.
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

// tokens matches text that looks like a token of an index, whole or in part.
var tokens = regexp.MustCompile(regexp.QuoteMeta(TokenPrefix) + `[0-9A-Za-z]*`)

// quotable prepares a stranger's text for the audit log: it limits the length and masks tokens in it.
func quotable(s string) string {
	const most = 500
	s = tokens.ReplaceAllString(s, hidden)
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\uFFFD"), "\uFFFD")
}
