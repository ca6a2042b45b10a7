package config

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/upstream"
)

// DefaultUpstream is the name of the upstream of the setting upstream.
const DefaultUpstream = "default"

type upstreamCacheConfig struct {
	Size ByteSize `default:"0" help:"Maximum size of the files of upstreams that are kept; 0 for the smaller of 20GiB and a tenth of the disk. Set it if storage.url is an object store, whose size is not known."`
}

// checkUpstreams checks the upstreams and repositories of the configuration.
func (c *Config) checkUpstreams() error {
	seen := map[string]bool{}
	for _, u := range c.Upstreams {
		if seen[u.Name] {
			return fmt.Errorf("upstreams: %s is listed twice", u.Name)
		}
		seen[u.Name] = true
	}
	if c.Upstream == "" && c.UpstreamAllowPrivate {
		return errors.New("upstream_allow_private: it has an effect only with upstream")
	}
	for _, s := range []struct {
		key  string
		span Span
		most time.Duration
	}{{"upstream_timeout", c.UpstreamTimeout, 10 * time.Minute}, {"upstream_rest", c.UpstreamRest, time.Hour}} {
		if d := time.Duration(s.span); d < time.Second || d > s.most {
			return fmt.Errorf("%s: %s must be between 1s and %s", s.key, s.span, Span(s.most))
		}
	}
	if c.Upstream != "" {
		if seen[DefaultUpstream] {
			return fmt.Errorf("upstream: it is the upstream named %s, which upstreams has too: choose one", DefaultUpstream)
		}
		if err := c.defaultUpstream().Check(); err != nil {
			text := strings.TrimPrefix(fault.Message(err), "url: ")
			return fmt.Errorf("upstream: %s", strings.ReplaceAll(text, "set allow_private", "set upstream_allow_private"))
		}
	}
	var all []catalog.DeclaredRepository
	for _, r := range c.Repositories {
		all = append(all, r.DeclaredRepository)
	}
	if err := catalog.CheckDeclared(all); err != nil {
		return fmt.Errorf("repositories: %w", err)
	}
	return nil
}

// defaultUpstream returns the upstream of the setting upstream.
func (c *Config) defaultUpstream() upstream.Upstream {
	u := upstream.Default()
	u.Name, u.URL, u.AllowPrivate = DefaultUpstream, c.Upstream, c.UpstreamAllowPrivate
	return u
}

// Declared returns the upstreams and repositories of the configuration, which the server writes into rows.
func (c *Config) Declared() catalog.Declared {
	var d catalog.Declared
	for _, u := range c.Upstreams {
		d.Upstreams = append(d.Upstreams, u.Upstream)
	}
	if c.Upstream != "" {
		d.Upstreams = append(d.Upstreams, c.defaultUpstream())
		d.Main = DefaultUpstream
	}
	for _, r := range c.Repositories {
		d.Repositories = append(d.Repositories, r.DeclaredRepository)
	}
	return d
}

// checkUpstreamFiles returns an error if the server cannot read a file that an upstream of the configuration names. The
// platform may write identity tokens later, so those are not looked for.
func (c *Config) checkUpstreamFiles() error {
	for i, u := range c.Upstreams {
		for _, key := range []string{"password_file", "token_file", "ca_file", "client_cert", "client_key"} {
			path := u.Text(key)
			if path == "" {
				continue
			}
			f, err := os.Open(path)
			if err != nil {
				return fmt.Errorf("upstreams: %s of %s: %w", key, c.Upstreams[i].Name, err)
			}
			f.Close()
		}
	}
	return nil
}

// UpstreamCacheSize returns the limit on kept files of upstreams in bytes, or 0 if it follows from the disk.
func (c *Config) UpstreamCacheSize() int64 { return int64(c.UpstreamCache.Size) }
