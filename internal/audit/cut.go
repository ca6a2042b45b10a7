package audit

import "strings"

// Cut shortens a stranger's text to 300 bytes for an entry, and replaces what no database takes as text.
func Cut(s string) string {
	const most = 300
	s = s[:min(len(s), most)]
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\uFFFD"), "\uFFFD")
}
