package lockfile

import (
	"cmp"
	"strings"
)

// hashedFile is a file of poetry.lock or pdm.lock.
type hashedFile struct {
	File string `toml:"file"`
	URL  string `toml:"url"`
	Hash string `toml:"hash"`
}

// addFiles adds the files of a package. A file without a URL is at the place of the package.
func (p *Package) addFiles(files []hashedFile, at *lines) {
	for _, f := range files {
		file := File{Name: f.File, URL: Clean(f.URL), At: at.of(f.URL, p.At)}
		file.Name = cmp.Or(file.Name, baseName(f.URL))
		file.setHash(f.Hash)
		p.Files = append(p.Files, file)
	}
}

// poetry reads poetry.lock with the sources of pyproject.toml. The lock has no URLs of files: poetry reads them from
// the source that the package names, or else from the primary sources, or else from the public index.
func (r *reader) poetry(path string, text []byte) error {
	var doc struct {
		Package []struct {
			Name    string       `toml:"name"`
			Version string       `toml:"version"`
			Files   []hashedFile `toml:"files"`
			Source  struct {
				Type      string `toml:"type"`
				URL       string `toml:"url"`
				Reference string `toml:"reference"`
			} `toml:"source"`
		} `toml:"package"`
		Metadata struct {
			Files map[string][]hashedFile `toml:"files"` // before poetry 1.3
		} `toml:"metadata"`
	}
	if err := decode(path, text, &doc); err != nil {
		return err
	}
	sources, err := r.poetrySources()
	if err != nil {
		return err
	}
	primary, at := sources.primary(), linesOf(path, text, "package")
	for i, x := range doc.Package {
		p := Package{Version: x.Version, At: at.table(i)}
		if p.Name, err = name(x.Name, p.At); err != nil {
			return err
		}
		switch x.Source.Type {
		case "legacy":
			p.Origin, p.Index, p.IndexName = Named, Clean(x.Source.URL), x.Source.Reference
			// poetry finds the source by its name and asks the URL that the project has now.
			if s, ok := sources[strings.ToLower(x.Source.Reference)]; ok {
				p.Index = s.URL
			}
		case "git", "url":
			p.Origin, p.URL = Direct, Clean(x.Source.URL)
		case "directory", "file":
			p.Origin = Local
		default:
			p.Origin = Public
			if primary.URL != "" {
				p.Origin, p.Index, p.IndexName = Named, primary.URL, primary.Name
			}
		}
		p.addFiles(x.Files, at)
		if len(p.Files) == 0 {
			p.addFiles(doc.Metadata.Files[x.Name], at)
		}
		if err := r.add(p); err != nil {
			return err
		}
	}
	return nil
}

// poetrySources are the sources of a project by their names in lower case.
type poetrySources map[string]Index

// primary returns a source that replaces the public index, or the zero Index.
func (s poetrySources) primary() (found Index) {
	for _, i := range s {
		if i.Use == Default && (found.URL == "" || i.At.Line < found.At.Line) {
			found = i
		}
	}
	return found
}

// poetrySources reads the sources in pyproject.toml.
func (r *reader) poetrySources() (poetrySources, error) {
	path, text, err := r.beside("pyproject.toml")
	if err != nil || text == nil {
		return nil, err
	}
	var doc struct {
		Tool struct {
			Poetry struct {
				Source []struct {
					Name     string `toml:"name"`
					URL      string `toml:"url"`
					Priority string `toml:"priority"`
					Default  bool   `toml:"default"`
				} `toml:"source"`
			} `toml:"poetry"`
		} `toml:"tool"`
	}
	if err := decode(path, text, &doc); err != nil {
		return nil, err
	}
	at, sources := linesOf(path, text, "tool.poetry.source"), poetrySources{}
	for i, x := range doc.Tool.Poetry.Source {
		use := Extra
		switch p := strings.ToLower(x.Priority); {
		case x.Default, p == "", p == "default", p == "primary":
			use = Default
		case p == "explicit":
			use = Explicit
		}
		if x.URL == "" && strings.EqualFold(x.Name, "pypi") { // the public index, by the name that poetry gives it
			r.index(x.Name, "", Implied, at.table(i))
			continue
		}
		r.index(x.Name, x.URL, use, at.of(x.URL, at.table(i)))
		sources[strings.ToLower(x.Name)] = r.lock.Indexes[len(r.lock.Indexes)-1]
	}
	if len(sources) > 0 && sources.primary().URL == "" {
		r.index("", "", Implied, Place{Path: path})
	}
	return sources, nil
}
