package lockfile

import "strings"

// pdm reads pdm.lock with the sources of pyproject.toml. Unless it was locked with static_urls, the lock has no URLs of
// files: pdm asks every source for every package, and the public index too unless a source is called pypi.
func (r *reader) pdm(path string, text []byte) error {
	var doc struct {
		Package []struct {
			Name    string       `toml:"name"`
			Version string       `toml:"version"`
			Files   []hashedFile `toml:"files"`
			Git     string       `toml:"git"`
			Hg      string       `toml:"hg"`
			URL     string       `toml:"url"`
			Path    string       `toml:"path"`
		} `toml:"package"`
	}
	if err := decode(path, text, &doc); err != nil {
		return err
	}
	index, named, err := r.pdmSources()
	if err != nil {
		return err
	}
	at := linesOf(path, text, "package")
	for i, x := range doc.Package {
		p := Package{Version: x.Version, At: at.table(i)}
		if p.Name, err = name(x.Name, p.At); err != nil {
			return err
		}
		switch {
		case x.Git != "":
			p.Origin, p.URL = Direct, Clean(x.Git)
		case x.Hg != "":
			p.Origin, p.URL = Direct, Clean(x.Hg)
		case x.URL != "":
			p.Origin, p.URL = Direct, Clean(x.URL)
		case x.Path != "":
			p.Origin = Local
		case named:
			p.Origin, p.Index = Named, index
		default:
			p.Origin = Configured
		}
		p.addFiles(x.Files, at)
		if err := r.add(p); err != nil {
			return err
		}
	}
	return nil
}

// pdmSources reads the sources in pyproject.toml. It returns the URL of the one called pypi, which replaces the public
// index, and reports whether there is one.
func (r *reader) pdmSources() (url string, named bool, err error) {
	path, text, err := r.beside("pyproject.toml")
	if err != nil || text == nil {
		return "", false, err
	}
	var doc struct {
		Tool struct {
			PDM struct {
				Source []struct {
					Name    string   `toml:"name"`
					URL     string   `toml:"url"`
					Type    string   `toml:"type"`
					Include []string `toml:"include_packages"`
				} `toml:"source"`
			} `toml:"pdm"`
		} `toml:"tool"`
	}
	if err := decode(path, text, &doc); err != nil {
		return "", false, err
	}
	at := linesOf(path, text, "tool.pdm.source")
	for i, x := range doc.Tool.PDM.Source {
		use := Extra
		switch {
		case strings.EqualFold(x.Type, "find_links"):
			use = Links
		case x.Name == "pypi":
			use, named, url = Default, true, Clean(x.URL)
		}
		r.index(x.Name, x.URL, use, at.of(x.URL, at.table(i)))
	}
	if !named {
		if url, named, err = r.pdmConfig(); err != nil || named {
			return url, named, err
		}
		r.index("", "", Implied, Place{Path: path})
	}
	return url, named, nil
}

// pdmConfig returns the URL that the project's pdm.toml gives instead of the public index, and reports whether it does.
func (r *reader) pdmConfig() (url string, named bool, err error) {
	path, text, err := r.beside("pdm.toml")
	if err != nil || text == nil {
		return "", false, err
	}
	var doc struct {
		PyPI struct {
			URL string `toml:"url"`
		} `toml:"pypi"`
	}
	if err := decode(path, text, &doc); err != nil || doc.PyPI.URL == "" {
		return "", false, err
	}
	r.index("pypi", doc.PyPI.URL, Default, linesOf(path, text, "").of(doc.PyPI.URL, Place{Path: path}))
	return Clean(doc.PyPI.URL), true, nil
}
