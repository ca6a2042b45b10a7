package lockfile

import (
	"slices"

	"pyindex/internal/packaging"
)

// Pin is a file that an installation from a lock would need, or a package if the lock does not name its files.
type Pin struct {
	Name       packaging.ProjectName
	Version    string   // "" if the file does not pin one
	Specifiers string   // if Version is "": the versions that are allowed, "" for any
	Filename   string   // "" if the lock does not name the files
	SHA256     []string // of the file, or of any file of the package; in hexadecimal; empty if there is none
}

// Pins returns the files and packages that locks need from an index, each once, in the order of the locks. It omits
// packages from this machine, from version control and from URLs of their own.
func Pins(locks []Lock) (pins []Pin) {
	type key struct{ name, version, specifiers, filename string }
	at := map[key]int{}
	put := func(p Pin) {
		k := key{p.Name.String(), p.Version, p.Specifiers, p.Filename}
		i, again := at[k]
		if !again {
			at[k] = len(pins)
			pins = append(pins, p)
			return
		}
		for _, h := range p.SHA256 {
			if !slices.Contains(pins[i].SHA256, h) {
				pins[i].SHA256 = append(pins[i].SHA256, h)
			}
		}
	}
	for _, l := range locks {
		limits := constraints(l)
		for _, p := range l.Packages {
			if limit, ok := limits[p.Name]; ok && p.Version == "" && len(p.Files) == 0 {
				p.Version, p.Specifiers, p.Hashes = limit.Version, "", append(slices.Clone(p.Hashes), limit.Hashes...)
			}
			if p.Origin == Local || p.Origin == Direct || p.Constraint || p.Name.IsZero() {
				continue
			}
			pin := Pin{Name: p.Name, Version: p.Version, Specifiers: p.Specifiers, SHA256: slices.Clone(p.Hashes)}
			if len(p.Files) == 0 {
				put(pin)
			}
			for _, f := range p.Files {
				pin.Filename, pin.SHA256 = f.Name, nil
				if f.SHA256 != "" {
					pin.SHA256 = []string{f.SHA256}
				}
				put(pin)
			}
		}
	}
	return pins
}

// constraints returns the packages that the constraints files of a lock pin.
func constraints(l Lock) map[packaging.ProjectName]Package {
	found := map[packaging.ProjectName]Package{}
	for _, p := range l.Packages {
		if p.Constraint && p.Version != "" {
			found[p.Name] = p
		}
	}
	return found
}
