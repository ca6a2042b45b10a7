package config

import (
	"crypto/tls"
	"net/http"
	"slices"
	"strings"

	"pyindex/internal/fault"
	"pyindex/internal/publishers"
	"pyindex/internal/workload"
	"pyindex/internal/workload/accountid"
)

// IssuerOf returns the issuer for a publisher of a kind: the named one, or else the kind's default issuer, or else the
// only configured one. It returns fault.Invalid, listing the configured issuers, if none of these exists.
func (c *Config) IssuerOf(kind, named string) (string, error) {
	var all []string
	for _, i := range c.OIDC.Issuers {
		if i.Kind == kind {
			all = append(all, i.Issuer)
		}
	}
	if len(all) == 0 {
		return "", fault.New(fault.Invalid,
			"oidc.issuers has no issuer of kind %s: add one to the settings first", kind)
	}
	if named != "" && !slices.Contains(all, named) {
		return "", fault.New(fault.Invalid, "%.200q is not exactly an issuer of kind %s in oidc.issuers: choose %s",
			named, kind, strings.Join(all, " or "))
	}
	if named != "" {
		return named, nil
	}
	if usual := workload.Of(kind).Issuer(); slices.Contains(all, usual) {
		return usual, nil
	}
	if len(all) > 1 {
		return "", fault.New(fault.Invalid, "oidc.issuers has several issuers of kind %s: choose one with --issuer %s",
			kind, strings.Join(all, " or "))
	}
	return all[0], nil
}

// Issuers returns the configured issuers. It never returns nil.
func (c *Config) Issuers() []publishers.Issuer {
	all := []publishers.Issuer{}
	for _, i := range c.OIDC.Issuers {
		all = append(all, publishers.Issuer{Provider: i.Kind, URL: i.Issuer})
	}
	return all
}

// AccountAPIs returns the APIs for account look-ups at GitHub issuers other than github.com.
func (c *Config) AccountAPIs() []accountid.API {
	var all []accountid.API
	for _, i := range c.OIDC.Issuers {
		if i.APIURL != "" {
			all = append(all, accountid.API{Issuer: i.Issuer, URL: strings.TrimRight(i.APIURL, "/"), Client: i.client()})
		}
	}
	return all
}

// client returns a client that trusts only the authorities of ca_file. It returns nil if ca_file is not set.
func (i *issuer) client() *http.Client {
	roots, err := i.roots()
	if err != nil || roots == nil {
		return nil
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	return &http.Client{Transport: t}
}
