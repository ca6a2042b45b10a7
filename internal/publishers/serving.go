package publishers

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"pyindex/internal/fault"
	"pyindex/internal/workload"
)

// Serving is the part of the server's settings that commands need: which workloads it accepts, where clients reach it
// and who reads. The server records it when it starts, because a command may have other settings than the server. Among
// replicas, the last one that started counts.
type Serving struct {
	Issuers  []Issuer
	Audience string
	BaseURL  string // "" if an older version recorded it
	Open     bool   // whether the server allows reading without a token; unknown if BaseURL is ""
}

// RecordServing records the issuers and the audience of this server, its base URL, and whether it allows reading
// without a token.
func (r *Registry) RecordServing(ctx context.Context, base string, open bool) error {
	s := Serving{Issuers: r.o.Issuers, Audience: r.o.Audience, BaseURL: base, Open: open}
	return r.store.Update(ctx, func(tx Tx) error { return tx.PutServing(ctx, s, r.o.Now()) })
}

// LastServing returns what the server last started with. It returns false if no server has started yet.
func LastServing(ctx context.Context, store Store) (s Serving, ok bool, err error) {
	err = store.View(ctx, func(tx Tx) (err error) {
		s, err = tx.Serving(ctx)
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return Serving{}, false, nil
	}
	if s.Issuers == nil {
		s.Issuers = []Issuer{} // nil would allow any issuer
	}
	return s, err == nil, err
}

// likely returns the issuers that are those of a kind's platform by their URL, if there are some, or else those that
// belong to no other platform.
func likely(kind string, issuers []string) []string {
	k := workload.Of(kind)
	if k == workload.Generic || !workload.Generic.Takes(k) {
		return issuers
	}
	of := map[string][]string{}
	for _, url := range issuers {
		platform := workload.PlatformOf(url, nil)
		of[platform] = append(of[platform], url)
	}
	if len(of[kind]) > 0 {
		return of[kind]
	}
	return of[""]
}

// IssuerOf returns the issuer for a rule of a kind: the named one, or else the kind's default issuer, or else the only
// one that the server has, or else the only one in the settings. It returns fault.Invalid, listing the known issuers,
// if none of these exists.
func (r *Registry) IssuerOf(kind, named string) (string, error) {
	urls := func(from []Issuer) (out []string) {
		for _, i := range from {
			if workload.Of(i.Provider).Takes(workload.Of(kind)) && !slices.Contains(out, i.URL) {
				out = append(out, i.URL)
			}
		}
		return out
	}
	known, all := urls(r.o.Issuers), urls(slices.Concat(r.o.Issuers, r.o.Unserved))
	if len(all) == 0 {
		return "", fault.New(fault.Invalid, "oidc.issuers has no issuer of kind %s: add one to the settings first", kind)
	}
	if named != "" && !slices.Contains(all, named) {
		return "", fault.New(fault.Invalid, "%.200q is not exactly an issuer of kind %s in oidc.issuers: choose %s",
			named, kind, strings.Join(all, " or "))
	}
	if named != "" {
		return named, nil
	}
	if len(known) == 0 {
		known = all
	}
	if known = likely(kind, known); len(known) == 0 {
		return "", fault.New(fault.Invalid, "oidc.issuers has issuers of other platforms than %s only: choose one with --issuer %s",
			kind, strings.Join(all, " or "))
	}
	if usual := workload.Of(kind).Issuer(); slices.Contains(known, usual) {
		return usual, nil
	}
	if len(known) > 1 {
		return "", fault.New(fault.Invalid, "oidc.issuers has several issuers of kind %s: choose one with --issuer %s",
			kind, strings.Join(known, " or "))
	}
	return known[0], nil
}

// serves reports whether the server has the issuer of a rule.
func (r *Registry) serves(provider, issuer string) bool {
	return r.o.Issuers == nil || slices.ContainsFunc(r.o.Issuers, func(i Issuer) bool {
		return i.URL == issuer && workload.Of(i.Provider).Serves(workload.Of(provider))
	})
}

// unserved warns about a rule whose issuer the server does not have. It returns "" for any other rule.
func (r *Registry) unserved(p Publisher) string {
	if r.serves(p.Provider, p.Issuer) {
		return ""
	}
	return Unserved(p.Provider, p.Issuer)
}

// Unserved is the warning about a rule whose issuer the server does not have.
func Unserved(provider, issuer string) string {
	return "the server does not have the issuer " + cmp.Or(issuer, "(none)") + " of kind " + provider +
		", so no token can match: add it to oidc.issuers and restart the server"
}
