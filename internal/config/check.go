package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"pyindex/internal/access"
	"pyindex/internal/storage/blobs"
)

// Bounds on the lifetime of a minted token.
const (
	minLifetime = time.Minute
	maxLifetime = 6 * time.Hour
)

// maxBridge bounds how long a replica without the database accepts permissions that may have been revoked meanwhile.
const maxBridge = time.Hour

// maxPageAge bounds how long a client may miss a published, yanked or quarantined file.
const maxPageAge = 10 * time.Minute

// maxLinkLifetime bounds signed URLs, which cannot be revoked, well below the limit of the object stores.
const maxLinkLifetime = 6 * time.Hour

// Check returns an error that names the first setting that is invalid or contradicts another setting, under the name
// that the person used.
func (c *Config) Check() error {
	for _, check := range []func() error{
		c.checkListen, c.checkTLS, c.checkSecurity, c.checkDatabase, c.checkStorage, c.checkOIDC, c.checkAccess,
		c.checkAttestations, c.checkLeaks, c.checkSSO, c.checkMail, c.checkPages, c.checkAudit,
		c.checkUpstreams, c.checkAliases, c.checkFeeds, c.checkMetrics,
	} {
		if err := check(); err != nil {
			return c.Located(err)
		}
	}
	return nil
}

func (c *Config) checkListen() error {
	_, port, err := net.SplitHostPort(c.Listen)
	if n, e := strconv.ParseUint(port, 10, 16); err != nil || e != nil || n > 65535 {
		return fmt.Errorf("listen: %q is not an address with a port: write for example 127.0.0.1:8080", c.Listen)
	}
	if c.DataDir == "" {
		return errors.New("data_dir: the folder is missing")
	}
	return nil
}

func (c *Config) checkTLS() error {
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return errors.New("tls_cert and tls_key: set both or neither")
	}
	ways := 0
	for _, on := range []bool{c.TLSCert != "", c.TLSSelfSigned, c.TLSACME != ""} {
		if on {
			ways++
		}
	}
	if ways > 1 {
		return errors.New("tls_cert, tls_self_signed and tls_acme: choose one")
	}
	if strings.ContainsAny(c.TLSACME, "/:*@ ") {
		return fmt.Errorf("tls_acme: %q is not a host name", c.TLSACME)
	}
	return nil
}

func (c *Config) checkPages() error {
	for _, host := range c.Pages.ImageHosts {
		u, err := url.Parse("https://" + host)
		if err != nil || u.Host != host || u.Hostname() == "" {
			return fmt.Errorf("pages.image_hosts: %q is not a host name or HOST:PORT", host)
		}
	}
	if len(c.Pages.ImageHosts) > 0 && c.Pages.Images != "proxy" {
		return errors.New("pages.image_hosts: it has an effect only with pages.images = proxy")
	}
	return nil
}

// checkSecurity checks the addresses of security.txt, which RFC 9116 requires to be URLs.
func (c *Config) checkSecurity() error {
	for _, contact := range c.SecurityContact {
		if !reachable(contact, "https", "mailto", "tel") {
			return fmt.Errorf("security_contact: %q is not an https:, mailto: or tel: URL", contact)
		}
	}
	if c.SecurityPolicy == "" {
		return nil
	}
	if len(c.SecurityContact) == 0 {
		return errors.New("security_policy: set security_contact too")
	}
	if !reachable(c.SecurityPolicy, "https") {
		return fmt.Errorf("security_policy: %q is not an https: URL", c.SecurityPolicy)
	}
	return nil
}

// reachable reports whether text is one line with a URL of one of the schemes.
func reachable(text string, schemes ...string) bool {
	u, err := url.Parse(text)
	return err == nil && slices.Contains(schemes, u.Scheme) && (u.Opaque != "" || u.Host != "") &&
		!strings.ContainsFunc(text, func(c rune) bool { return unicode.IsControl(c) || unicode.IsSpace(c) })
}

func (c *Config) checkDatabase() error {
	if c.Database.URL != "" && c.Database.URLFile != "" {
		return errors.New("database.url and database.url_file: choose one")
	}
	if d := time.Duration(c.Database.Bridge); d < 0 || d > maxBridge {
		return fmt.Errorf("database.bridge: %v is not between 0s and %v", d, maxBridge)
	}
	_, err := c.DatabaseURL()
	return err
}

// readSecret returns the trimmed content of the file that a setting names. Errors begin with the name of the setting.
func readSecret(setting, path string) (string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%s: %w", setting, err)
	}
	return strings.TrimSpace(string(b)), nil
}

// DatabaseURL returns the URL of the database. It may contain a password.
func (c *Config) DatabaseURL() (string, error) {
	key, text := "database.url", c.Database.URL
	if c.Database.URLFile != "" {
		key = "database.url_file"
		var err error
		if text, err = readSecret(key, c.Database.URLFile); err != nil {
			return "", err
		}
	}
	if text == "" && key == "database.url" {
		return "sqlite:" + filepath.Join(c.DataDir, "index.db"), nil
	}
	for _, scheme := range []string{"sqlite:", "postgres://", "postgresql://"} {
		if strings.HasPrefix(text, scheme) {
			return text, nil
		}
	}
	return "", fmt.Errorf("%s: the URL must begin with sqlite: or postgres://", key)
}

// sqlitePath returns the path of the SQLite file. It returns "" if the database is not SQLite.
func (c *Config) sqlitePath() string {
	text, err := c.DatabaseURL()
	path, ok := strings.CutPrefix(text, "sqlite:")
	if err != nil || !ok {
		return ""
	}
	path, _, _ = strings.Cut(path, "?")
	return path
}

func (c *Config) checkStorage() error {
	text, err := c.StorageURL()
	if err != nil {
		return err
	}
	u, err := url.Parse(text)
	if err != nil || !slices.Contains(blobs.Schemes(), u.Scheme) {
		return fmt.Errorf("storage.url: %q must begin with %s://", c.Storage.URL, strings.Join(blobs.Schemes(), "://, "))
	}
	local := u.Scheme == "file" || u.Scheme == "mem"
	if local && c.Storage.Delivery == "redirect" {
		return errors.New("storage.delivery: redirect needs an object store in storage.url")
	}
	if local && c.Storage.LinkURL != "" {
		return errors.New("storage.link_url: it needs an object store in storage.url")
	}
	if d := time.Duration(c.Storage.LinkLifetime); d < time.Minute || d > maxLinkLifetime {
		return fmt.Errorf("storage.link_lifetime: %v is not between 1m and %v", d, maxLinkLifetime)
	}
	return nil
}

// StorageURL returns the URL of the blob store.
func (c *Config) StorageURL() (string, error) {
	if c.Storage.URL != "" {
		return c.Storage.URL, nil
	}
	dir, err := filepath.Abs(filepath.Join(c.DataDir, "blobs"))
	if err != nil {
		return "", fmt.Errorf("data_dir: %w", err)
	}
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(dir)}).String(), nil
}

func (c *Config) checkOIDC() error {
	if d := time.Duration(c.OIDC.TokenLifetime); d < minLifetime || d > maxLifetime {
		return fmt.Errorf("oidc.token_lifetime: %v is not between %v and %v", d, minLifetime, maxLifetime)
	}
	if d := time.Duration(c.OIDC.KeepExchanges); d < time.Minute {
		return fmt.Errorf("oidc.keep_exchanges: %v is less than a minute: write for example 720h", d)
	}
	seen := map[string]bool{}
	for _, i := range c.OIDC.Issuers {
		if seen[i.Issuer] {
			return fmt.Errorf("oidc.issuers: %s is listed twice", i.Issuer)
		}
		seen[i.Issuer] = true
	}
	return nil
}

func (c *Config) checkAccess() error {
	if c.Access.Realm == "" || strings.ContainsFunc(c.Access.Realm, func(r rune) bool { return r < ' ' || r > '~' }) {
		return errors.New("access.realm: the name must be printable ASCII and not empty")
	}
	if longest, usual := time.Duration(c.Access.TokenMaxLife), time.Duration(c.Access.TokenDefault); longest > 0 &&
		usual > longest {
		return fmt.Errorf("access.token_default_life: %s is longer than access.token_max_life, %s", access.Days(usual),
			access.Days(longest))
	}
	if d := time.Duration(c.Access.PageMaxAge); d < 0 || d > maxPageAge {
		return fmt.Errorf("access.page_max_age: %v is not between 0s and %v", d, maxPageAge)
	}
	return nil
}

// leastKept prevents a wrong unit, such as m instead of h, from emptying the audit log.
const leastKept = 24 * time.Hour

func (c *Config) checkAudit() error {
	for _, s := range []struct {
		name string
		keep Span
	}{{"audit.keep", c.Audit.Keep}, {"audit.keep_refusals", c.Audit.KeepRefusals}} {
		if d := time.Duration(s.keep); d != 0 && d < leastKept {
			return fmt.Errorf("%s: %v is shorter than a day: write for example 8760h for a year, or 0s to keep entries forever",
				s.name, d)
		}
	}
	return nil
}
