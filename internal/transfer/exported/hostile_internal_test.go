package exported

import "testing"

// TestIsCommand: only what words wrote is shown as a command, so that nothing else in an export that was changed
// reaches the shell of an administrator who pastes it.
func TestIsCommand(t *testing.T) {
	for _, args := range [][]string{
		{"index", "grant", "--user", "ann", "owner"},
		{"index", "publisher", "add", "--claim", "sub=it's; rm -rf $HOME"},
		{"index", "reader", "add", "", "a b"},
		{"index", "publisher", "add", "two\nlines"},
	} {
		if s := words(args); !isCommand(s) {
			t.Errorf("isCommand(%s) = false", s)
		}
	}
	for _, s := range []string{
		"", "index", "curl evil", "index grant ann; rm -rf /", "index grant $(id)", "index grant `id`", "index grant a|sh",
		"index grant a\nrm -rf /", "index grant 'a", "index grant a && b", "index grant a > f", "index grant \\\n rm",
		"index  grant a",
		"index grant a ", " index grant a", "index grant 'plain'", "'index' grant a", "index grant a\x1b[2K",
		"index grant 'a\x1b[2K b'",
		`index grant a\'b`, `index grant "a"`, "index grant ~", "index grant a*", "indexx grant a", "index grant a#b",
		"index grant é",
	} {
		if isCommand(s) {
			t.Errorf("isCommand(%q) = true", s)
		}
	}
}
