package access

import "pyindex/internal/fault"

// Role is what somebody may do with a repository or a project. A higher role includes the lower ones.
type Role uint8

// The roles, lowest first.
const (
	NoRole     Role = iota
	Reader          // see and download
	Uploader        // add files to projects; on a repository: also make new projects
	Maintainer      // also yank
	Owner           // also delete, grant, and say who may publish
)

var roleNames = [...]string{"none", "reader", "uploader", "maintainer", "owner"}

// String returns the role's lower-case name, as rows and the command line spell it.
func (r Role) String() string {
	if int(r) < len(roleNames) {
		return roleNames[r]
	}
	return "none"
}

// ParseRole reads a role's name. An unknown one is fault.Invalid.
func ParseRole(s string) (Role, error) {
	for i, name := range roleNames {
		if s == name {
			return Role(i), nil
		}
	}
	return NoRole, fault.New(fault.Invalid, "unknown role %q: choose none, reader, uploader, maintainer or owner", s)
}

// Scope bounds what a token may be used for, whatever its owner may do. A wider scope includes the narrower ones.
type Scope uint8

// The scopes, narrowest first. The zero Scope allows nothing.
const (
	NoScope     Scope = iota
	ScopeRead         // see and download
	ScopeUpload       // also upload
	ScopeAdmin        // everything its owner may do
)

var scopeNames = [...]string{"none", "read", "upload", "admin"}

// String returns the scope's name, as rows and the command line spell it.
func (s Scope) String() string {
	if int(s) < len(scopeNames) {
		return scopeNames[s]
	}
	return "none"
}

// ParseScope reads "read", "upload" or "admin"; anything else is fault.Invalid.
func ParseScope(s string) (Scope, error) {
	for i := ScopeRead; i <= ScopeAdmin; i++ {
		if s == scopeNames[i] {
			return i, nil
		}
	}
	return NoScope, fault.New(fault.Invalid, "unknown scope %q: choose read, upload or admin", s)
}

// allows reports the highest role that a scope lets its bearer act in.
func (s Scope) allows() Role {
	switch s {
	case ScopeRead:
		return Reader
	case ScopeUpload:
		return Uploader
	case ScopeAdmin:
		return Owner
	}
	return NoRole
}
