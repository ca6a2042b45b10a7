package server

import (
	"encoding/base64"
	"net/http"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/route"
)

// maxCredential bounds an Authorization value in bytes. A token has about a hundred.
const maxCredential = 8 << 10

// caller identifies the sender of r as far as the route requires. It returns fault.Unauthenticated if a required
// credential is missing, and for every invalid credential, even if none is required.
func (s *Server) caller(r *http.Request, auth route.Auth) (access.Caller, error) {
	if auth == route.Open {
		return access.Caller{}, nil
	}
	if auth.Session() {
		return s.person(r, auth)
	}
	values := r.Header["Authorization"]
	if auth == route.Scraper {
		return s.scraper(r, values)
	}
	if auth == route.Feed && len(values) == 0 {
		who, err := s.person(r, route.Visitor)
		if err != nil || who.Known() && !who.MustEnrol() {
			return who, err
		}
	}
	if len(values) == 0 {
		if auth == route.Writer || s.o.Keyring.Closed() {
			return access.Caller{}, errNoCredential
		}
		return s.o.Keyring.Guest(), nil
	}
	if err := single(values); err != nil {
		return access.Caller{}, err
	}
	return s.o.Keyring.Authorize(r.Context(), values[0], parseCredential)
}

// errNotScraper is the error for a request for the metrics without a credential.
var errNotScraper = fault.New(fault.NotFound,
	"the metrics need the token of metrics.token_file as Authorization: Bearer, or an API token of an administrator")

// scraper returns the caller of a request for the metrics: the zero Caller for the metrics token, or an administrator.
// Otherwise it returns fault.NotFound, which is only for the log. During an outage of the database, API tokens that are
// not in memory get fault.Unavailable, as everywhere.
func (s *Server) scraper(r *http.Request, values []string) (access.Caller, error) {
	if len(values) == 0 {
		return access.Caller{}, errNotScraper
	}
	if token, ok := route.Bearer(values); ok && token.Is(s.o.MetricsToken) {
		return access.Caller{}, nil
	}
	user, secret, err := credential(values)
	if err != nil {
		return access.Caller{}, fault.Wrap(fault.NotFound, err, "a request for the metrics was refused")
	}
	who, err := s.o.Keyring.Identify(r.Context(), user, secret)
	switch {
	case fault.Is(err, fault.Unauthenticated):
		return access.Caller{}, fault.Wrap(fault.NotFound, err, "a request for the metrics was refused")
	case err != nil:
		return access.Caller{}, err
	case !who.Measures():
		return access.Caller{}, errNotScraper
	}
	return who, nil
}

// person returns the user whose browser sends r. An invalid session cookie is ignored, because the user may just have
// signed out.
func (s *Server) person(r *http.Request, auth route.Auth) (access.Caller, error) {
	if err := s.ownForm(r); err != nil {
		return access.Caller{}, err
	}
	if c, err := r.Cookie(s.o.Cookie); err == nil && s.o.Cookie != "" {
		who, err := s.o.Keyring.Session(r.Context(), access.Secret(c.Value))
		if err == nil || !fault.Is(err, fault.Unauthenticated) {
			return who, err
		}
	}
	if auth == route.Signed || auth == route.Page && s.o.Keyring.Closed() {
		return access.Caller{}, errSignedOut
	}
	return s.o.Keyring.Guest(), nil
}

var errSignedOut = fault.New(fault.Unauthenticated, "sign in to see this")

// ownForm rejects form posts without an Origin or Sec-Fetch-Site header. Every browser sends one of them. Posts from
// other sites were rejected before.
func (s *Server) ownForm(r *http.Request) error {
	if r.Method == http.MethodGet || r.Method == http.MethodHead || r.Header.Get("Origin") != "" ||
		r.Header.Get("Sec-Fetch-Site") != "" {
		return nil
	}
	return fault.New(fault.Denied,
		"this form must be sent from a page of this index, by a browser that sends Origin or Sec-Fetch-Site")
}

var (
	errNoCredential = fault.New(fault.Unauthenticated,
		"this index needs a token: send one as the password of Basic authentication, with __token__ as the user name")
	errBadCredential = fault.New(fault.Unauthenticated,
		"malformed Authorization header: send one header, with Basic authentication and a token as the password")
)

// credential parses Authorization values. A token may come with Basic and any user name, or with the schemes Bearer and
// token. Surrounding blanks are dropped, because people paste tokens with a line end.
func credential(values []string) (user string, s access.Secret, err error) {
	if err := single(values); err != nil {
		return "", "", err
	}
	return parseCredential(values[0])
}

// single refuses several values, and one that is too long.
func single(values []string) error {
	if len(values) != 1 || len(values[0]) > maxCredential {
		return errBadCredential
	}
	return nil
}

// parseCredential is credential for one value within bounds.
func parseCredential(value string) (user string, s access.Secret, err error) {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(value), " ")
	rest = strings.TrimSpace(rest)
	switch {
	case strings.EqualFold(scheme, "Basic"):
		return basic(rest)
	case rest != "" && (strings.EqualFold(scheme, "Bearer") || strings.EqualFold(scheme, "token")):
		return "", access.Secret(rest), nil
	}
	return "", "", errBadCredential
}

func basic(encoded string) (user string, s access.Secret, err error) {
	plain, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(encoded, "="))
	if err != nil {
		return "", "", errBadCredential
	}
	user, password, ok := strings.Cut(string(plain), ":")
	if !ok {
		return "", "", errBadCredential
	}
	return user, access.Secret(strings.TrimSpace(password)), nil
}
