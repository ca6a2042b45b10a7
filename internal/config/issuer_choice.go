package config

import (
	"crypto/tls"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"pyindex/internal/fault"
	"pyindex/internal/publishers"
	"pyindex/internal/workload"
	"pyindex/internal/workload/accountid"
)

// IssuerOf returns the issuer that a publisher of a kind is meant for: the one that was named, else the kind's usual
// one, else the only one there is. fault.Invalid lists the configured ones where that leaves none.
func (c *Config) IssuerOf(kind, named string) (string, error) {
	var all []string
	for _, i := range c.OIDC.Issuers {
		if i.Kind == kind {
			all = append(all, i.Issuer)
		}
	}
	if len(all) == 0 {
		return "", fault.New(fault.Invalid,
			"no issuer of kind %s is among oidc.issuers: add one to the settings first, so that its tokens count", kind)
	}
	if named != "" && !slices.Contains(all, named) {
		return "", fault.New(fault.Invalid, "%.200q is no issuer of kind %s among oidc.issuers, letter by letter: choose %s",
			named, kind, strings.Join(all, " or "))
	}
	if named != "" {
		return named, nil
	}
	if usual := workload.Of(kind).Issuer(); slices.Contains(all, usual) {
		return usual, nil
	}
	if len(all) > 1 {
		return "", fault.New(fault.Invalid, "several issuers of kind %s are among oidc.issuers: choose with --issuer %s",
			kind, strings.Join(all, " or "))
	}
	return all[0], nil
}

// Issuers are those of the settings as publishers name them. Where base is nil, an audience that is not set is "".
func (c *Config) Issuers(base *url.URL) []publishers.Issuer {
	all := []publishers.Issuer{}
	for _, i := range c.OIDC.Issuers {
		if i.Audience == "" && base != nil {
			i.Audience = Audience(base)
		}
		all = append(all, publishers.Issuer{Provider: i.Kind, URL: i.Issuer, Audience: i.Audience})
	}
	return all
}

// AccountAPIs returns where the accounts of GitHub's other issuers are asked for.
func (c *Config) AccountAPIs() []accountid.API {
	var all []accountid.API
	for _, i := range c.OIDC.Issuers {
		if i.APIURL != "" {
			all = append(all, accountid.API{Issuer: i.Issuer, URL: strings.TrimRight(i.APIURL, "/"), Client: i.client()})
		}
	}
	return all
}

// client trusts the issuer's own authorities alone; nil where it has none.
func (i *issuer) client() *http.Client {
	roots, err := i.roots()
	if err != nil || roots == nil {
		return nil
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	return &http.Client{Transport: t}
}
