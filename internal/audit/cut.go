package audit

import "strings"

// Cut shortens a stranger's text to 300 bytes for an entry, and replaces bytes that databases reject in text.
func Cut(s string) string {
	const most = 300
	s = s[:min(len(s), most)]
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\uFFFD"), "\uFFFD")
}
