package access

import "pyindex/internal/fault"

// Role is a level of rights in a repository or a project. A higher role includes the lower ones.
type Role uint8

// The roles, lowest first.
const (
	NoRole     Role = iota
	Reader          // view and download
	Uploader        // add files to projects; in a repository, also create projects
	Maintainer      // also yank
	Owner           // also delete, grant roles, and manage publishers
)

var roleNames = [...]string{"none", "reader", "uploader", "maintainer", "owner"}

// String returns the role's lower-case name, as used in rows and on the command line.
func (r Role) String() string {
	if int(r) < len(roleNames) {
		return roleNames[r]
	}
	return "none"
}

// ParseRole parses a role's name. It returns fault.Invalid if the name is unknown.
func ParseRole(s string) (Role, error) {
	for i, name := range roleNames {
		if s == name {
			return Role(i), nil
		}
	}
	return NoRole, fault.New(fault.Invalid, "unknown role %q: choose none, reader, uploader, maintainer or owner", s)
}

// Scope limits a token, whatever its owner may do. A wider scope includes the narrower ones.
type Scope uint8

// The scopes, narrowest first. The zero Scope allows nothing.
const (
	NoScope     Scope = iota
	ScopeRead         // view and download
	ScopeUpload       // also upload
	ScopeAdmin        // everything that its owner may do
)

var scopeNames = [...]string{"none", "read", "upload", "admin"}

// String returns the scope's name, as used in rows and on the command line.
func (s Scope) String() string {
	if int(s) < len(scopeNames) {
		return scopeNames[s]
	}
	return "none"
}

// ParseScope parses "read", "upload" or "admin". It returns fault.Invalid for any other text.
func ParseScope(s string) (Scope, error) {
	for i := ScopeRead; i <= ScopeAdmin; i++ {
		if s == scopeNames[i] {
			return i, nil
		}
	}
	return NoScope, fault.New(fault.Invalid, "unknown scope %q: choose read, upload or admin", s)
}

// allows returns the highest role that the scope permits.
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
