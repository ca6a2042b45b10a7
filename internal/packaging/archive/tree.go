package archive

import (
	"fmt"
	"path"
	"strings"
)

type kind uint8

const (
	file kind = iota + 1
	folder
	symlink
)

// tree contains every path of the archive as a file system would see it, and detects conflicts between them.
type tree struct {
	kinds     map[string]kind   // by clean path
	spelled   map[string]string // first spelling of a clean path, if it differs
	folded    map[string]string // first clean path, by its fold
	names     []string          // as written, without the trailing slash of folders
	tops      map[string]bool   // first path elements
	repeated  []string          // clean paths of members that occur again
	colliding [][2]string
}

func newTree() *tree {
	return &tree{
		kinds: map[string]kind{}, spelled: map[string]string{}, folded: map[string]string{}, tops: map[string]bool{},
	}
}

// add adds a member. It reports whether the path occurred before, with the same kind and spelling. The caller must then
// require that the contents are the same too: which of two different ones is unpacked depends on the reader.
func (t *tree) add(name string, k kind) (again bool, err error) {
	p, name := clean(name), strings.TrimRight(name, "/")
	t.names = append(t.names, name)
	t.tops[top(p)] = true
	before, again := t.kinds[p]
	if !again {
		t.kinds[p] = k
		if name != p {
			t.spelled[p] = name
		}
		return false, t.collide(p)
	}
	first, ok := t.spelled[p]
	if !ok {
		first = p
	}
	if before != k || k != folder && first != name {
		return false, twoMembers(p)
	}
	return true, nil
}

// twoMembers is the refusal of members that differ and unpack to one path.
func twoMembers(p string) error {
	return refuse("two members are named %s, and they differ: leave one of them out", quote(p))
}

func (t *tree) collide(p string) error {
	f := fold(p)
	other, ok := t.folded[f]
	if !ok {
		t.folded[f] = p
		return nil
	}
	if precious(p) || precious(other) {
		return refuse("the members %s and %s are one file on systems that ignore case or dots and blanks at the end of a name",
			quote(other), quote(p))
	}
	t.colliding = append(t.colliding, [2]string{other, p})
	return nil
}

// precious reports whether an index or an installer reads the member.
func precious(p string) bool {
	first, rest, _ := strings.Cut(fold(p), "/")
	switch rest {
	case "pkg-info", "pyproject.toml", "setup.py", "setup.cfg":
		return true
	}
	return strings.HasSuffix(first, distInfo)
}

// settle rejects members below a path that is not a folder: unpacking them would fail or write through a link.
func (t *tree) settle() error {
	for p := range t.kinds {
		for dir := path.Dir(p); dir != "."; dir = path.Dir(dir) {
			if k, ok := t.kinds[dir]; ok && k != folder {
				return refuse("%s is the folder of %s but also a member that is not a folder", quote(dir), quote(p))
			}
		}
	}
	return nil
}

func (t *tree) isFile(p string) bool { return t.kinds[p] == file }

// plural returns n with the noun one, whose plural ends in s.
func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

func (t *tree) warnings() []string {
	var w []string
	if n := len(t.repeated); n > 0 {
		verb := "occur"
		if n == 1 {
			verb = "occurs"
		}
		w = append(w, fmt.Sprintf("%s %s more than once with the same content, such as %s", plural(n, "member"), verb,
			quote(t.repeated[0])))
	}
	if n := len(t.colliding); n > 0 {
		a, b := t.colliding[0][0], t.colliding[0][1]
		text := "%s overwrite others on systems that ignore case, such as %s and %s"
		if n == 1 {
			text = "%s overwrites another on systems that ignore case: %s and %s"
		}
		w = append(w, fmt.Sprintf(text, plural(n, "member"), quote(a), quote(b)))
	}
	return w
}
