package bandersnatch

import (
	"net/url"
	"path"
	"strconv"
	"time"

	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/transfer"
	"pyindex/internal/transfer/scan"
	"pyindex/internal/transfer/stated"
	"pyindex/internal/upstream/page"
)

// jsonPage is the name of the page of a project in JSON, which is there with simple-format.
const jsonPage = "index.v1_json"

// read reads a project from the page that has most: json, then simple in JSON, then simple in HTML. It returns
// fault.NotFound if there is none.
func (s *Source) read(name packaging.ProjectName) (transfer.Project, error) {
	spelt := s.names[name]
	for _, at := range []string{s.web + "json/" + spelt, s.web + "pypi/" + spelt + "/json"} {
		if _, err := s.folder.Stat(at); err == nil {
			return s.readJSON(name, at)
		}
	}
	dirs := []string{s.web + "simple/" + spelt + "/"}
	if s.hashed {
		dirs = append(dirs, s.web+"simple/"+spelt[:1]+"/"+spelt+"/")
	}
	for _, file := range []string{jsonPage, "index.html"} {
		for _, dir := range dirs {
			if _, err := s.folder.Stat(dir + file); err == nil {
				return s.readSimple(name, dir+file)
			}
		}
	}
	return transfer.Project{Name: name}, fault.New(fault.NotFound, "%s has no page", name)
}

// readSimple reads a simple page.
func (s *Source) readSimple(name packaging.ProjectName, at string) (transfer.Project, error) {
	p := transfer.Project{Name: name}
	b, err := s.folder.Read(at, maxPage)
	if err != nil {
		return p, err
	}
	kind := "application/vnd.pypi.simple.v1+html"
	if path.Base(at) == jsonPage {
		kind = "application/vnd.pypi.simple.v1+json"
	}
	here := &url.URL{Scheme: "https", Host: "mirror.invalid", Path: "/simple/" + name.String() + "/"}
	if s.hashed {
		here.Path = "/simple/x/" + name.String() + "/"
	}
	read, err := page.Parse(b, kind, here, name, page.Bounds{Files: maxFiles})
	if err != nil {
		return p, fault.Wrap(fault.Invalid, err, "%s: %v", path.Join(s.folder.Path(), at), err)
	}
	p.Status, p.StatusReason = read.Status, read.StatusReason
	for i := range read.Files {
		f := &read.Files[i]
		out := stated.File(f)
		place(&out, f.URL)
		p.Files = append(p.Files, out)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told.dropped += read.Dropped
	return p, nil
}

// readJSON reads a page of the JSON API.
func (s *Source) readJSON(name packaging.ProjectName, at string) (transfer.Project, error) {
	p, count := transfer.Project{Name: name}, 0
	err := s.folder.Document(at).Read(func(r *scan.Reader) error {
		_, err := r.Object(func(key string) error {
			switch key {
			case "info":
				_, err := r.Object(func(key string) error {
					if key != "name" {
						return r.Skip()
					}
					text, err := r.Text()
					if n, invalid := packaging.ParseProjectName(text); invalid == nil && n == name {
						p.Display = text
					}
					return err
				})
				return err
			case "releases":
				_, err := r.Object(func(version string) error {
					_, err := r.List(func() error {
						if count++; count > maxFiles {
							return scan.Errorf("the project has more than %d files", maxFiles)
						}
						f, err := readFile(r)
						f.Version = stated.Text(version)
						p.Files = append(p.Files, f)
						return err
					})
					return err
				})
				return err
			}
			return r.Skip()
		})
		return err
	})
	return p, err
}

// readFile reads an entry of a release.
func readFile(r *scan.Reader) (transfer.File, error) {
	f := transfer.File{Size: -1}
	hashes, link := stated.Digests{}, ""
	var coarse time.Time
	_, err := r.Object(func(key string) (err error) {
		var text string
		switch key {
		case "filename":
			text, err = r.Text()
			f.Filename = stated.Text(text)
		case "url":
			link, err = r.Text()
		case "digests":
			_, err = r.Object(func(algorithm string) error {
				hex, err := r.Text()
				hashes.Add(algorithm, hex)
				return err
			})
		case "size":
			text, err = r.Scalar()
			if n, invalid := strconv.ParseInt(text, 10, 64); invalid == nil && n >= 0 {
				f.Size = n
			}
		case "upload_time_iso_8601":
			text, err = r.Text()
			if t, invalid := time.Parse(time.RFC3339Nano, text); invalid == nil {
				f.UploadedAt = stated.Time(t)
			}
		case "upload_time":
			text, err = r.Text()
			if t, invalid := time.Parse("2006-01-02T15:04:05", text); invalid == nil {
				coarse = stated.Time(t)
			}
		case "yanked":
			text, err = r.Scalar()
			f.Yanked = text == "true"
		case "yanked_reason":
			text, err = r.Text()
			f.YankedReason = stated.Text(text)
		case "requires_python":
			text, err = r.Text()
			f.RequiresPython = stated.Text(text)
		case "core-metadata":
			_, err = r.Object(func(algorithm string) error {
				hex, err := r.Text()
				d := stated.Digests{}
				d.Add(algorithm, hex)
				if d["sha256"] != "" {
					f.MetadataSHA256 = d["sha256"]
				}
				return err
			})
		default:
			err = r.Skip()
		}
		return err
	})
	if f.UploadedAt.IsZero() {
		f.UploadedAt = coarse
	}
	if !f.UploadedAt.IsZero() {
		f.TimeTrust = transfer.Stated
	}
	if len(hashes) > 0 {
		f.Hashes = hashes
	}
	f.URL, _ = stated.URL(link)
	place(&f, link)
	return f, err
}

// place sets the place of a file from its URL.
func place(f *transfer.File, link string) {
	at, err := placeOf(link)
	if err == nil && path.Base(at) != f.Filename {
		err = fault.New(fault.Invalid, "its URL does not end in its name")
	}
	if err != nil {
		f.Place, f.Problem = "?/"+f.Filename, fault.Message(err)
		return
	}
	f.Place = at
}
