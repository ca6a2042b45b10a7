// Package access identifies callers and decides their rights.
//
// A Caller cannot be constructed outside this package. It comes from a Keyring that checked a credential, or from Guest
// or Operator. The zero Caller has no rights. One method, Caller.May, makes every decision, for pages, the APIs and the
// command line.
package access

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"pyindex/internal/audit"
	"pyindex/internal/packaging"
)

// Kind is the kind of a caller.
type Kind string

// The kinds of caller. The zero Kind is an anonymous caller.
const (
	KindNobody    Kind = ""
	KindUser      Kind = "user"      // a person, by an API token or a session
	KindService   Kind = "service"   // a service account, by an API token
	KindPublisher Kind = "publisher" // a token minted for a trusted workload
	KindReader    Kind = "reader"    // a token minted for a workload that may only read
	KindOperator  Kind = "operator"  // the command line on the server's own data
)

// Object is the target of an action: a repository, or a project in it.
type Object struct {
	RepositoryID string
	Members      Role                  // the role that every active user has in the repository
	Public       bool                  // whether anonymous callers may read the repository
	ProjectID    string                // empty if the object is the repository itself
	Project      packaging.ProjectName // the zero name if ProjectID is empty
}

// Caller is the identity and the rights behind a request. It is a value: a copy has the same rights.
type Caller struct {
	kind         Kind
	id, name     string
	tokenID      string
	admin        bool
	guest        bool // an anonymous caller of an index that allows anonymous reading
	scope        Scope
	once         bool                // its token can be used for one upload
	limited      bool                // restricted to certain projects, even if the person may do more
	projects     map[string]struct{} // ids of the projects that a limited token allows
	repositories map[string]struct{} // ids of the repositories that a reader's token allows entirely
	names        []NameRule          // projects that a minted token allows by their names
	grants       map[string]Role     // repository or project id → role; never changed, because callers share it
	mark         int64               // of this state of the grants, see GrantRows.GrantsUnless; 0 if unknown
	claims       map[string]any
	address      string
	request      string
	sessionID    string           // set if the person signed in with a browser
	confirmedAt  time.Time        // when that person last confirmed their identity
	now          func() time.Time // the clock used when the credential was accepted; see Recheck
	factor       FactorPolicy     // the policy that applies to the session
	enrols       bool             // the person must set up a second factor before anything else
	tokenEnds    time.Time        // expiry of an API token, or zero if it does not expire
	tokenWarns   time.Time        // when warnings about that expiry begin
}

// Guest returns the caller for a request without credentials. It may read public repositories if reads is true.
func Guest(reads bool) Caller { return Caller{guest: reads} }

// Operator returns the caller for a command run on the server's own data. It may do everything. Only cmd/index may call
// Operator; a test enforces that.
func Operator(name string) Caller {
	return Caller{kind: KindOperator, name: name, admin: true, scope: ScopeAdmin}
}

// At returns a copy of c with an IP address and a request id for the audit log.
func (c Caller) At(address, requestID string) Caller {
	c.address, c.request = address, requestID
	return c
}

// Known reports whether a credential was accepted, that is, whether c is not anonymous.
func (c Caller) Known() bool { return c.kind != KindNobody }

// Kind returns the kind of c.
func (c Caller) Kind() Kind { return c.kind }

// ID returns the id of the user or publisher. It returns "" for an anonymous caller and for the operator.
func (c Caller) ID() string { return c.id }

// Name returns the user's name or the publisher's description, for display.
func (c Caller) Name() string { return c.name }

// TokenID returns the id of the token that c was identified by, or "".
func (c Caller) TokenID() string { return c.tokenID }

// SessionID returns the id of the session that c was identified by, or "".
func (c Caller) SessionID() string { return c.sessionID }

// Confirmed reports whether the person behind a session confirmed their identity within ConfirmedFor. Pages require
// that before dangerous actions.
func (c Caller) Confirmed(now time.Time) bool {
	return c.sessionID != "" && now.Sub(c.confirmedAt) < ConfirmedFor
}

// Admin reports whether c is an administrator whose credential has the scope admin.
func (c Caller) Admin() bool { return c.admin && c.scope == ScopeAdmin }

// Measures reports whether c may read the metrics of the server: it is an administrator, whatever the scope of the
// credential, as long as that is not bound to projects.
func (c Caller) Measures() bool { return c.admin && !c.limited }

// Claims returns a copy of the verified claims behind a minted token, and nil for other callers.
func (c Caller) Claims() map[string]any { return maps.Clone(c.claims) }

// Address returns the caller's IP address, or "".
func (c Caller) Address() string { return c.address }

// Actor returns c as an actor of the audit log.
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

// May reports whether c may act on o in the role. Every page, download and API asks May.
func (c Caller) May(role Role, o Object) bool {
	if role == NoRole {
		return false
	}
	if !c.Known() {
		return role == Reader && c.guest && o.Public
	}
	if c.scope.allows() < role || !c.Covers(o) {
		return false
	}
	return c.roleIn(o) >= role
}

// Covers reports whether c's token allows o at all, regardless of its owner's role there.
func (c Caller) Covers(o Object) bool {
	if !c.limited {
		return true
	}
	if _, ok := c.repositories[o.RepositoryID]; ok && o.RepositoryID != "" {
		return true
	}
	if o.ProjectID == "" {
		return false
	}
	_, ok := c.projects[o.ProjectID]
	return ok || c.named(o)
}

// roleIn returns the role of c's owner in o, before the token's restrictions are applied.
func (c Caller) roleIn(o Object) Role {
	if c.admin {
		return Owner
	}
	role := max(c.grants[o.RepositoryID], c.grants[o.ProjectID])
	switch c.kind {
	case KindUser:
		role = max(role, min(o.Members, Reader))
	case KindService:
		role = min(role, Uploader) // whatever a group of it may do
	case KindPublisher:
		if c.named(o) {
			role = max(role, Uploader)
		}
	}
	return role
}

// MayCreate reports whether c may create a project in the repository o. Users may if its members are uploaders. A token
// restricted to projects may not, nor may a service account. A trusted workload may not either: its pending publisher
// creates the project instead, or a publisher of the repository whose NameRule allows it.
func (c Caller) MayCreate(o Object) bool {
	if c.kind == KindPublisher || c.kind == KindReader || c.kind == KindService || c.limited || c.scope < ScopeUpload {
		return false
	}
	if c.admin {
		return true
	}
	return c.kind == KindUser && max(o.Members, c.grants[o.RepositoryID]) >= Uploader
}

// MayUpload reports whether c may upload anything to the repository o: a new project, or a file of a project in which c
// has a role. It allows early rejection only; May decides about each project.
func (c Caller) MayUpload(o Object) bool {
	if !c.Uploads() {
		return false
	}
	if c.admin || c.MayCreate(o) || c.May(Uploader, o) || c.NamesIn(o.RepositoryID) {
		return true
	}
	for _, role := range c.grants {
		if role >= Uploader {
			return true
		}
	}
	return false
}

// Uploads reports whether c's credential can be used for uploads at all.
func (c Caller) Uploads() bool { return c.Known() && c.scope >= ScopeUpload }

// Manages reports whether c's credential can be used for changes other than uploads.
func (c Caller) Manages() bool { return c.Known() && c.scope >= ScopeAdmin }

// RoleIn returns the highest role in which c may act on o, or NoRole.
func (c Caller) RoleIn(o Object) Role {
	for role := Owner; role > NoRole; role-- {
		if c.May(role, o) {
			return role
		}
	}
	return NoRole
}

// SingleUse reports whether c's token can be used for one upload only. The token's row records whether it was used.
func (c Caller) SingleUse() bool { return c.once }

// Limited reports whether c's token is restricted to certain projects.
func (c Caller) Limited() bool { return c.limited }

// ProjectIDs returns the ids of the projects that c's grants and its token name. Some of the ids may be repositories.
func (c Caller) ProjectIDs() []string {
	return slices.Concat(slices.Collect(maps.Keys(c.grants)), slices.Collect(maps.Keys(c.projects)))
}

// Renewed returns c with its grants replaced by those of grants that belong to c. It changes nothing unless c is a user
// or a service account. Callers use it when a grant was added after c was identified, for example by a concurrent
// upload.
func (c Caller) Renewed(grants []Grant) Caller {
	if c.kind != KindUser && c.kind != KindService {
		return c
	}
	c.grants, c.mark = make(map[string]Role, len(grants)), 0
	for _, g := range grants {
		if g.UserID == c.id {
			place := cmp.Or(g.ProjectID, g.RepositoryID)
			c.grants[place] = max(c.grants[place], g.Role)
		}
	}
	return c
}

// rights are what the grants of a user give in one state, which has a mark.
type rights struct {
	mark   int64
	grants map[string]Role
}

// granted returns c with the user's grants as they are in this transaction. It reads them unless known or c has them
// already: a user may have thousands.
func (c Caller) granted(ctx context.Context, tx FactorRows, known rights) (Caller, error) {
	if known.mark == 0 {
		known = rights{c.mark, c.grants}
	}
	grants, mark, err := tx.GrantsUnless(ctx, c.id, known.mark)
	switch {
	case err != nil:
		return Caller{}, err
	case mark != 0 && mark == known.mark:
		c.grants = known.grants
	default:
		c = c.Renewed(grants)
	}
	c.mark = mark
	return c, nil
}
