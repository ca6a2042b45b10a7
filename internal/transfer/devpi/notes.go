package devpi

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"pyindex/internal/transfer/stated"
)

// repository returns the repository for suggested commands.
func (s *Source) repository() string { return stated.Word(cmp.Or(s.options.Repository, "main")) }

// ofName turns the name of an index into one of a repository or upstream here.
func ofName(s string) string {
	return cmp.Or(strings.Trim(unfit.ReplaceAllString(strings.ToLower(s), "-"), "-"), "devpi")
}

var unfit = regexp.MustCompile(`[^a-z0-9]+`)

// noteSettings notes the settings of the index that have a counterpart here.
func (s *Source) noteSettings(add func(kind, command, format string, args ...any)) {
	x := s.content.index
	var bases []string
	for _, base := range x.bases {
		switch other := s.summary.indexes[base]; {
		case other == nil:
			add("base", "", "%s draws on %s, which is not in the export", x.name, base)
		case other.mirror():
			name := ofName(base)
			secret := ""
			if other.mirrorSecret {
				secret = ", with a user name and password that are not shown here (--username, --password-file)"
			}
			add("base", fmt.Sprintf("index upstream add %s --url %s", name, stated.Word(cmp.Or(other.mirrorURL, "URL"))),
				"%s draws on %s, a mirror of %s%s", x.name, base, cmp.Or(other.mirrorURL, "a URL that cannot be read"), secret)
			bases = append(bases, " --base upstream:"+name)
		default:
			name := ofName(base)
			add("base", fmt.Sprintf("index repository add %s && index import devpi %s --index %s --to %[1]s", name,
				stated.Word(s.folder.Path()), stated.Word(base)), "%s draws on %s, which is an import of its own", x.name, base)
			bases = append(bases, " --base "+name)
		}
	}
	if len(bases) > 0 {
		add("base", "index repository set "+s.repository()+strings.Join(bases, ""),
			"the order of the bases is that of devpi; here a project is that of the first repository that has it, and its versions are not joined with those of the bases")
	}
	if len(x.whitelist) > 0 {
		names := slices.Compact(slices.Sorted(slices.Values(x.whitelist)))
		for _, name := range names {
			if name == "*" {
				add("origin", "",
					"%s lets the mirror add versions to every project (mirror_whitelist = *): here a name that both have "+
						"belongs to one side until you decide otherwise", x.name)
				continue
			}
			add("origin", fmt.Sprintf("index origin set %s %s both --reason %s", s.repository(), stated.Word(name),
				stated.Word("mirror_whitelist of "+x.name)),
				"%s lets the mirror add versions to its own project %s (mirror_whitelist): here no upstream is asked about own names, unless you decide so",
				x.name, name)
		}
	}
	if len(x.otherSettings) > 0 {
		var rest stated.Sample
		for _, key := range x.otherSettings {
			rest.Add(key)
		}
		add("setting", "", "settings of %s without a counterpart here: %s", x.name, &rest)
	}
}

// noteUsers notes the users and what they may do in the index.
func (s *Source) noteUsers(add func(kind, command, format string, args ...any)) {
	x := s.content.index
	if x.mirror() {
		return
	}
	owner, _, _ := strings.Cut(x.name, "/")
	uploads := map[string]bool{owner: true}
	for _, who := range x.uploaders {
		uploads[who] = true
	}
	invited := 0
	for _, u := range s.summary.users {
		if !uploads[u.name] {
			continue
		}
		invited++
		command := "index user invite --name " + stated.Word(u.name)
		if u.email != "" {
			command += " --email " + stated.Word(u.email)
		}
		add("user", command, "the user %s has an account; its password is not imported", u.name)
	}
	if rest := len(s.summary.users) - invited; rest > 0 {
		add("user", "", "users of the export without a right in %s: %d", x.name, rest)
	}
	grant := "index grant add --repository " + s.repository()
	add("right", grant+" --user "+stated.Word(owner)+" --role owner", "%s owns %s", owner, x.name)
	for _, who := range slices.Compact(slices.Sorted(slices.Values(x.uploaders))) {
		switch group := strings.Trim(who, ":"); {
		case who == ":ANONYMOUS:":
			add("right", "", "anybody may upload to %s without an account: this does not exist here", x.name)
		case who == ":AUTHENTICATED:":
			add("right", "index repository set "+s.repository()+" --members uploader", "every user may upload to %s", x.name)
		case strings.HasPrefix(who, ":"):
			add("right", "index group add "+stated.Word(group)+" && "+grant+" --group "+stated.Word(group)+" --role uploader",
				"the group %s may upload to %s", group, x.name)
		case who != owner:
			add("right", grant+" --user "+stated.Word(who)+" --role uploader", "%s may upload to %s", who, x.name)
		}
	}
}
