package web

import (
	"fmt"
	"strings"
	"time"

	"pyindex/internal/access"
)

type tokenRow struct {
	access.TokenInfo
	Sentence string
	Expired  bool
	Mark     access.TokenMark // what is to be noticed about its life
}

// newTokenRow returns a token as the lists show it to a reader.
func newTokenRow(d *access.Directory, now time.Time, t access.TokenInfo, reader access.Caller) tokenRow {
	row := tokenRow{TokenInfo: t, Mark: d.Mark(t.Token)}
	row.Sentence, row.Expired = tokenSentence(now, t, reader)
	return row
}

// tokenSentence tells a reader what a token may do, and until when.
func tokenSentence(now time.Time, t access.TokenInfo, reader access.Caller) (text string, expired bool) {
	person := "you"
	if t.UserID != reader.ID() {
		person = t.User
	}
	where := "everything " + person + " can access"
	if t.Limited {
		where = list(t.Projects)
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
		text += ", until it expired on " + day(t.ExpiresAt)
	case t.ExpiresAt.IsZero():
		text += ", and does not expire"
	default:
		text += ", until " + day(t.ExpiresAt)
	}
	return text, expired
}

type sessionView struct {
	access.Session
	Browser string
	Here    bool
}

// newSessionView returns a session as the lists show it to a reader.
func newSessionView(x access.Session, reader access.Caller) sessionView {
	return sessionView{x, browser(x.Agent), x.ID == reader.SessionID()}
}

// browser says in words what a browser says of itself.
func browser(agent string) string {
	name, system := "A browser", ""
	for _, b := range [][2]string{{"Edg/", "Edge"}, {"OPR/", "Opera"}, {"Firefox/", "Firefox"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}, {"curl/", "curl"}} {
		if strings.Contains(agent, b[0]) {
			name = b[1]
			break
		}
	}
	for _, o := range [][2]string{{"iPhone", "an iPhone"}, {"iPad", "an iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"Mac OS X", "macOS"}, {"Linux", "Linux"}} {
		if strings.Contains(agent, o[0]) {
			system = " on " + o[1]
			break
		}
	}
	return name + system
}

// believed completes a sentence about a right that was taken away with how long it may still be accepted.
func (s *Site) believed() string {
	if s.o.Believed <= 0 {
		return ""
	}
	return fmt.Sprintf(" A replica that cannot reach the database may still accept it for up to %d seconds.", int64(s.o.Believed.Seconds()))
}
