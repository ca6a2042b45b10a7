package config

import (
	"crypto/tls"
	"net/http"
	"strings"

	"pyindex/internal/publishers"
	"pyindex/internal/workload/accountid"
)

// Issuers returns the configured issuers. It never returns nil.
func (c *Config) Issuers() []publishers.Issuer {
	all := []publishers.Issuer{}
	for _, i := range c.OIDC.Issuers {
		all = append(all, publishers.Issuer{Provider: i.Kind, URL: i.Issuer, Server: i.Server, Audience: i.Audience})
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
