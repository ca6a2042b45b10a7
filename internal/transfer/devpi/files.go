package devpi

import (
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"pyindex/internal/packaging"
	"pyindex/internal/transfer"
	"pyindex/internal/transfer/disk"
	"pyindex/internal/transfer/scan"
	"pyindex/internal/transfer/stated"
)

// Types of files.
const (
	releaseFile = "releasefile"
	docZip      = "doczip"
	toxResult   = "toxresult"
)

// httpTime is the form of last_modified.
const httpTime = "Mon, 02 Jan 2006 15:04:05 GMT"

// file is an entry of files of an index.
type file struct {
	kind, path, project, version string
	digests                      stated.Digests
	conflict                     bool // two digests of one algorithm
	modified                     time.Time
	uploaded                     time.Time
	uploader                     string
	pushedFrom                   string
	url                          string // at the index that is mirrored
	overwritten                  bool
}

// version is what the export says about a version of a project.
type version struct {
	display, requiresPython string
	yanked                  bool
	yankedReason            string
}

// content is what the second reading of dataindex.json finds: one index.
type content struct {
	index    *index
	projects map[packaging.ProjectName]*project
	docs     stated.Sample
	tests    stated.Sample
	unknown  stated.Sample // files of another type
	nameless stated.Sample // entries whose project has no valid name
	versions int
	files    int
}

type project struct {
	display  string
	versions map[string]*version
	files    []file
}

// versionOf returns the version of a file as devpi spells it. Exports of dumpversion 1 have it in the name alone.
func (f *file) versionOf(name packaging.ProjectName) string {
	if f.version == "" {
		if parsed, err := packaging.ParseFilename(path.Base(f.path), name); err == nil {
			return parsed.VersionPart()
		}
	}
	return f.version
}

// withoutFile returns the versions that have no release file, in the order of their texts.
func (p *project) withoutFile(name packaging.ProjectName) []string {
	has := make(map[string]bool, len(p.files))
	for i := range p.files {
		has[p.files[i].versionOf(name)] = true
	}
	var out []string
	for number := range p.versions {
		if !has[number] {
			out = append(out, number)
		}
	}
	slices.Sort(out)
	return out
}

// read reads the projects and files of one index.
func read(d scan.Document, x *index) (*content, error) {
	c := &content{index: x, projects: map[packaging.ProjectName]*project{}}
	err := d.Read(func(r *scan.Reader) error {
		_, err := r.Object(func(name string) error {
			if name != "indexes" {
				return r.Skip()
			}
			_, err := r.Object(func(name string) error {
				if name != x.name {
					return r.Skip()
				}
				_, err := r.Object(func(key string) (err error) {
					switch key {
					case "projects":
						_, err = r.Object(func(name string) error { return c.readProject(r, name) })
					case "files":
						_, err = r.List(func() error { return c.readFile(r) })
					default:
						err = r.Skip()
					}
					return err
				})
				return err
			})
			return err
		})
		return err
	})
	return c, err
}

// project returns the project of a name in any spelling, or nil if it is none.
func (c *content) project(name string) *project {
	n, err := packaging.ParseProjectName(name)
	if err != nil {
		c.nameless.Add(name)
		return nil
	}
	p := c.projects[n]
	if p == nil {
		p = &project{versions: map[string]*version{}}
		c.projects[n] = p
	}
	return p
}

func (c *content) readProject(r *scan.Reader, name string) error {
	p := c.project(name)
	if p == nil {
		return r.Skip()
	}
	_, err := r.Object(func(number string) error {
		if c.versions++; c.versions > maxFiles {
			return scan.Errorf("the index has more than %d versions", maxFiles)
		}
		v := &version{}
		p.versions[stated.Text(number)] = v
		_, err := r.Object(func(key string) (err error) {
			switch key {
			case "name":
				v.display, err = r.Text()
				v.display = stated.Text(v.display)
			case "requires_python":
				v.requiresPython, err = r.Text()
				v.requiresPython = stated.Text(v.requiresPython)
			case "yanked":
				var s string
				s, err = r.Scalar()
				v.yanked = s != "" && s != "false"
				if v.yanked && s != "true" {
					v.yankedReason = stated.Text(s)
				}
			default:
				err = r.Skip()
			}
			return err
		})
		if n, invalid := packaging.ParseProjectName(v.display); invalid == nil && c.projects[n] == p {
			p.display = v.display
		}
		return err
	})
	return err
}

func (c *content) readFile(r *scan.Reader) error {
	f := file{digests: stated.Digests{}}
	_, err := r.Object(func(key string) (err error) {
		switch key {
		case "type":
			f.kind, err = r.Text()
		case "relpath":
			f.path, err = r.Text()
		case "projectname":
			f.project, err = r.Text()
		case "version":
			f.version, err = r.Text()
			f.version = stated.Text(f.version)
		case "entrymapping":
			_, err = r.Object(func(key string) error { return f.readEntry(r, key) })
		case "log":
			entries := 0
			_, err = r.List(func() error {
				if entries++; entries > maxLog {
					return r.Skip()
				}
				return f.readLog(r)
			})
		default:
			err = r.Skip()
		}
		return err
	})
	if err != nil {
		return err
	}
	if c.files++; c.files > maxFiles {
		return scan.Errorf("the index has more than %d files", maxFiles)
	}
	c.add(f)
	return nil
}

// add keeps a file, or counts it if it is none for an import.
func (c *content) add(f file) {
	switch f.kind {
	case releaseFile:
		if p := c.project(f.project); p != nil {
			p.files = append(p.files, f)
		}
	case docZip:
		c.docs.Add(f.path)
	case toxResult:
		c.tests.Add(f.path)
	default:
		c.unknown.Add(f.path)
	}
}

func (f *file) readEntry(r *scan.Reader, key string) error {
	add := func(ok bool) { f.conflict = f.conflict || !ok }
	switch key {
	case "hashes":
		_, err := r.Object(func(algorithm string) error {
			hex, err := r.Text()
			add(f.digests.Add(algorithm, hex))
			return err
		})
		return err
	case "hash_spec":
		spec, err := r.Text()
		add(f.digests.AddSpec(spec))
		return err
	case "md5":
		hex, err := r.Text()
		add(f.digests.Add("md5", hex))
		return err
	case "url":
		text, err := r.Text()
		f.url, _ = stated.URL(text)
		return err
	case "last_modified":
		text, err := r.Text()
		if t, invalid := time.Parse(httpTime, text); invalid == nil {
			f.modified = stated.Time(t)
		}
		return err
	}
	return r.Skip()
}

// readLog reads an entry of the log of a file.
func (f *file) readLog(r *scan.Reader) error {
	var what, who, src string
	var when time.Time
	_, err := r.Object(func(key string) (err error) {
		switch key {
		case "what":
			what, err = r.Text()
		case "who":
			who, err = r.Text()
		case "src":
			src, err = r.Text()
		case "when":
			when, err = readWhen(r)
		default:
			err = r.Skip()
		}
		return err
	})
	switch what {
	case "upload":
		if f.uploaded.IsZero() { // a push keeps the upload to the index it comes from, before its own
			f.uploaded, f.uploader = when, stated.Text(who)
		}
	case "push":
		if f.pushedFrom == "" {
			f.pushedFrom = stated.Text(src)
		}
	case "overwrite":
		f.overwritten = true
	}
	return err
}

// readWhen reads a time as [year, month, day, hour, minute, second] of UTC. It returns the zero time for anything else.
func readWhen(r *scan.Reader) (time.Time, error) {
	var n [6]int
	count, valid := 0, true
	_, err := r.List(func() error {
		s, err := r.Scalar()
		i, invalid := strconv.Atoi(s)
		if count < len(n) {
			n[count] = i
			valid = valid && invalid == nil
		}
		count++
		return err
	})
	if err != nil || !valid || count < len(n) || n[0] < 1990 || n[0] > 9998 {
		return time.Time{}, err
	}
	t := time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], 0, time.UTC)
	if t.Month() != time.Month(n[1]) || t.Day() != n[2] || t.Hour() != n[3] || t.Minute() != n[4] {
		return time.Time{}, nil // as 2026-13-45 does
	}
	return stated.Time(t), nil
}

// when returns the upload time of a file and what is known about it.
func (f *file) when(x *index, all map[string]*index) (time.Time, transfer.Trust) {
	if x.mirror() {
		return time.Time{}, transfer.Unknown // last_modified is when devpi fetched it
	}
	t := f.uploaded
	if t.IsZero() {
		t = f.modified
	}
	switch from := all[f.pushedFrom]; {
	case t.IsZero():
		return t, transfer.Unknown
	case x.volatile, f.overwritten, f.pushedFrom != "" && (from == nil || from.volatile):
		return t, transfer.Latest // the same file sent again has renewed it
	}
	return t, transfer.Stated
}

// inside reports whether the path of a file is that of a file of the index.
func (f *file) inside(x *index) bool {
	return disk.Local(f.path) == nil && strings.HasPrefix(f.path, x.name+"/") && path.Base(f.path) != "."
}
