package access

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"pyindex/internal/fault"
)

// Limits of a session: without use, and in total. ConfirmedFor is how long a confirmed identity is accepted for actions
// that require a recent one.
const (
	SessionIdle     = 7 * 24 * time.Hour
	SessionLifetime = 30 * 24 * time.Hour
	ConfirmedFor    = 15 * time.Minute
)

// Session is a sign-in by a person with one browser. Only the browser has the cookie's value; Hash is its SHA-256 in
// hex.
type Session struct {
	ID, Hash, UserID string
	// Method is "password", "passkey", "sso" or "link", with "+totp" or "+recovery" for a second factor.
	Method      string
	Agent       string // the browser's User-Agent, cut to 300 bytes
	Address     string // IP address at sign-in
	CreatedAt   time.Time
	SeenAt      time.Time // up to a minute late
	ConfirmedAt time.Time // when the person last confirmed their identity
	ExpiresAt   time.Time // end of the session even if it is in use
	EndedAt     time.Time // zero while the session is valid
	FactorAt    time.Time // when a second factor was set up in the session, or zero
}

// Live reports whether the session is valid at the given time.
func (s Session) Live(now time.Time) bool {
	return s.EndedAt.IsZero() && now.Before(s.ExpiresAt) && now.Sub(s.SeenAt) < SessionIdle
}

// SessionRows stores sessions. Reads of a single session return fault.NotFound if it does not exist.
type SessionRows interface {
	InsertSession(ctx context.Context, s Session) error
	SessionByHash(ctx context.Context, hash string) (Session, error)
	// SessionsOf returns a user's sessions that have not been ended, newest first.
	SessionsOf(ctx context.Context, userID string) ([]Session, error)
	// EndSession sets the end of a user's session unless it is set already, and reports whether it did.
	EndSession(ctx context.Context, userID, id string, at time.Time) (bool, error)
	// EndSessionsOf ends all sessions of a user except one, or all if except is "", and returns how many it ended. It
	// calls EndSignIns.
	EndSessionsOf(ctx context.Context, userID, except string, at time.Time) (int64, error)
	// EndSignIns ends a user's unfinished sign-ins: those between two factors, and those that were checked against an
	// earlier state of User.Credentials. It is called whenever a credential of the user is changed or removed.
	EndSignIns(ctx context.Context, userID string, at time.Time) error
	// ConfirmSession records that the person confirmed their identity.
	ConfirmSession(ctx context.Context, id string, at time.Time) error
	// NoteFactor records that a second factor was set up in a session.
	NoteFactor(ctx context.Context, id string, at time.Time) error
	// TouchSessions sets the last use of each session; a time never moves backwards.
	TouchSessions(ctx context.Context, seen map[string]time.Time) error
	// DeleteSessionsBefore removes sessions that ended or expired before t.
	DeleteSessionsBefore(ctx context.Context, t time.Time) (int64, error)
}

// NewSession is the input of BeginSession.
type NewSession struct {
	UserID string
	Method string // see Session
	Agent  string
	// Credentials is the state that the person was checked against, or the zero value if the person has just created
	// the account.
	Credentials Credentials
}

const (
	sessionBytes = 32
	maxAgent     = 300
)

// BeginSession signs a person in and returns the cookie's value, which cannot be read again. Its callers must have
// checked the person's credentials; the parameter who supplies the address and the audit actor. It returns fault.Denied
// if the account is disabled, and fault.Unauthenticated if a credential changed after that check.
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
		if u.Service {
			return fault.New(fault.Denied, "this is a service account: it cannot sign in")
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

// ErrCredentials is returned if, during a sign-in, the user's credentials changed or their sessions were ended.
var ErrCredentials = fault.New(fault.Unauthenticated,
	"your password, another way to sign in, or your sessions changed just now: sign in again")

// MethodSignOn is the method of a session that began by single sign-on. If the index required a second factor too, a
// plus sign and that factor follow.
const MethodSignOn = "sso"

// lifetime returns how long a session lasts. A single sign-on session can be limited to hours, so that the provider is
// asked again and a lost group is noticed.
func (d *Directory) lifetime(method string) time.Duration {
	if strings.HasPrefix(method, MethodSignOn) && d.signOnLife > 0 {
		return min(d.signOnLife, SessionLifetime)
	}
	return SessionLifetime
}

// agent shortens a User-Agent and removes characters that databases reject.
func agent(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s[:min(len(s), maxAgent)], "\x00", ""), "")
}

// Sessions returns the caller's own live sessions, newest first.
func (d *Directory) Sessions(ctx context.Context, who Caller) (out []Session, err error) {
	if who.sessionID == "" {
		return nil, errNoSession
	}
	err = d.store.View(ctx, func(tx Tx) (err error) {
		out, err = tx.SessionsOf(ctx, who.id)
		return err
	})
	return slices.DeleteFunc(out, func(s Session) bool { return !s.Live(d.now()) }), err
}

var errNoSession = fault.New(fault.Unauthenticated, "sign in first")

// EndSession ends one of the caller's own sessions. The change takes effect with the next request. It returns
// fault.NotFound if the session has ended or is not the caller's.
func (d *Directory) EndSession(ctx context.Context, who Caller, id string) error {
	if who.sessionID == "" {
		return errNoSession
	}
	return d.change(ctx, who, Caller.Known, d.entry(who, "session.end", id, nil), func(tx Tx) error {
		did, err := tx.EndSession(ctx, who.id, id, d.now())
		if err == nil && !did {
			return fault.New(fault.NotFound, "you have no such session")
		}
		return err
	})
}

// EndOtherSessions ends all of the caller's sessions except the current one.
func (d *Directory) EndOtherSessions(ctx context.Context, who Caller) error {
	if who.sessionID == "" {
		return errNoSession
	}
	return d.change(ctx, who, Caller.Known, d.entry(who, "session.end-others", who.name, nil), func(tx Tx) error {
		_, err := tx.EndSessionsOf(ctx, who.id, who.sessionID, d.now())
		return err
	})
}

// ConfirmSession records that the caller confirmed their identity, which allows dangerous actions for ConfirmedFor. Its
// callers must have checked a credential.
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

// Session returns the person that a browser's session cookie belongs to, with all of the person's rights. It returns
// fault.Unauthenticated unless the session is live.
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

// signedIn is the cached result of a session lookup.
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
		e.caller, err = k.person(ctx, tx,
			Caller{scope: ScopeAdmin, sessionID: s.ID, confirmedAt: s.ConfirmedAt, factor: k.factor, now: k.now}, s.UserID)
		if err == nil {
			e.caller, err = e.caller.secondFactor(ctx, tx, s)
		}
		return err
	})
	return e, err
}
