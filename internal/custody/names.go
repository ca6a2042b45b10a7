package custody

import (
	"fmt"
	"strings"
	"time"
)

// NamesFolder is the prefix of the keys of the copy of names; see the package namelog. These objects have no rows: they
// are neither strays nor foreign.
const NamesFolder = "names/"

// Kinds of a names key.
const (
	NamesAll     = "all"     // all names
	NamesChanged = "changed" // names that changed
	NamesNone    = "none"    // nothing changed
)

// NamesKey returns the key of a part of the copy of names, of an index with an id.
func NamesKey(instance string, at time.Time, kind, sha256 string) string {
	return fmt.Sprintf("%s%s/%016d-%s-%s", NamesFolder, instance, at.UnixMicro(), kind, sha256)
}

// IsNamesKey reports whether a key is one of the copy of names.
func IsNamesKey(key string) bool { return strings.HasPrefix(key, NamesFolder) }
