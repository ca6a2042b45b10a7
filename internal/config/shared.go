package config

import (
	"net/url"
	"path/filepath"
	"slices"
	"strings"
)

// Shared returns the flags with which another command uses the same data: every setting that decides where the data
// is, unless it is in the file of --config. It omits a database URL with a password, which must not be on a command
// line; SecretDatabase reports that.
func (c *Config) Shared() [][2]string {
	var flags [][2]string
	if c.Config != "" {
		flags = append(flags, [2]string{"--config", string(c.Config)})
	}
	add := func(key, flag, value, usual string) {
		if c.outside(key, value != usual) {
			flags = append(flags, [2]string{flag, value})
		}
	}
	dir := c.DataDir
	if dir != usualDataDir {
		dir = absolute(dir)
	}
	add("data_dir", "--data-dir", dir, usualDataDir)
	if !c.SecretDatabase() {
		at := c.Database.URL
		if path, ok := strings.CutPrefix(at, "sqlite:"); ok && path != "" {
			at = "sqlite:" + absolute(path)
		}
		add("database.url", "--database-url", at, "")
	}
	if c.Database.URLFile != "" {
		add("database.url_file", "--database-url-file", absolute(c.Database.URLFile), "")
	}
	add("storage.url", "--storage-url", c.Storage.URL, "")
	return flags
}

// usualDataDir is the default of data_dir.
const usualDataDir = "./data"

// absolute returns the absolute form of a path, or the path if there is none.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// SecretDatabase reports whether the database URL has a password and is in the environment, so that a command must be
// run with the same variable.
func (c *Config) SecretDatabase() bool {
	return hasPassword(c.Database.URL) && c.outside("database.url", true)
}

// outside reports whether a flag or a variable set a setting, and not the file. If the origins are not known, it
// returns differs, which is whether the value is not the default.
func (c *Config) outside(key string, differs bool) bool {
	if c.origins == nil {
		return differs
	}
	from := c.origins.where[key]
	return from.name != "" && from.at == ""
}

// SharedBase returns the flag with which another command prints links to base, or false if it does so without the flag.
// The flag is needed if the file has an address, which the other command would use, and flags or variables override it.
func (c *Config) SharedBase(base *url.URL) (flag [2]string, ok bool) {
	if c.origins == nil || base == nil {
		return flag, false
	}
	in := func(key string) bool { return c.origins.where[key].at != "" || c.origins.hidden[key] }
	if !in("base_url") && !in("listen") || c.BaseURL.URL != nil && !c.outside("base_url", false) {
		return flag, false
	}
	address := []string{"base_url", "listen", "tls_cert", "tls_self_signed", "tls_acme"}
	if !slices.ContainsFunc(address, func(key string) bool { return c.outside(key, false) }) {
		return flag, false
	}
	return [2]string{"--base-url", base.String()}, true
}
