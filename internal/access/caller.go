// Package access says who is calling and what they may do.
//
// A Caller cannot be made up outside this package: it comes from a Keyring that looked at a credential, or from one of
// the constructors named here. The zero Caller may do nothing. Whether somebody may do something is decided in one
// place, Caller.May, for every edge and every form of one thing.
package access

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"pyindex/internal/audit"
)

// Kind says how a caller is known.
type Kind string

// The kinds of caller. The zero Kind is nobody.
const (
	KindNobody    Kind = ""
	KindUser      Kind = "user"      // a person, by an API token or a session
	KindPublisher Kind = "publisher" // a token minted for a trusted workload
	KindReader    Kind = "reader"    // a token minted for a workload that may only read
	KindOperator  Kind = "operator"  // the command line on the server's own data
)

// Object is what an action is about: a repository, or a project in it.
type Object struct {
	RepositoryID string
	Members      Role   // what every active user may do in the repository
	Public       bool   // whether nobody in particular may read the repository
	ProjectID    string // empty for the repository itself
}

// Caller is who is calling. It is a value: copies are equal in rights.
type Caller struct {
	kind         Kind
	id, name     string
	tokenID      string
	admin        bool
	guest        bool // nobody, on an index that nobody may read
	scope        Scope
	once         bool                // its token is good for one upload
	limited      bool                // only projects, even where the person may do more
	projects     map[string]struct{} // project ids a limited token is good for
	repositories map[string]struct{} // repository ids that a reader's token is good for as a whole
	grants       map[string]Role     // repository or project id → role
	claims       map[string]any
	address      string
	request      string
	sessionID    string           // of a person who is signed in with a browser
	confirmedAt  time.Time        // when that person last proved who it is
	now          func() time.Time // the clock by which the credential was accepted; see Recheck
	factor       FactorPolicy     // that the session is held against
	enrols       bool             // that person needs a second factor first, and may do nothing else
	tokenEnds    time.Time        // of an API token, zero for never
	tokenWarns   time.Time        // from when its bearer is warned of that
}

// Guest returns the caller for a request without credentials. It may read what is public when reads is true.
func Guest(reads bool) Caller { return Caller{guest: reads} }

// Operator returns the caller for a command run on the server's own data: it may do everything.
// Only cmd/index may call it; a test states that.
func Operator(name string) Caller {
	return Caller{kind: KindOperator, name: name, admin: true, scope: ScopeAdmin}
}

// At returns c as calling from an IP address in the request of that id, for the record.
func (c Caller) At(address, requestID string) Caller {
	c.address, c.request = address, requestID
	return c
}

// Known reports whether c is somebody: whether a credential was accepted.
func (c Caller) Known() bool { return c.kind != KindNobody }

// Kind says how c is known.
func (c Caller) Kind() Kind { return c.kind }

// ID returns the id of the user or publisher, and "" for nobody and the operator.
func (c Caller) ID() string { return c.id }

// Name returns the user's name or the publisher's sentence, for people to read.
func (c Caller) Name() string { return c.name }

// TokenID returns the id of the token that c came with, or "".
func (c Caller) TokenID() string { return c.tokenID }

// SessionID returns the id of the session that c came with, or "" for all who came otherwise.
func (c Caller) SessionID() string { return c.sessionID }

// Confirmed reports whether the person behind a session proved who it is within ConfirmedFor; dangerous acts in pages
// ask.
func (c Caller) Confirmed(now time.Time) bool {
	return c.sessionID != "" && now.Sub(c.confirmedAt) < ConfirmedFor
}

// Admin reports whether c administers the index with a token that says so.
func (c Caller) Admin() bool { return c.admin && c.scope == ScopeAdmin }

// Claims returns a copy of the verified claims that a minted token stands for; nil for others.
func (c Caller) Claims() map[string]any { return maps.Clone(c.claims) }

// Address returns the caller's IP address, or "".
func (c Caller) Address() string { return c.address }

// Actor returns c as the record names it.
func (c Caller) Actor() audit.Actor {
	return audit.Actor{
		Kind:      string(c.kind),
		ID:        c.id,
		Name:      c.name,
		TokenID:   c.tokenID,
		Address:   c.address,
		RequestID: c.request,
	}
}

// May reports whether c may act on o in the role. It is the one decision: every page, file and form of a thing asks it.
func (c Caller) May(role Role, o Object) bool {
	if role == NoRole {
		return false
	}
	if !c.Known() {
		return role == Reader && c.guest && o.Public
	}
	if c.scope.allows() < role || !c.covers(o) {
		return false
	}
	return c.roleIn(o) >= role
}

// Covers reports whether c's token is good for o at all, whatever its owner may do there.
func (c Caller) Covers(o Object) bool { return c.covers(o) }

// covers reports whether a limited token is good for o at all. A repository is more than any project in it.
func (c Caller) covers(o Object) bool {
	if !c.limited {
		return true
	}
	if _, ok := c.repositories[o.RepositoryID]; ok && o.RepositoryID != "" {
		return true
	}
	_, ok := c.projects[o.ProjectID]
	return ok && o.ProjectID != ""
}

// roleIn returns what c's owner may do with o, before the token's bounds.
func (c Caller) roleIn(o Object) Role {
	if c.admin {
		return Owner
	}
	role := max(c.grants[o.RepositoryID], c.grants[o.ProjectID])
	if c.kind == KindUser {
		role = max(role, min(o.Members, Reader))
	}
	return role
}

// MayCreate reports whether c may make a new project in the repository o: users may where members are uploaders,
// a token bound to projects never, and a trusted workload never (its pending publisher makes the project).
func (c Caller) MayCreate(o Object) bool {
	if c.kind == KindPublisher || c.kind == KindReader || c.limited || c.scope < ScopeUpload {
		return false
	}
	if c.admin {
		return true
	}
	return c.kind == KindUser && max(o.Members, c.grants[o.RepositoryID]) >= Uploader
}

// MayUpload reports whether there is anything that c may upload to the repository o: a new project, or a file of one of
// the projects that it has a role in. It is for refusing early; May decides about a project.
func (c Caller) MayUpload(o Object) bool {
	if !c.Uploads() {
		return false
	}
	if c.admin || c.MayCreate(o) || c.May(Uploader, o) {
		return true
	}
	for _, role := range c.grants {
		if role >= Uploader {
			return true
		}
	}
	return false
}

// Uploads reports whether c's credential may be used for uploads at all.
func (c Caller) Uploads() bool { return c.Known() && c.scope >= ScopeUpload }

// Manages reports whether c's credential may be used for changes that are no uploads, whatever they are about.
func (c Caller) Manages() bool { return c.Known() && c.scope >= ScopeAdmin }

// RoleIn returns the highest role in which c may act on o, NoRole where it may do nothing.
func (c Caller) RoleIn(o Object) Role {
	for role := Owner; role > NoRole; role-- {
		if c.May(role, o) {
			return role
		}
	}
	return NoRole
}

// SingleUse reports whether c's token is good for one upload alone; whether that was made, the token's row says.
func (c Caller) SingleUse() bool { return c.once }

// Limited reports whether c's token is bound to certain projects.
func (c Caller) Limited() bool { return c.limited }

// ProjectIDs returns the projects that c was given something in, by a grant or by its token's bounds; some may be
// repositories.
func (c Caller) ProjectIDs() []string {
	return slices.Concat(slices.Collect(maps.Keys(c.grants)), slices.Collect(maps.Keys(c.projects)))
}

// Renewed returns c with the grants as they are now, where c is a user and they are that user's; others' are left out.
// A caller who was identified before a grant was made, by an upload beside this one for instance, gets it so.
func (c Caller) Renewed(grants []Grant) Caller {
	if c.kind != KindUser {
		return c
	}
	c.grants = make(map[string]Role, len(grants))
	for _, g := range grants {
		if g.UserID == c.id {
			place := cmp.Or(g.ProjectID, g.RepositoryID)
			c.grants[place] = max(c.grants[place], g.Role)
		}
	}
	return c
}
