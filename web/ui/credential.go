package ui

import (
	"fmt"
	"strings"
	"time"

	"pyindex/internal/access"
)

// TokenRow is an API token in a list.
type TokenRow struct {
	access.TokenInfo
	Sentence string
	Expired  bool
	Mark     access.TokenMark // remark about its lifetime
}

// NewTokenRow returns the list row of a token.
func NewTokenRow(d *access.Directory, now time.Time, t access.TokenInfo, reader access.Caller) TokenRow {
	row := TokenRow{TokenInfo: t, Mark: d.Mark(t.Token)}
	row.Sentence, row.Expired = TokenSentence(now, t, reader)
	return row
}

// TokenSentence describes the permissions and expiry of a token.
func TokenSentence(now time.Time, t access.TokenInfo, reader access.Caller) (text string, expired bool) {
	person := "you"
	if t.UserID != reader.ID() {
		person = t.User
	}
	where := "everything " + person + " can access"
	if t.Limited {
		where = List(t.Projects)
		if where == "" {
			where = "deleted projects"
		}
	}
	switch t.Scope {
	case access.ScopeRead:
		text = "Reads " + where
	case access.ScopeUpload:
		text = "Reads and uploads to " + where
	default:
		text = "Does everything " + person + " can do"
	}
	switch expired = !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt); {
	case expired:
		text += ", until it expired on " + Day(t.ExpiresAt)
	case t.ExpiresAt.IsZero():
		text += ", and does not expire"
	default:
		text += ", until " + Day(t.ExpiresAt)
	}
	return text, expired
}

// SessionView is a session in a list.
type SessionView struct {
	access.Session
	Browser string
	Here    bool
}

// NewSessionView returns the list row of a session.
func NewSessionView(x access.Session, reader access.Caller) SessionView {
	return SessionView{x, Browser(x.Agent), x.ID == reader.SessionID()}
}

// Browser describes a User-Agent header, for example "Firefox on Linux".
func Browser(agent string) string {
	name, system := "A browser", ""
	for _, b := range [][2]string{
		{"Edg/", "Edge"},
		{"OPR/", "Opera"},
		{"Firefox/", "Firefox"},
		{"Chrome/", "Chrome"},
		{"Safari/", "Safari"},
		{"curl/", "curl"},
	} {
		if strings.Contains(agent, b[0]) {
			name = b[1]
			break
		}
	}
	for _, o := range [][2]string{
		{"iPhone", "an iPhone"},
		{"iPad", "an iPad"},
		{"Android", "Android"},
		{"Windows", "Windows"},
		{"Mac OS X", "macOS"},
		{"Linux", "Linux"},
	} {
		if strings.Contains(agent, o[0]) {
			system = " on " + o[1]
			break
		}
	}
	return name + system
}

// RevocationDelay returns the sentence to append to a message about revoked access: how long replicas without database
// access may still accept it. It returns "" if there is no such delay.
func (k *Kit) RevocationDelay() string {
	if k.Believed <= 0 {
		return ""
	}
	return fmt.Sprintf(" A replica that cannot reach the database may still accept it for up to %d seconds.",
		int64(k.Believed.Seconds()))
}
