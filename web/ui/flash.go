package ui

import (
	"encoding/base64"
	"encoding/json"
	"net/http"

	"pyindex/internal/route"
)

// noticeCookie carries a message to the next page; noticeBytes bounds it.
const (
	noticeCookie = "notice"
	noticeBytes  = 2000
)

// Done redirects to a path below the base path and shows text there once, as a success notice.
func (k *Kit) Done(w http.ResponseWriter, r *http.Request, path, text string) error {
	return k.Tell(w, r, path, Notice{"good", text})
}

// Tell redirects like Done, with a notice of any kind.
func (k *Kit) Tell(w http.ResponseWriter, r *http.Request, path string, n Notice) error {
	if err := k.Note(w, n); err != nil {
		return err
	}
	k.See(w, r, path)
	return nil
}

// Note stores a notice in a cookie for the next page.
func (k *Kit) Note(w http.ResponseWriter, n Notice) error {
	b, err := json.Marshal(n)
	if err != nil {
		return err
	}
	c := route.Cookie(k.BaseURL, noticeCookie)
	c.Value, c.MaxAge = base64.RawURLEncoding.EncodeToString(b), 60
	if len(c.Value) <= noticeBytes {
		http.SetCookie(w, c)
	}
	return nil
}

// notice returns the notice that the previous response left, or nil. The cookie comes from the browser, so its text is
// untrusted.
func (k *Kit) notice(r *http.Request) *Notice {
	c, err := r.Cookie(route.Cookie(k.BaseURL, noticeCookie).Name)
	if err != nil || len(c.Value) > noticeBytes {
		return nil
	}
	b, err := base64.RawURLEncoding.DecodeString(c.Value)
	var n Notice
	if err != nil || json.Unmarshal(b, &n) != nil || n.Text == "" {
		return nil
	}
	switch n.Kind {
	case "good", "warn", "bad", "info":
		return &n
	}
	return nil
}

// forget removes the notice cookie after the notice was shown.
func (k *Kit) forget(w http.ResponseWriter) {
	c := route.Cookie(k.BaseURL, noticeCookie)
	c.MaxAge = -1
	http.SetCookie(w, c)
}
