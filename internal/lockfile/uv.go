package lockfile

import "cmp"

// uvLock is the part of uv.lock that says what is fetched.
type uvLock struct {
	Package []struct {
		Name    string   `toml:"name"`
		Version string   `toml:"version"`
		Source  uvSource `toml:"source"`
		SDist   *uvFile  `toml:"sdist"`
		Wheels  []uvFile `toml:"wheels"`
	} `toml:"package"`
}

type uvSource struct {
	Registry  string `toml:"registry"`
	Git       string `toml:"git"`
	URL       string `toml:"url"`
	Path      string `toml:"path"`
	Directory string `toml:"directory"`
	Editable  string `toml:"editable"`
	Virtual   string `toml:"virtual"`
}

type uvFile struct {
	URL      string `toml:"url"`
	Path     string `toml:"path"`
	Filename string `toml:"filename"`
	Hash     string `toml:"hash"`
}

// uv reads uv.lock. uv installs each file from its URL, whatever index is configured.
func (r *reader) uv(path string, text []byte) error {
	var doc uvLock
	if err := decode(path, text, &doc); err != nil {
		return err
	}
	at := linesOf(path, text, "package")
	for i, x := range doc.Package {
		p := Package{Version: x.Version, At: at.table(i)}
		var err error
		if p.Name, err = name(x.Name, p.At); err != nil {
			return err
		}
		switch s := x.Source; {
		case s.Registry != "":
			p.Origin, p.Index = Named, Clean(s.Registry)
		case s.Git != "" || s.URL != "":
			p.Origin, p.URL = Direct, Clean(cmp.Or(s.Git, s.URL))
		default:
			p.Origin = Local
		}
		files := x.Wheels
		if x.SDist != nil {
			files = append([]uvFile{*x.SDist}, files...)
		}
		for _, f := range files {
			file := File{Name: cmp.Or(f.Filename, baseName(cmp.Or(f.URL, f.Path))), URL: Clean(f.URL), At: at.of(f.URL, p.At)}
			if f.URL == "" && f.Path == "" {
				file.Name, file.URL = f.Filename, p.URL
			}
			file.setHash(f.Hash)
			p.Files = append(p.Files, file)
		}
		if err := r.add(p); err != nil {
			return err
		}
	}
	return r.uvProject()
}

// uvConfig has the settings of uv about indexes, in uv.toml or below tool.uv.
type uvConfig struct {
	Index []struct {
		Name     string `toml:"name"`
		URL      string `toml:"url"`
		Default  bool   `toml:"default"`
		Explicit bool   `toml:"explicit"`
		Format   string `toml:"format"`
	} `toml:"index"`
	IndexURL  string   `toml:"index-url"`
	ExtraURLs []string `toml:"extra-index-url"`
	Links     []string `toml:"find-links"`
}

// uvProject reads the indexes of the project: uv.toml, which replaces the settings in pyproject.toml, or else those.
func (r *reader) uvProject() error {
	path, text, err := r.beside("uv.toml")
	if err != nil {
		return err
	}
	if text != nil {
		var doc uvConfig
		if err := decode(path, text, &doc); err != nil {
			return err
		}
		r.uvIndexes(doc, linesOf(path, text, "index"))
		return nil
	}
	path, text, err = r.beside("pyproject.toml")
	if err != nil || text == nil {
		return err
	}
	var doc struct {
		Tool struct {
			UV uvConfig `toml:"uv"`
		} `toml:"tool"`
	}
	if err := decode(path, text, &doc); err != nil {
		return err
	}
	r.uvIndexes(doc.Tool.UV, linesOf(path, text, "tool.uv.index"))
	return nil
}

func (r *reader) uvIndexes(c uvConfig, at *lines) {
	only := c.IndexURL != ""
	first := Place{}
	for i, x := range c.Index {
		use := Extra
		switch {
		case x.Format == "flat":
			use = Links
		case x.Default:
			use, only = Default, true
		case x.Explicit:
			use = Explicit
		}
		if use == Extra && first.Path == "" {
			first = at.table(i)
		}
		r.index(x.Name, x.URL, use, at.of(x.URL, at.table(i)))
	}
	whole := Place{Path: at.path}
	if c.IndexURL != "" {
		r.index("", c.IndexURL, Default, at.of(c.IndexURL, whole))
	}
	for _, u := range c.ExtraURLs {
		r.index("", u, Extra, at.of(u, whole))
	}
	for _, u := range c.Links {
		r.index("", u, Links, at.of(u, whole))
	}
	if !only && first.Path != "" {
		r.index("", "", Implied, first)
	}
}
