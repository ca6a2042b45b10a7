package lockfile

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"pyindex/internal/fault"
)

// pipenvPackage is an entry of Pipfile.lock.
type pipenvPackage struct {
	Version string   `json:"version"`
	Hashes  []string `json:"hashes"`
	Index   string   `json:"index"`
	File    string   `json:"file"`
	Path    string   `json:"path"`
	Git     string   `json:"git"`
	Hg      string   `json:"hg"`
	SVN     string   `json:"svn"`
}

// pipenv reads Pipfile.lock. pipenv installs from the sources in the lock, not from those of the Pipfile.
func (r *reader) pipenv(path string, text []byte) error {
	var doc map[string]json.RawMessage
	if json.Unmarshal(text, &doc) != nil {
		return fault.New(fault.Invalid, "%s: not valid JSON", path)
	}
	var meta struct {
		Sources []struct {
			Name string `json:"name"`
			URL  string `json:"url"`
		} `json:"sources"`
	}
	if raw := doc["_meta"]; raw != nil && json.Unmarshal(raw, &meta) != nil {
		return fault.New(fault.Invalid, "%s: not of the format of Pipfile.lock", path)
	}
	delete(doc, "_meta")
	at := linesOf(path, text, "")
	sources := map[string]string{}
	for i, s := range meta.Sources {
		use := Extra
		if i == 0 {
			use = Default
		}
		r.index(s.Name, s.URL, use, at.of(s.URL, Place{Path: path}))
		sources[s.Name] = Clean(s.URL)
	}
	if _, _, err := r.beside("Pipfile"); err != nil { // for its passwords
		return err
	}
	places := entryLines(text, at)
	for _, section := range slices.Sorted(maps.Keys(doc)) {
		var packages map[string]pipenvPackage
		if json.Unmarshal(doc[section], &packages) != nil {
			return fault.New(fault.Invalid, "%s: the section %.40q is not of the format of Pipfile.lock", path, section)
		}
		for _, key := range slices.Sorted(maps.Keys(packages)) {
			x := packages[key]
			p := Package{Version: strings.TrimPrefix(strings.TrimPrefix(x.Version, "="), "=")}
			p.At = Place{path, places[[2]string{section, key}]}
			var err error
			if p.Name, err = name(key, p.At); err != nil {
				return err
			}
			vcs := cmp.Or(x.Git, x.Hg, x.SVN)
			switch {
			case vcs != "":
				p.Origin, p.URL = Direct, Clean(vcs)
			case strings.Contains(x.File, "://") && !strings.HasPrefix(x.File, "file:"):
				p.Origin, p.URL = Direct, Clean(x.File)
			case x.Path != "" || x.File != "":
				p.Origin = Local
			case len(meta.Sources) == 0:
				p.Origin = Public
			default:
				p.Origin, p.IndexName = Named, cmp.Or(x.Index, meta.Sources[0].Name)
				p.Index = cmp.Or(sources[p.IndexName], Clean(meta.Sources[0].URL))
			}
			for _, h := range x.Hashes {
				p.addHash(h)
			}
			if err := r.add(p); err != nil {
				return err
			}
		}
	}
	return nil
}

// entryLines returns the line of each entry by section and name.
func entryLines(text []byte, at *lines) map[[2]string]int {
	found := map[[2]string]int{}
	d := json.NewDecoder(bytes.NewReader(text))
	var section string
	depth, key := 0, true // key: the next text of the object is a key
	var objects []bool
	for {
		t, err := d.Token()
		if err != nil {
			return found
		}
		switch t := t.(type) {
		case json.Delim:
			if t == '{' || t == '[' {
				depth, objects, key = depth+1, append(objects, t == '{'), t == '{'
			} else {
				depth, objects = depth-1, objects[:len(objects)-1]
				key = depth > 0 && objects[depth-1]
			}
		case string:
			inObject := depth > 0 && objects[depth-1]
			if inObject && key {
				switch depth {
				case 1:
					section = t
				case 2:
					found[[2]string{section, t}] = at.line(int(d.InputOffset()) - 1)
				}
				key = false
			} else {
				key = inObject
			}
		default:
			key = depth > 0 && objects[depth-1]
		}
	}
}
