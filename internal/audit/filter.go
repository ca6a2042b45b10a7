package audit

import (
	"strconv"
	"strings"
	"time"

	"pyindex/internal/fault"
)

// MaxEntries limits how many entries one call reads.
const MaxEntries = 500

// Filter selects entries of the audit log. Zero fields match every entry.
type Filter struct {
	RepositoryID string
	Project      string   // normal name
	Version      string   // as spelled in the audit log
	Actions      []string // any of these
	Without      []string // excludes these actions
	Outcome      Outcome
	Actor        string // the actor's name, exactly
	ActorID      string // the actor's id, exactly
	NotActorID   string // excludes the entries of this actor
	WithToken    bool   // only entries of callers with a token
	Address      string // IP address, exactly
	Text         string // contained in the action, the actor, the subject or the details, ignoring case
	// Discreet keeps Text from matching details that the reader may not see: claims, and reasons of a quarantine.
	Discreet     bool
	Since, Until time.Time
	After        Cursor // only older entries than this place
	Limit        int    // from 1 to MaxEntries
}

// Cursor is a place in the audit log, between an entry and the next older one. The zero Cursor is before the newest
// entry.
type Cursor struct {
	At time.Time
	ID string
}

// IsZero reports whether c is before the newest entry.
func (c Cursor) IsZero() bool { return c.At.IsZero() && c.ID == "" }

// String returns c as text for links, and "" for the zero Cursor.
func (c Cursor) String() string {
	if c.IsZero() {
		return ""
	}
	return strconv.FormatInt(c.At.UnixMicro(), 10) + "." + c.ID
}

// maxCursor limits the text of a cursor, in bytes.
const maxCursor = 200

// ParseCursor is the inverse of Cursor.String. It returns fault.Invalid if s is malformed.
func ParseCursor(s string) (Cursor, error) {
	if s == "" {
		return Cursor{}, nil
	}
	at, id, ok := strings.Cut(s, ".")
	us, err := strconv.ParseInt(at, 10, 64)
	if !ok || err != nil || us <= 0 || id == "" || len(s) > maxCursor {
		return Cursor{}, fault.New(fault.Invalid, "this is not a place in the audit log: start with its first page")
	}
	return Cursor{At: time.UnixMicro(us).UTC(), ID: id}, nil
}

// Place returns the cursor after e.
func (e Entry) Place() Cursor { return Cursor{At: e.At, ID: e.ID} }
