package server

import (
	"encoding/base64"
	"net/http"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/route"
)

// maxCredential bounds an Authorization value in bytes; a token is a hundred or so.
const maxCredential = 8 << 10

// caller returns who sends r, as far as the route wants to know. fault.Unauthenticated where a credential is needed and
// missing, and for every credential that is not good, also where none is needed.
func (s *Server) caller(r *http.Request, auth route.Auth) (access.Caller, error) {
	if auth == route.Open {
		return access.Caller{}, nil
	}
	if auth.Session() {
		return s.person(r, auth)
	}
	values := r.Header["Authorization"]
	if len(values) == 0 {
		if auth == route.Writer || s.o.Keyring.Closed() {
			return access.Caller{}, errNoCredential
		}
		return s.o.Keyring.Guest(), nil
	}
	user, secret, err := credential(values)
	if err != nil {
		return access.Caller{}, err
	}
	return s.o.Keyring.Identify(r.Context(), user, secret)
}

// person returns whose browser sends r. A cookie that is no session's is as none: the person may just have been signed
// out.
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

// ownForm refuses forms that do not say where they come from. Every browser says it; what another site's page sends was
// refused before.
func (s *Server) ownForm(r *http.Request) error {
	if r.Method == http.MethodGet || r.Method == http.MethodHead || r.Header.Get("Origin") != "" ||
		r.Header.Get("Sec-Fetch-Site") != "" {
		return nil
	}
	return fault.New(fault.Denied, "this form must be sent by a page of this index, from a browser that says so")
}

var (
	errNoCredential = fault.New(fault.Unauthenticated,
		"this index needs a token: send one as the password of Basic authentication, with __token__ as the user name")
	errBadCredential = fault.New(fault.Unauthenticated,
		"the Authorization header cannot be read: send one, with Basic authentication and a token as the password")
)

// credential reads Authorization values. Basic with any user name, and the schemes Bearer and token, carry a token;
// blanks around it are dropped, because people paste it with a line end.
func credential(values []string) (user string, s access.Secret, err error) {
	if len(values) != 1 || len(values[0]) > maxCredential {
		return "", "", errBadCredential
	}
	scheme, rest, _ := strings.Cut(strings.TrimSpace(values[0]), " ")
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
