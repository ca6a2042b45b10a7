package lockcheck

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"pyindex/internal/lockfile"
)

// Step is what to do about the problems of one kind, for one tool or all of them.
type Step struct {
	Kind Kind   `json:"kind"`
	Text string `json:"text"`
}

// lockAgain is how to lock again with this index, for each tool.
var lockAgain = map[lockfile.Kind]string{
	lockfile.UV: "uv.lock: make this index the default one in pyproject.toml (default = true), run uv lock, and " +
		"install with uv sync --locked",
	lockfile.Poetry: "poetry.lock: keep the name of the source in pyproject.toml and change its url, or add this " +
		"index with poetry source add --priority=primary; then run poetry lock",
	lockfile.PDM: "pdm.lock: name the source pypi in pyproject.toml, give it the URL of this index, and run pdm " +
		"lock --refresh",
	lockfile.Pipenv: "Pipfile.lock: change the url in the Pipfile and run pipenv lock, which also takes newer versions",
	lockfile.Pylock: "pylock.toml: write it again: uv lock and uv export, hatch lock, or pip lock -r with the pins",
	lockfile.Requirements: "requirements: remove index lines and NAME @ URL, compile again with --no-emit-index-url, and " +
		"set PIP_INDEX_URL or pip.conf",
}

// other is how to do without a second index, for each tool.
var other = map[lockfile.Kind]string{
	lockfile.UV:     "uv: give this index default = true in pyproject.toml, remove the others, and run uv lock",
	lockfile.Poetry: "poetry: keep one source with the priority primary, and run poetry lock",
	lockfile.PDM:    "pdm: keep one source, named pypi, and run pdm lock --refresh",
	lockfile.Pipenv: "pipenv: keep one source in the Pipfile, and run pipenv lock",
	lockfile.Requirements: "pip: remove --index-url, --extra-index-url and --find-links from the file; pip's configuration " +
		"names this index",
}

// general are the steps that do not depend on the tool.
var general = map[Kind]string{
	FilePast: "delete the lock file, lock again, and compare the versions: the tool takes a lock with such a " +
		"mixture as up to date",
	Password: "revoke the token, also if it is removed now: the history keeps it; give credentials by netrc, a " +
		"keyring or a variable",
	Absent: "upload the files, or let the repository read an upstream that has them; index upstream fetch " +
		"NAME -r FILE brings them before the first install",
	OtherDigest: "find out why the content differs before you lock again: locking takes the new hash without a " +
		"word",
	Denied: "choose another version (uv lock --upgrade-package NAME, poetry update --lock NAME): an old lock counts " +
		"as a pin; or ask an administrator",
	Held: "wait, or choose another version (uv lock --upgrade-package NAME, poetry update --lock NAME): an old " +
		"lock counts as a pin; or ask for an exemption",
	Yanked: "choose another version (uv lock --upgrade-package NAME, poetry update --lock NAME); a yanked one " +
		"installs only because it is pinned",
	NoHash: "lock again so that each package has a hash: pip-compile --generate-hashes, uv pip compile " +
		"--generate-hashes, pdm lock",
	LocalVersion: "pin the version that you mean, local part included: some tools take the local version for the " +
		"pinned one",
	NotChecked: "run this command again when the index answers",
}

// steps returns what to do about problems, in their order.
func steps(problems []Problem) []Step {
	out := []Step{}
	add := func(kind Kind, text string) {
		if s := (Step{kind, text}); text != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	for _, p := range problems {
		switch p.Kind {
		case Past:
			add(p.Kind, lockAgain[p.tool])
		case OtherIndex:
			add(p.Kind, other[p.tool])
		default:
			add(p.Kind, general[p.Kind])
		}
	}
	return out
}

// titles are the headings of the kinds.
var titles = map[Kind]string{
	Past:         "Fetched past this index",
	FilePast:     "The source is this index, but the file is not",
	OtherIndex:   "Other indexes",
	Password:     "Passwords",
	Absent:       "Not here",
	OtherDigest:  "Here with other content",
	Denied:       "Denied",
	Held:         "Held",
	Yanked:       "Yanked",
	NoHash:       "Without a hash",
	LocalVersion: "Local versions beside a pin",
	NotChecked:   "Not checked",
}

// most is the number of problems of one kind that the text shows.
const most = 25

// Write writes the report as text: the problems by kind, the own names, and the next steps. Texts of the files and of
// the index may contain anything, so printable is applied to them.
func (r Report) Write(w io.Writer, printable func(string) string) {
	packages, plural := "packages", "files"
	if r.Packages == 1 {
		packages = "package"
	}
	if len(r.Files) == 1 {
		plural = "file"
	}
	fmt.Fprintf(w, "%d %s in %d %s, compared with %s\n", r.Packages, packages, len(r.Files), plural, r.Index)
	for _, kind := range kinds {
		var some []Problem
		for _, p := range r.Problems {
			if p.Kind == kind {
				some = append(some, p)
			}
		}
		if len(some) == 0 {
			continue
		}
		fmt.Fprintf(w, "\n%s (%d)\n", titles[kind], len(some))
		for _, p := range some[:min(len(some), most)] {
			text := p.Text
			if p.Project != "" {
				text = strings.TrimSpace(p.Project+" "+p.Version) + ": " + text
			}
			fmt.Fprintf(w, "  %s: %s\n", printable(p.Place.String()), printable(text))
		}
		if n := len(some) - most; n > 0 {
			fmt.Fprintf(w, "  and %d more; --json lists all\n", n)
		}
	}
	var own []string
	for _, n := range r.Names {
		if n.Origin == "own" || n.Origin == "both" {
			own = append(own, n.Name)
		}
	}
	if len(own) > 0 {
		fmt.Fprintf(w, "\nNames of this index (%d): %s\n", len(own), strings.Join(own, ", "))
	}
	if r.OK {
		fmt.Fprintln(w, "\nNo problems found.")
		return
	}
	fmt.Fprintln(w, "\nNext steps")
	for _, s := range r.Next {
		fmt.Fprintf(w, "  %s: %s\n", titles[s.Kind], s.Text)
	}
}
