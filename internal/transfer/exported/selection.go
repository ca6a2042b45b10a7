package exported

import (
	"path"
	"slices"
	"strings"

	"pyindex/internal/fault"
)

func (s Selection) equal(o Selection) bool {
	return s.Project == o.Project && slices.Equal(slices.Sorted(slices.Values(s.Repositories)),
		slices.Sorted(slices.Values(o.Repositories)))
}

// String describes the selection, such as "the projects acme-* of repository main".
func (s Selection) String() string {
	text := "all repositories"
	switch {
	case len(s.Repositories) == 1:
		text = "repository " + s.Repositories[0]
	case len(s.Repositories) > 1:
		text = "repositories " + strings.Join(s.Repositories, ", ")
	}
	if s.Project != "" {
		text = "the projects " + s.Project + " of " + text
	}
	return text
}

func (s Selection) check() error {
	if _, err := path.Match(s.Project, ""); err != nil {
		return fault.InField("project", "%.80q is not a pattern of names: write for example acme-*", s.Project)
	}
	return nil
}

// has reports whether a repository is selected.
func (s Selection) has(repository string) bool {
	return len(s.Repositories) == 0 || slices.Contains(s.Repositories, repository)
}

// covers reports whether a normal name is selected.
func (s Selection) covers(name string) bool {
	if s.Project == "" {
		return true
	}
	ok, err := path.Match(s.Project, name)
	return ok && err == nil
}
