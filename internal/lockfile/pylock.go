package lockfile

import "cmp"

// pylockFile is a wheel, a source distribution or an archive of PEP 751.
type pylockFile struct {
	Name   string            `toml:"name"`
	URL    string            `toml:"url"`
	Path   string            `toml:"path"`
	Hashes map[string]string `toml:"hashes"`
}

// pylock reads pylock.toml (PEP 751). Installers take each file from its URL, whatever index is configured.
func (r *reader) pylock(path string, text []byte) error {
	var doc struct {
		Packages []struct {
			Name      string       `toml:"name"`
			Version   string       `toml:"version"`
			Index     string       `toml:"index"`
			Wheels    []pylockFile `toml:"wheels"`
			SDist     *pylockFile  `toml:"sdist"`
			Archive   *pylockFile  `toml:"archive"`
			Directory *struct{}    `toml:"directory"`
			VCS       *struct {
				URL string `toml:"url"`
			} `toml:"vcs"`
		} `toml:"packages"`
	}
	if err := decode(path, text, &doc); err != nil {
		return err
	}
	at := linesOf(path, text, "packages")
	for i, x := range doc.Packages {
		p := Package{Version: x.Version, Index: Clean(x.Index), At: at.table(i)}
		var err error
		if p.Name, err = name(x.Name, p.At); err != nil {
			return err
		}
		files := x.Wheels
		switch {
		case x.VCS != nil:
			p.Origin, p.URL = Direct, Clean(x.VCS.URL)
		case x.Archive != nil && x.Archive.URL != "":
			p.Origin, p.URL = Direct, Clean(x.Archive.URL)
			files = append(files, *x.Archive)
		case x.Archive != nil, x.Directory != nil:
			p.Origin = Local
		case x.Index != "":
			p.Origin = Named
		default:
			p.Origin = Configured
		}
		if x.SDist != nil {
			files = append([]pylockFile{*x.SDist}, files...)
		}
		for _, f := range files {
			file := File{Name: cmp.Or(f.Name, baseName(cmp.Or(f.URL, f.Path))), URL: Clean(f.URL), At: at.of(f.URL, p.At)}
			file.setHashes(f.Hashes)
			p.Files = append(p.Files, file)
		}
		if err := r.add(p); err != nil {
			return err
		}
	}
	return nil
}
