package archive

import (
	"path"
	"strings"
)

// checkSymlink requires that the link at name, a clean path, stays in the top folder. ".." is allowed only at the start
// of the target. Such a target leads where it appears to, because no folder on the way to the link may itself be a
// link; see tree.settle.
func checkSymlink(name, target string) error {
	if target == "" || strings.HasPrefix(target, "/") || strings.Contains(target, `\`) || hasDrive(target) {
		return refuse("it links to %s; links must be relative paths inside the archive", quote(target))
	}
	up, rest := 0, target
	for strings.HasPrefix(rest, "../") || rest == ".." {
		up, rest = up+1, strings.TrimLeft(strings.TrimPrefix(rest, ".."), "/")
	}
	depth := strings.Count(path.Dir(name), "/")
	if name == top(name) || up > depth || climbs(rest) {
		return refuse("it links to %s, outside its folder", quote(target))
	}
	return nil
}

func climbs(p string) bool {
	for step := range strings.SplitSeq(p, "/") {
		if step == ".." {
			return true
		}
	}
	return false
}

// checkHardLink requires that target, a path from the root of the archive, is a file that precedes the link.
func (t *tree) checkHardLink(target string) error {
	if err := checkName(target); err != nil {
		return refuse("it is a hard link to %s", quote(target))
	}
	if !t.isFile(clean(target)) {
		return refuse("it is a hard link to %s, which is not an earlier file of the archive", quote(target))
	}
	return nil
}
