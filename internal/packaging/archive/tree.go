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
	folded    map[string]string // first clean path, by its fold
	names     []string          // as written, without the trailing slash of folders
	tops      map[string]bool   // first path elements
	repeats   bool              // a tar may repeat a file: all readers use the last one
	repeated  []string
	colliding [][2]string
}

func newTree(repeats bool) *tree {
	return &tree{kinds: map[string]kind{}, folded: map[string]string{}, tops: map[string]bool{}, repeats: repeats}
}

func (t *tree) add(name string, k kind) error {
	p := clean(name)
	t.names = append(t.names, strings.TrimRight(name, "/"))
	t.tops[top(p)] = true
	if before, ok := t.kinds[p]; ok {
		return t.again(p, before, k)
	}
	t.kinds[p] = k
	return t.collide(p)
}

func (t *tree) again(p string, before, k kind) error {
	if before != k || k == symlink || !t.repeats || precious(p) {
		return refuse("two members are named %s", quote(p))
	}
	if k == file {
		t.repeated = append(t.repeated, p)
	}
	return nil
}

func (t *tree) collide(p string) error {
	f := fold(p)
	other, ok := t.folded[f]
	if !ok {
		t.folded[f] = p
		return nil
	}
	if precious(p) || precious(other) {
		return refuse("the members %s and %s are one file on systems that ignore case", quote(other), quote(p))
	}
	t.colliding = append(t.colliding, [2]string{other, p})
	return nil
}

// precious reports whether an index or an installer reads the member.
func precious(p string) bool {
	first, rest, _ := strings.Cut(fold(p), "/")
	return strings.HasSuffix(first, distInfo) || rest == "pkg-info"
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

func (t *tree) warnings() []string {
	var w []string
	if n := len(t.repeated); n > 0 {
		w = append(w, fmt.Sprintf("%d members occur more than once, such as %s; installers use the last one", n,
			quote(t.repeated[0])))
	}
	if n := len(t.colliding); n > 0 {
		a, b := t.colliding[0][0], t.colliding[0][1]
		w = append(w, fmt.Sprintf("%d members overwrite others on systems that ignore case, such as %s and %s", n, quote(a),
			quote(b)))
	}
	return w
}
