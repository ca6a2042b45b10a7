package access

import (
	"fmt"
	"time"

	"pyindex/internal/fault"
)

// TokenMark is a remark about the lifetime of an API token, as shown to people.
type TokenMark string

// The marks. The zero mark means that there is nothing to remark.
const (
	TokenExpired  TokenMark = "expired"
	TokenEndsSoon TokenMark = "expires soon"
	TokenEndless  TokenMark = "no expiry"
	TokenTooLong  TokenMark = "longer than allowed"
	TokenReplaced TokenMark = "replaced" // still works, for the overlap of RegenerateToken
)

// warnBefore is how long before its expiry a token is marked. A token with a lifetime below three times that is marked
// in the last third of it, so that a one-week token is not marked from the start.
const warnBefore = 30 * 24 * time.Hour

// EndsSoonFrom returns when warnings about the token's expiry begin. It returns zero if the token does not expire.
func (t Token) EndsSoonFrom() time.Time {
	if t.ExpiresAt.IsZero() {
		return time.Time{}
	}
	return t.ExpiresAt.Add(-min(warnBefore, t.ExpiresAt.Sub(t.CreatedAt)/3))
}

// Mark returns the mark of an API token now. Tokens created before the settings became stricter keep their lifetime,
// and are marked.
func (d *Directory) Mark(t Token) TokenMark {
	now := d.now()
	switch {
	case t.ExpiresAt.IsZero():
		return TokenEndless
	case !now.Before(t.ExpiresAt):
		return TokenExpired
	case t.ReplacedBy != "":
		return TokenReplaced
	case !now.Before(t.EndsSoonFrom()):
		return TokenEndsSoon
	case d.maxLife > 0 && t.ExpiresAt.Sub(t.CreatedAt) > d.maxLife:
		return TokenTooLong
	}
	return ""
}

// TokenLife returns the maximum lifetime of a new API token, 0 for no limit, and the default one, 0 for no expiry.
func (d *Directory) TokenLife() (longest, usual time.Duration) { return d.maxLife, d.usualLife }

// tokenEnd returns the expiry of a token created at the given time, or zero for none. It returns fault.Invalid about
// the field expires if the settings do not allow the lifetime.
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

// Days formats a duration in whole days if possible, as "90 days", and otherwise as "36h0m0s".
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

// TokenWarning returns a warning if c's API token expires soon, and "" otherwise.
func (c Caller) TokenWarning(now time.Time) string {
	if c.tokenWarns.IsZero() || now.Before(c.tokenWarns) {
		return ""
	}
	return "your API token expires on " + c.tokenEnds.UTC().Format("2006-01-02") + ": create a new one before then"
}
