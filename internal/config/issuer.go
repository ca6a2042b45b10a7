package config

import (
	"crypto/x509"
	"fmt"
	"net/url"
	"os"
	"strings"

	"pyindex/internal/workload"
)

// issuer is an entry of [[oidc.issuers]]. Its text form, for a flag or the environment, is
// "kind=github,issuer=https://…,audience=…,ca_file=…,api_url=…,server=…"; kind and issuer are required.
type issuer struct {
	Kind     string // format of its claims
	Issuer   string // exact "iss"
	Audience string // "" for the base URL's host
	CAFile   string // PEM file of the authorities for the issuer's host, "" for the system's
	APIURL   string // for kind github: API for account look-ups, "" for api.github.com, or for none with another issuer
	Server   string // for kind gitlab: base URL of the server, without a trailing slash; "" if it is the issuer
}

// issuerFields are the keys of an issuer.
var issuerFields = []string{"kind", "issuer", "audience", "ca_file", "api_url", "server"}

// field returns a pointer to the named field, or nil if there is no such field.
func (i *issuer) field(name string) *string {
	return map[string]*string{
		"kind":     &i.Kind,
		"issuer":   &i.Issuer,
		"audience": &i.Audience,
		"ca_file":  &i.CAFile,
		"api_url":  &i.APIURL,
		"server":   &i.Server,
	}[name]
}

// UnmarshalText parses and checks the text form.
func (i *issuer) UnmarshalText(text []byte) error {
	*i = issuer{}
	for pair := range strings.SplitSeq(string(text), ",") {
		name, value, _ := strings.Cut(pair, "=")
		name = strings.TrimSpace(name)
		at := i.field(name)
		if at == nil || *at != "" {
			return fmt.Errorf("%q is unknown or repeated in an issuer: write kind=…,issuer=…,audience=…,ca_file=…,api_url=…,server=…",
				name)
		}
		*at = strings.TrimSpace(value)
	}
	return i.check()
}

func (i *issuer) check() error {
	if workload.Find(i.Kind) == nil {
		return fmt.Errorf("issuer kind %q is not supported: choose %s", i.Kind, strings.Join(workload.Names(), ", "))
	}
	u, err := url.Parse(i.Issuer)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("issuer %q is not a URL", i.Issuer)
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !Loopback(u.Hostname())) {
		return fmt.Errorf("issuer %q must use https: http is allowed only for loopback addresses", i.Issuer)
	}
	if err := i.checkAPI(); err != nil {
		return err
	}
	if err := i.checkServer(); err != nil {
		return err
	}
	_, err = i.roots()
	return err
}

func (i *issuer) checkAPI() error {
	if i.APIURL == "" {
		return nil
	}
	if i.Kind != "github" {
		return fmt.Errorf("api_url of issuer %s: only issuers of kind github have one", i.Issuer)
	}
	u, err := url.Parse(i.APIURL)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" ||
		u.Scheme != "https" && (u.Scheme != "http" || !Loopback(u.Hostname())) {
		return fmt.Errorf("api_url %q of issuer %s is not an https URL: write for example https://HOST/api/v3", i.APIURL,
			i.Issuer)
	}
	return nil
}

// checkServer checks the address of a GitLab server, and removes a slash at its end.
func (i *issuer) checkServer() error {
	if i.Server == "" {
		return nil
	}
	if i.Kind != "gitlab" {
		return fmt.Errorf("server of issuer %s: only issuers of kind gitlab have one", i.Issuer)
	}
	i.Server = strings.TrimRight(i.Server, "/")
	u, err := url.Parse(i.Server)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" ||
		u.Scheme != "https" && u.Scheme != "http" {
		return fmt.Errorf("server %q of issuer %s is not a URL: write the address of GitLab's pages, for example "+
			"https://HOST/gitlab", i.Server, i.Issuer)
	}
	return nil
}

// roots returns the authorities of ca_file. It returns nil if the system's apply.
func (i *issuer) roots() (*x509.CertPool, error) {
	if i.CAFile == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(i.CAFile)
	if err != nil {
		return nil, fmt.Errorf("ca_file of issuer %s: %w", i.Issuer, err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("ca_file of issuer %s: %s contains no PEM certificate", i.Issuer, i.CAFile)
	}
	return pool, nil
}
