package signon

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"pyindex/internal/fault"
)

// maxToken is the largest ID token, in bytes.
const maxToken = 64 << 10

// endpoints is what a discovery document says. It is kept, so that the provider's keys are fetched once and not at each
// sign-in.
type endpoints struct {
	issuer string
	config *oauth2.Config
	keys   oidc.KeySet
	rules  *oidc.Config
}

// signatures are the algorithms of ID tokens that we accept. All are asymmetric.
var signatures = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA,
}

// discover fetches the discovery document of o.Issuer. The client in ctx is also that of later requests for keys, which
// do not end with ctx.
func discover(ctx context.Context, o Options) (*endpoints, error) {
	is, err := oidc.NewProvider(ctx, o.Issuer)
	if err != nil {
		return nil, err
	}
	var document struct {
		Keys       string   `json:"jwks_uri"`
		Methods    []string `json:"token_endpoint_auth_methods_supported"`
		Algorithms []string `json:"id_token_signing_alg_values_supported"`
	}
	if err := is.Claims(&document); err != nil {
		return nil, err
	}
	at := is.Endpoint()
	if at.AuthStyle, err = authStyle(o.ClientSecret, document.Methods); err != nil {
		return nil, err
	}
	accepted := slices.DeleteFunc(document.Algorithms, func(a string) bool { return !slices.Contains(signatures, a) })
	return &endpoints{
		issuer: o.Issuer,
		config: &oauth2.Config{
			ClientID: o.ClientID, ClientSecret: o.ClientSecret, Endpoint: at, RedirectURL: o.Redirect,
			Scopes: append([]string{oidc.ScopeOpenID}, o.Scopes...),
		},
		keys:  oidc.NewRemoteKeySet(ctx, document.Keys),
		rules: &oidc.Config{ClientID: o.ClientID, SupportedSigningAlgs: accepted, Now: o.Now},
	}, nil
}

// authStyle returns how to send the client secret to the token endpoint, from the methods that the provider supports
// (RFC 8414, section 2; without any, client_secret_basic). Without a fixed style, oauth2 would try both, and a provider
// may end a code at its first use.
func authStyle(secret string, methods []string) (oauth2.AuthStyle, error) {
	switch {
	case secret == "":
		return oauth2.AuthStyleInParams, nil
	case len(methods) == 0 || slices.Contains(methods, "client_secret_basic"):
		return oauth2.AuthStyleInHeader, nil
	case slices.Contains(methods, "client_secret_post") || slices.Contains(methods, "none"):
		return oauth2.AuthStyleInParams, nil
	}
	return 0, fmt.Errorf("the provider's token endpoint accepts %q, but not client_secret_basic or client_secret_post",
		methods)
}

// verify returns the verified ID token. It returns fault.Denied if the token is not valid, and fault.Unavailable if the
// provider's keys cannot be fetched.
func (at *endpoints) verify(ctx context.Context, raw string) (*oidc.IDToken, error) {
	keys := &watched{KeySet: at.keys}
	token, err := oidc.NewVerifier(at.issuer, keys, at.rules).Verify(ctx, raw)
	switch {
	case keys.failed != nil:
		return nil, errAway(keys.failed)
	case err != nil:
		return nil, mismatch(err)
	}
	return token, nil
}

// watched is a key set that keeps the error of fetching keys, because the verifier flattens errors to text.
type watched struct {
	oidc.KeySet
	failed error
}

// VerifySignature verifies a token. The key set wraps errors of fetching keys, and no others.
func (k *watched) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	payload, err := k.KeySet.VerifySignature(ctx, jwt)
	if err != nil && errors.Unwrap(err) != nil {
		k.failed = err
	}
	return payload, err
}

// exchangeFailed returns fault.Denied if the provider refused the code, and fault.Unavailable otherwise, with a cause
// that has only the error code and description of the response (RFC 6749, section 5.2).
func exchangeFailed(err error) error {
	refused, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok || refused.Response == nil {
		return errAway(err)
	}
	cause := fmt.Errorf("the token endpoint responded with status %d, error %.100q: %.200q", refused.Response.StatusCode,
		refused.ErrorCode, refused.ErrorDescription)
	switch {
	case refused.Response.StatusCode >= 500:
		return errAway(cause)
	case refused.ErrorCode == "invalid_client" || refused.ErrorCode == "unauthorized_client":
		return fault.Wrap(fault.Unavailable, cause,
			"the single sign-on provider does not accept this index: ask an administrator to check sso.client_id and its secret")
	}
	return mismatch(cause)
}
