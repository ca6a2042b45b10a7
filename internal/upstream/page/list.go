package page

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"

	"pyindex/internal/packaging"
)

// ParseList reads the list of all projects of an upstream, from the body of a response with status 200. Names that are
// not valid are left out. Errors are as of Parse: an error page is never an empty list.
func ParseList(body []byte, contentType string, b Bounds) (Names, error) {
	var names Names
	err := EachName(body, contentType, b, func(name packaging.ProjectName) {
		names.hashes = append(names.hashes, nameHash(name))
	})
	if err != nil {
		return Names{}, err
	}
	names.sort()
	return names, nil
}

// EachName is like ParseList, but calls each with every name instead, in the order of the list. A name may come twice.
// If EachName returns an error, the names so far are no list.
func EachName(body []byte, contentType string, b Bounds, each func(packaging.ProjectName)) error {
	f, body, err := formatOf(body, contentType)
	if err != nil {
		return err
	}
	l := nameList{bounds: b.orDefault(), each: each}
	if f == formatJSON {
		return l.readJSON(body)
	}
	return l.readHTML(body)
}

// nameList reads a list of projects.
type nameList struct {
	bounds  Bounds
	entries int
	found   bool // at least one name
	each    func(packaging.ProjectName)
}

func (l *nameList) count() error {
	if l.entries++; l.entries > l.bounds.Names {
		return fmt.Errorf("the list has more than %d names", l.bounds.Names)
	}
	return nil
}

func (l *nameList) add(name packaging.ProjectName) {
	l.found = true
	l.each(name)
}

func (l *nameList) readJSON(body []byte) error {
	s := newScanner(body, l.bounds.Depth)
	var version, list bool
	_, err := s.members(func(name string) error {
		switch name {
		case "meta":
			_, err := s.members(func(name string) error {
				if name != "api-version" {
					return s.skip()
				}
				v, _, err := s.scalar()
				if err != nil {
					return err
				}
				version = true
				return checkVersion(v)
			})
			return err
		case "projects":
			if list {
				return errors.New("the list has two members \"projects\"")
			}
			ok, err := s.values(func() error { return l.readProject(s) })
			list = ok
			return err
		}
		return s.skip()
	})
	if err != nil {
		return err
	}
	if err := s.end(); err != nil {
		return err
	}
	if !list || !version && !l.found {
		return errors.New("the JSON is not a list of projects")
	}
	return nil
}

func (l *nameList) readProject(s *scanner) error {
	if err := l.count(); err != nil {
		return err
	}
	_, err := s.members(func(member string) error {
		if member != "name" {
			return s.skip()
		}
		text, _, err := s.text()
		if name, invalid := packaging.ParseProjectName(text); invalid == nil {
			l.add(name)
		}
		return err
	})
	return err
}

// readHTML reads links whose text is a name and whose target ends in it. A page without any, such as an error page, is
// a list only if it states its version or is entitled as one.
func (l *nameList) readHTML(body []byte) error {
	p := htmlPage{base: &url.URL{}}
	p.link = func(attrs *attributes, text string) error {
		if err := l.count(); err != nil {
			return err
		}
		u, err := url.Parse(strings.TrimSpace(attrs.value[attrHref]))
		if err != nil {
			return nil
		}
		target, err := packaging.ParseProjectName(path.Base(u.Path))
		if err != nil {
			return nil
		}
		if name, err := packaging.ParseProjectName(strings.TrimSuffix(text, "/")); err == nil && name == target {
			l.add(name)
		}
		return nil
	}
	if err := p.readTags(body); err != nil {
		return err
	}
	for _, heading := range p.headings {
		if strings.Contains(strings.ToLower(heading), "simple index") {
			l.found = true
		}
	}
	if !l.found && !p.version {
		return errors.New("the HTML is not a list of projects")
	}
	return nil
}
