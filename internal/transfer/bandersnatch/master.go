package bandersnatch

import (
	"net/url"
	"path/filepath"
	"strings"

	"pyindex/internal/fault"
	"pyindex/internal/transfer/disk"
	"pyindex/internal/transfer/scan"
	"pyindex/internal/transfer/stated"
)

// maxConfig is how many bytes of a configuration are read.
const maxConfig = 1 << 20

// masterOf returns the index that is mirrored by the options, or "" if they do not tell.
func masterOf(o Options) (string, error) {
	if o.Master != "" {
		u, secret := stated.URL(o.Master)
		if u == "" || secret {
			return "", fault.New(fault.Invalid, "--master is not an http or https URL without a password")
		}
		return u, nil
	}
	if o.Config == "" {
		return "", nil
	}
	dir, err := disk.Open(filepath.Dir(o.Config))
	if err != nil {
		return "", err
	}
	defer dir.Close()
	b, err := dir.Read(filepath.Base(o.Config), maxConfig)
	if err != nil {
		return "", err
	}
	if u, _ := stated.URL(setting(string(b), "mirror", "master")); u != "" {
		return u, nil
	}
	return "", fault.New(fault.Invalid, "%s has no valid master in [mirror]: use --master URL", o.Config)
}

// setting returns a setting of a configuration as Python's configparser reads it, or "".
func setting(text, section, key string) string {
	value, inside := "", false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "["); ok {
			inside = strings.TrimSuffix(name, "]") == section
			continue
		}
		i := strings.IndexAny(line, "=:")
		if !inside || i < 0 || line[0] == '#' || line[0] == ';' {
			continue
		}
		if strings.EqualFold(strings.TrimSpace(line[:i]), key) {
			value = strings.TrimSpace(line[i+1:])
		}
	}
	return value
}

// guess returns the origin of the address that the first projects have at their index, or "".
func (s *Source) guess() string {
	const looked = 20
	for i, name := range s.sorted(nil) {
		if i == looked {
			break
		}
		found := ""
		_ = s.folder.Document(s.web + "json/" + s.names[name]).Read(func(r *scan.Reader) error {
			_, err := r.Object(func(key string) error {
				if key != "info" {
					return r.Skip()
				}
				_, err := r.Object(func(key string) (err error) {
					if key != "package_url" {
						return r.Skip()
					}
					found, err = r.Text()
					return err
				})
				return err
			})
			return err
		})
		if at, _ := stated.URL(found); at != "" {
			u, err := url.Parse(at)
			if err == nil {
				return u.Scheme + "://" + u.Host + "/"
			}
		}
	}
	return ""
}
