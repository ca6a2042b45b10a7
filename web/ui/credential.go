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
	Mark     access.TokenMark // what is to be noticed about its life
}

// NewTokenRow returns a token as the lists show it to a reader.
func NewTokenRow(d *access.Directory, now time.Time, t access.TokenInfo, reader access.Caller) TokenRow {
	row := TokenRow{TokenInfo: t, Mark: d.Mark(t.Token)}
	row.Sentence, row.Expired = TokenSentence(now, t, reader)
	return row
}

// TokenSentence tells a reader what a token may do, and until when.
func TokenSentence(now time.Time, t access.TokenInfo, reader access.Caller) (text string, expired bool) {
	person := "you"
	if t.UserID != reader.ID() {
		person = t.User
	}
	where := "everything " + person + " can access"
	if t.Limited {
		where = List(t.Projects)
		if where == "" {
			where = "projects that are gone"
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

// NewSessionView returns a session as the lists show it to a reader.
func NewSessionView(x access.Session, reader access.Caller) SessionView {
	return SessionView{x, Browser(x.Agent), x.ID == reader.SessionID()}
}

// Browser says in words what a browser says of itself.
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

// RevocationDelay completes a sentence about a right that was taken away with how long it may still be accepted.
func (k *Kit) RevocationDelay() string {
	if k.Believed <= 0 {
		return ""
	}
	return fmt.Sprintf(" A replica that cannot reach the database may still accept it for up to %d seconds.",
		int64(k.Believed.Seconds()))
}
