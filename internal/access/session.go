package access

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"strings"
	"time"

	"pyindex/internal/fault"
)

// How long a session lasts: without being used, and in all; and for how long a proof of who somebody is counts where
// an act asks for a fresh one.
const (
	SessionIdle     = 7 * 24 * time.Hour
	SessionLifetime = 30 * 24 * time.Hour
	ConfirmedFor    = 15 * time.Minute
)

// Session is a browser in which a person is signed in. The cookie's value is known to the browser alone; Hash is the
// SHA-256 of it in hex.
type Session struct {
	ID, Hash, UserID string
	// how the person signed in: "password", "passkey", "sso" or "link", with "+totp" or "+recovery" for a second factor
	Method      string
	Agent       string // the browser's User-Agent, cut to 300 bytes
	Address     string // IP address at the beginning
	CreatedAt   time.Time
	SeenAt      time.Time // up to a minute late
	ConfirmedAt time.Time // when the person last proved who it is
	ExpiresAt   time.Time // the end, if it is used until then
	EndedAt     time.Time // zero while it may be used
	FactorAt    time.Time // when a second factor was set up in it; zero for what Method says
}

// Live reports whether the session may be used at a moment.
func (s Session) Live(now time.Time) bool {
	return s.EndedAt.IsZero() && now.Before(s.ExpiresAt) && now.Sub(s.SeenAt) < SessionIdle
}

// SessionRows keeps sessions. Reads return fault.NotFound for none.
type SessionRows interface {
	InsertSession(ctx context.Context, s Session) error
	SessionByHash(ctx context.Context, hash string) (Session, error)
	// SessionsOf returns a user's sessions that did not end, newest first.
	SessionsOf(ctx context.Context, userID string) ([]Session, error)
	// EndSession sets the end of a user's session where none is set and reports whether it did.
	EndSession(ctx context.Context, userID, id string, at time.Time) (bool, error)
	// EndSessionsOf ends all sessions of a user but one, "" for all, and returns how many it ended. It calls EndSignIns.
	EndSessionsOf(ctx context.Context, userID, except string, at time.Time) (int64, error)
	// EndSignIns ends sign-ins of a user that have no session yet: the step between two factors, and what was judged by an
	// earlier state of User.Credentials. It is called whenever something that signs the user in was changed or removed.
	EndSignIns(ctx context.Context, userID string, at time.Time) error
	// ConfirmSession notes that the person proved who it is.
	ConfirmSession(ctx context.Context, id string, at time.Time) error
	// NoteFactor notes that a second factor was set up in a session.
	NoteFactor(ctx context.Context, id string, at time.Time) error
	// TouchSessions sets when each session was last seen; a time is never set back.
	TouchSessions(ctx context.Context, seen map[string]time.Time) error
	// DeleteSessionsBefore removes sessions that ended or expired before t.
	DeleteSessionsBefore(ctx context.Context, t time.Time) (int64, error)
}

// NewSession is what is needed to begin a session.
type NewSession struct {
	UserID string
	Method string // see Session
	Agent  string
	// Credentials is what the person was judged by; the zero value is for an account that the same person has just made.
	Credentials Credentials
}

const (
	sessionBytes = 32
	maxAgent     = 300
)

// BeginSession signs a person in and returns the cookie's value, which nobody can see again. Whoever calls it has made
// sure who the person is; who is the caller that asked, for the address and the record. fault.Denied for a disabled
// account, and fault.Unauthenticated if what signs the account in was changed after the person was judged by it.
func (d *Directory) BeginSession(ctx context.Context, who Caller, n NewSession) (Session, Secret, error) {
	var b [sessionBytes]byte
	rand.Read(b[:])
	secret, now := Secret(base64.RawURLEncoding.EncodeToString(b[:])), d.now()
	s := Session{
		ID: d.newID(), Hash: HashToken(secret), UserID: n.UserID, Method: n.Method, Agent: agent(n.Agent),
		Address:   who.address,
		CreatedAt: now, SeenAt: now, ConfirmedAt: now, ExpiresAt: now.Add(d.lifetime(n.Method)),
	}
	err := d.store.Update(ctx, func(tx Tx) error {
		u, err := tx.UserByID(ctx, n.UserID)
		if err != nil {
			return err
		}
		if !u.Active() {
			return fault.New(fault.Denied, "this account is disabled: ask an administrator")
		}
		if !n.Credentials.fits(u) {
			return ErrCredentials
		}
		if err := tx.InsertSession(ctx, s); err != nil {
			return err
		}
		e := d.entry(who, "session.begin", s.ID, map[string]any{"method": n.Method})
		e.Actor.Kind, e.Actor.ID, e.Actor.Name = string(KindUser), u.ID, u.Name
		return tx.InsertAudit(ctx, e)
	})
	if err != nil {
		return Session{}, "", err
	}
	return s, secret, nil
}

// ErrCredentials is for somebody whose password, second factor or identity was changed or removed between proving who
// they are and signing in, or whose sessions were ended then.
var ErrCredentials = fault.New(fault.Unauthenticated,
	"your password, another way to sign in, or your sessions changed just now: sign in again")

// MethodSignOn is the method of a session that began by single sign-on. With a second factor of our own more follows,
// after a plus sign.
const MethodSignOn = "sso"

// lifetime is how long a session lasts that begins by a method. One that began by single sign-on ends after hours: the
// provider is asked again then, so a group that is lost there is noticed.
func (d *Directory) lifetime(method string) time.Duration {
	if strings.HasPrefix(method, MethodSignOn) && d.signOnLife > 0 {
		return min(d.signOnLife, SessionLifetime)
	}
	return SessionLifetime
}

// agent keeps what a browser says of itself short and storable.
func agent(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s[:min(len(s), maxAgent)], "\x00", ""), "")
}

// Sessions returns the caller's own sessions that may still be used, newest first.
func (d *Directory) Sessions(ctx context.Context, who Caller) (out []Session, err error) {
	if who.sessionID == "" {
		return nil, errNoSession
	}
	err = d.store.View(ctx, func(tx Tx) (err error) {
		out, err = tx.SessionsOf(ctx, who.id)
		return err
	})
	live := out[:0]
	for _, s := range out {
		if s.Live(d.now()) {
			live = append(live, s)
		}
	}
	return live, err
}

var errNoSession = fault.New(fault.Unauthenticated, "sign in first")

// EndSession ends one of the caller's own sessions from the next request on. fault.NotFound for one that is not theirs
// or has ended.
func (d *Directory) EndSession(ctx context.Context, who Caller, id string) error {
	if who.sessionID == "" {
		return errNoSession
	}
	return d.change(ctx, who, Caller.Known, d.entry(who, "session.end", id, nil), func(tx Tx) error {
		did, err := tx.EndSession(ctx, who.id, id, d.now())
		if err == nil && !did {
			return fault.New(fault.NotFound, "there is no such session of yours")
		}
		return err
	})
}

// EndOtherSessions ends all of the caller's sessions but the one at hand.
func (d *Directory) EndOtherSessions(ctx context.Context, who Caller) error {
	if who.sessionID == "" {
		return errNoSession
	}
	return d.change(ctx, who, Caller.Known, d.entry(who, "session.end-others", who.name, nil), func(tx Tx) error {
		_, err := tx.EndSessionsOf(ctx, who.id, who.sessionID, d.now())
		return err
	})
}

// ConfirmSession notes that the caller proved again who it is, so that dangerous acts are allowed for ConfirmedFor.
// Whoever calls it has made sure of it.
func (d *Directory) ConfirmSession(ctx context.Context, who Caller) error {
	if who.sessionID == "" {
		return errNoSession
	}
	return d.change(ctx, who, Caller.Known, d.entry(who, "session.confirm", who.sessionID, nil), func(tx Tx) error {
		return tx.ConfirmSession(ctx, who.sessionID, d.now())
	})
}

// SweepSessions removes sessions that ended a month ago or more.
func (d *Directory) SweepSessions(ctx context.Context) error {
	return d.store.Update(ctx, func(tx Tx) error {
		_, err := tx.DeleteSessionsBefore(ctx, d.now().Add(-SessionLifetime))
		return err
	})
}

// Session returns the caller that a browser's cookie stands for: a person with everything that person may do. What is
// no cookie of a live session is fault.Unauthenticated.
func (k *Keyring) Session(ctx context.Context, s Secret) (Caller, error) {
	if len(s) != base64.RawURLEncoding.EncodedLen(sessionBytes) {
		return Caller{}, errNoSession
	}
	hash := HashToken(s)
	at, err := k.store.Stamp(ctx)
	if err != nil {
		return Caller{}, err
	}
	e, ok := k.sessions.Get(at, hash)
	if !ok {
		if e, err = k.loadSession(ctx, hash); err != nil {
			return Caller{}, err
		}
		k.sessions.Put(at, hash, e)
	}
	now := k.now()
	if seen := k.seen.last(e.session.ID); seen.After(e.session.SeenAt) {
		e.session.SeenAt = seen
	}
	if !e.session.Live(now) {
		return Caller{}, errNoSession
	}
	k.seen.note(e.session.ID, now)
	return e.caller, nil
}

// signedIn is a session that was looked up at some stamp.
type signedIn struct {
	caller  Caller
	session Session
}

func (k *Keyring) loadSession(ctx context.Context, hash string) (e signedIn, err error) {
	err = k.store.View(ctx, func(tx Tx) error {
		s, err := tx.SessionByHash(ctx, hash)
		if fault.Is(err, fault.NotFound) {
			return errNoSession
		} else if err != nil {
			return err
		}
		e.session = s
		e.caller, err = person(ctx, tx,
			Caller{scope: ScopeAdmin, sessionID: s.ID, confirmedAt: s.ConfirmedAt, factor: k.factor, now: k.now}, s.UserID)
		if err == nil {
			e.caller, err = e.caller.secondFactor(ctx, tx, s)
		}
		return err
	})
	return e, err
}
