package config

import (
	"fmt"

	"pyindex/internal/alias"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
)

// aliasKeys are the keys of [[aliases]].
var aliasKeys = []string{"path", "repository"}

// declaredAlias is an entry of [[aliases]]. Its text form is that of an upstream.
type declaredAlias struct{ alias.Alias }

// UnmarshalText parses and checks the text form.
func (d *declaredAlias) UnmarshalText(text []byte) error {
	values, err := entry(text)
	if err != nil {
		return err
	}
	d.Alias = alias.Alias{Repository: catalog.MainRepository}
	for key, value := range values {
		s, ok := value.(string)
		switch {
		case key != "path" && key != "repository":
			return fault.InField(key, "%s: there is no such setting of an alias", key)
		case !ok:
			return fault.InField(key, "%s: it must be a text", key)
		case key == "repository":
			if !catalog.IsRepositoryName(s) {
				return fault.InField(key, "repository: %.80q is not the name of a repository", s)
			}
			d.Repository = s
		default:
			if d.Path, err = alias.ParsePath(s); err != nil {
				return err
			}
		}
	}
	if d.Path == "" {
		return fault.InField("path", "path: it is required, for example /root/pypi/+simple/")
	}
	return nil
}

// line describes an alias for administrators.
func (d declaredAlias) line() string { return d.Path + " repository=" + d.Repository }

// AliasList returns the aliases of the configuration.
func (c *Config) AliasList() (out []alias.Alias) {
	for _, a := range c.Aliases {
		out = append(out, a.Alias)
	}
	return out
}

func (c *Config) checkAliases() error {
	if err := alias.Check(c.AliasList()); err != nil {
		return fmt.Errorf("aliases: %w", err)
	}
	return nil
}
