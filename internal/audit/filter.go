package audit

import (
	"strconv"
	"strings"
	"time"

	"pyindex/internal/fault"
)

// MaxEntries bounds how many entries are read at once.
const MaxEntries = 500

// Filter says which entries of the record are wanted; a field that is zero asks for nothing.
type Filter struct {
	RepositoryID string
	Project      string   // normal name
	Version      string   // as the record spells it
	Actions      []string // any of these
	Without      []string // none of these actions
	Outcome      Outcome
	Actor        string // name of who asked, exactly
	Address      string // IP address, exactly
	Text         string // somewhere in the action, the actor, what it is about, or the details; capitals do not matter
	// Text is not looked for in details that hold what the reader may not see: claims, reasons of a quarantine
	Discreet     bool
	Since, Until time.Time
	After        Cursor // only what comes after it, newest first
	Limit        int    // from 1 to MaxEntries
}

// Cursor is a place in the record, between an entry and the next older one. The zero Cursor is before the newest.
type Cursor struct {
	At time.Time
	ID string
}

// IsZero reports whether c is before the newest entry.
func (c Cursor) IsZero() bool { return c.At.IsZero() && c.ID == "" }

// String returns c as a text for links, "" for the zero Cursor.
func (c Cursor) String() string {
	if c.IsZero() {
		return ""
	}
	return strconv.FormatInt(c.At.UnixMicro(), 10) + "." + c.ID
}

// maxCursor bounds the text of a cursor, in bytes.
const maxCursor = 200

// ParseCursor reverses Cursor.String; fault.Invalid for what is none.
func ParseCursor(s string) (Cursor, error) {
	if s == "" {
		return Cursor{}, nil
	}
	at, id, ok := strings.Cut(s, ".")
	us, err := strconv.ParseInt(at, 10, 64)
	if !ok || err != nil || us <= 0 || id == "" || len(s) > maxCursor {
		return Cursor{}, fault.New(fault.Invalid, "this is no place in the record: begin with its first page")
	}
	return Cursor{At: time.UnixMicro(us).UTC(), ID: id}, nil
}

// Place returns the cursor after e.
func (e Entry) Place() Cursor { return Cursor{At: e.At, ID: e.ID} }
