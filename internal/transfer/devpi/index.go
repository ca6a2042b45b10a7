package devpi

import (
	"fmt"
	"strings"

	"pyindex/internal/fault"
	"pyindex/internal/transfer/disk"
	"pyindex/internal/transfer/scan"
	"pyindex/internal/transfer/stated"
)

// dataindex is the name of the file that describes an export.
const dataindex = "dataindex.json"

// Bounds of an export.
const (
	maxIndexes = 100_000
	maxUsers   = 100_000
	maxListed  = 10_000    // entries of a list in the settings of an index
	maxFiles   = 1_000_000 // files of the index that is read, and versions of it
	maxLog     = 1000      // entries of the log of a file that are looked at
)

// user is an account of the export. Its password hash is never read.
type user struct{ name, email string }

// index is one index of the export.
type index struct {
	name              string // "user/index"
	kind              string // "stage" or "mirror", or that of a plugin
	volatile          bool
	bases             []string
	uploaders         []string // acl_upload
	whitelist         []string // mirror_whitelist
	mirrorURL         string   // without user name and password
	mirrorSecret      bool     // there was a user name or password
	otherSettings     []string
	files, otherFiles int
	listed            bool // it has the keys projects or files
}

// mirror reports whether the files of an index belong to somebody else.
func (x *index) mirror() bool { return x.kind == "mirror" }

// summary is what the first reading of dataindex.json finds.
type summary struct {
	version string // dumpversion
	users   []user
	indexes map[string]*index
	order   []string // names of indexes
}

// summarize reads users and settings.
func summarize(d scan.Document) (*summary, error) {
	s := &summary{indexes: map[string]*index{}}
	err := d.Read(func(r *scan.Reader) error {
		object, err := r.Object(func(name string) (err error) {
			switch name {
			case "dumpversion":
				if s.version, err = r.Scalar(); err != nil {
					return err
				}
				return checkVersion(s.version)
			case "users":
				return s.readUsers(r)
			case "indexes":
				_, err = r.Object(func(name string) error { return s.readIndex(r, name) })
				return err
			}
			return r.Skip()
		})
		if err == nil && !object {
			return scan.Errorf("this is not an object")
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return s, checkVersion(s.version)
}

// checkVersion returns an error unless the version of an export is known.
func checkVersion(v string) error {
	switch v {
	case "1", "2":
		return nil
	case "":
		return fault.New(fault.Invalid, "%s does not say its dumpversion: this is not an export of devpi", dataindex)
	}
	return fault.New(fault.Invalid, "the export has dumpversion %.20q, and only 1 and 2 are known", v)
}

func (s *summary) readUsers(r *scan.Reader) error {
	_, err := r.Object(func(name string) error {
		u := user{name: stated.Text(name)}
		_, err := r.Object(func(key string) (err error) {
			if key != "email" {
				return r.Skip()
			}
			u.email, err = r.Text()
			u.email = stated.Text(u.email)
			return err
		})
		if s.users = append(s.users, u); len(s.users) > maxUsers {
			return scan.Errorf("there are more than %d users", maxUsers)
		}
		return err
	})
	return err
}

func (s *summary) readIndex(r *scan.Reader, name string) error {
	if len(s.order) == maxIndexes {
		return scan.Errorf("there are more than %d indexes", maxIndexes)
	}
	owner, own, ok := strings.Cut(name, "/")
	if !ok || owner == "" || own == "" || strings.Contains(own, "/") || disk.Local(name) != nil ||
		stated.Text(name) != name {
		return scan.Errorf("%.100q is not the name of an index", name)
	}
	if s.indexes[name] != nil {
		return scan.Errorf("the index %.100s is there twice", name)
	}
	x := &index{name: name, kind: "stage"}
	s.indexes[name] = x
	s.order = append(s.order, name)
	_, err := r.Object(func(key string) error {
		switch key {
		case "indexconfig":
			_, err := r.Object(func(key string) error { return x.readSetting(r, key) })
			return err
		case "projects":
			x.listed = true
		case "files":
			x.listed = true
			_, err := r.List(func() error { return x.countFile(r) })
			return err
		}
		return r.Skip()
	})
	return err
}

// countFile counts a file by its type.
func (x *index) countFile(r *scan.Reader) error {
	kind := ""
	_, err := r.Object(func(key string) (err error) {
		if key != "type" {
			return r.Skip()
		}
		kind, err = r.Text()
		return err
	})
	if kind == releaseFile {
		x.files++
	} else {
		x.otherFiles++
	}
	return err
}

// known are settings of an index that need no note: defaults, and what has no meaning here.
var known = map[string]bool{
	"acl_toxresult_upload": true, "mirror_whitelist_inheritance": true, "mirror_cache_expiry": true,
	"mirror_web_url_fmt": true, "title": true, "custom_data": true, "uploadtrigger_jenkins": true,
	"mirror_use_external_urls": true,
	"mirror_no_project_list":   true, "mirror_ignore_serial_header": true, "mirror_provides_core_metadata": true,
}

func (x *index) readSetting(r *scan.Reader, key string) (err error) {
	switch key {
	case "type":
		x.kind, err = r.Text()
	case "volatile":
		var v string
		v, err = r.Scalar()
		x.volatile = v == "true" || v == "True"
	case "bases":
		x.bases, err = texts(r)
	case "acl_upload":
		x.uploaders, err = texts(r)
	case "mirror_whitelist", "pypi_whitelist":
		var more []string
		more, err = texts(r)
		x.whitelist = append(x.whitelist, more...)
	case "mirror_url":
		var v string
		v, err = r.Text()
		x.mirrorURL, x.mirrorSecret = stated.URL(v)
	default:
		if !known[key] && len(x.otherSettings) < maxListed {
			x.otherSettings = append(x.otherSettings, stated.Text(key))
		}
		return r.Skip()
	}
	return err
}

// texts reads a list of names.
func texts(r *scan.Reader) ([]string, error) {
	list, err := r.Texts(maxListed)
	for i := range list {
		list[i] = stated.Text(list[i])
	}
	return list, err
}

// choose returns the index to import. Without a name it is the only stage that has files.
func (s *summary) choose(name string) (*index, error) {
	x := s.indexes[strings.Trim(name, "/")]
	switch {
	case name == "":
		for _, one := range s.order {
			if y := s.indexes[one]; y.files > 0 {
				if x != nil {
					return nil, fault.New(fault.Invalid, "choose an index of the export by --index: %s", s.list())
				}
				x = y
			}
		}
		if x == nil || x.mirror() {
			return nil, fault.New(fault.Invalid, "no index of the export has files of its own: %s", s.list())
		}
	case x == nil:
		return nil, fault.New(fault.NotFound, "the export has no index %.100s: %s", name, s.list())
	case x.mirror() && x.files == 0:
		return nil, fault.New(fault.Invalid,
			"%s is a mirror, and the export has none of its files: export again with --include-mirrored-files, or add what it mirrors as an upstream",
			x.name)
	}
	return x, nil
}

// list describes the indexes of the export.
func (s *summary) list() string {
	if len(s.order) == 0 {
		return "it has no index"
	}
	const shown = 50
	var parts []string
	for _, name := range s.order[:min(len(s.order), shown)] {
		x := s.indexes[name]
		parts = append(parts, fmt.Sprintf("%s (%s, %s)", name, stated.Text(x.kind), stated.Plural(x.files, "file")))
	}
	if more := len(s.order) - shown; more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(parts, ", ")
}
