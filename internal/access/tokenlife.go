package access

import (
	"fmt"
	"time"

	"pyindex/internal/fault"
)

// TokenMark is what is to be noticed about how long an API token lives. It reads as people see it.
type TokenMark string

// The marks. The zero one is for a token about which nothing is to be said.
const (
	TokenExpired  TokenMark = "expired"
	TokenEndsSoon TokenMark = "expires soon"
	TokenEndless  TokenMark = "no expiry"
	TokenTooLong  TokenMark = "longer than allowed"
)

// warnBefore is how long before its end a token is marked. One that lives for less than three times as long is marked
// in the last third of its life, so that a token for a week is not marked from the start.
const warnBefore = 30 * 24 * time.Hour

// EndsSoonFrom returns the moment from which people are warned that the token ends; zero if it does not end.
func (t Token) EndsSoonFrom() time.Time {
	if t.ExpiresAt.IsZero() {
		return time.Time{}
	}
	return t.ExpiresAt.Add(-min(warnBefore, t.ExpiresAt.Sub(t.CreatedAt)/3))
}

// Mark returns what is to be noticed about an API token now. Tokens that were made before the settings allowed less
// keep their life, and are marked.
func (d *Directory) Mark(t Token) TokenMark {
	now := d.now()
	switch {
	case t.ExpiresAt.IsZero():
		return TokenEndless
	case !now.Before(t.ExpiresAt):
		return TokenExpired
	case !now.Before(t.EndsSoonFrom()):
		return TokenEndsSoon
	case d.maxLife > 0 && t.ExpiresAt.Sub(t.CreatedAt) > d.maxLife:
		return TokenTooLong
	}
	return ""
}

// TokenLife returns the longest life that a new API token may have, 0 for no bound, and the life of one for which none
// is asked, 0 for no end.
func (d *Directory) TokenLife() (longest, usual time.Duration) { return d.maxLife, d.usualLife }

// tokenEnd returns when a token that is made at a moment ends, zero for never. It returns fault.Invalid about the field
// expires if the settings do not allow as much.
func (d *Directory) tokenEnd(n NewAPIToken, made time.Time) (time.Time, error) {
	life := n.Expires
	if life == 0 && !n.Endless {
		life = d.usualLife
	}
	if d.maxLife > 0 && (life == 0 || life > d.maxLife) {
		return time.Time{},
			fault.InField("expires", "API tokens expire after at most %s here: choose %[1]s or less", Days(d.maxLife))
	}
	if life == 0 {
		return time.Time{}, nil
	}
	return made.Add(life), nil
}

// Days is a duration as people and settings write it: in whole days if it is some, as "90 days", and else as "36h0m0s".
func Days(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d == day:
		return "1 day"
	case d > 0 && d%day == 0:
		return fmt.Sprintf("%d days", d/day)
	}
	return d.String()
}

// TokenWarning returns a sentence for the bearer of an API token that ends soon, "" for everybody else.
func (c Caller) TokenWarning(now time.Time) string {
	if c.tokenWarns.IsZero() || now.Before(c.tokenWarns) {
		return ""
	}
	return "the API token that was used expires on " + c.tokenEnds.UTC().Format("2006-01-02") +
		": make a new one before then"
}
