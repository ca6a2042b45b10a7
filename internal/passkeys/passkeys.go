// Package passkeys implements WebAuthn with go-webauthn.
//
// It requires discoverable passkeys with user verification, so that no user name is needed. It requests no attestation,
// because the make of a user's device does not matter. Origins must be the index's own. The package keeps no state.
package passkeys

import (
	"encoding/base64"
	"encoding/json"
	"net"
	"net/url"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"pyindex/internal/account/signin"
	"pyindex/internal/fault"
)

// Ceremonies performs registrations and sign-ins for one base URL.
type Ceremonies struct{ w *webauthn.WebAuthn }

var _ signin.Authenticators = (*Ceremonies)(nil)

// New returns the ceremonies of an index at a base URL. It returns nil if browsers do not support passkeys there: on IP
// addresses, and without TLS except on localhost.
func New(base *url.URL, name string) (*Ceremonies, error) {
	host := base.Hostname()
	if net.ParseIP(host) != nil || base.Scheme != "https" && host != "localhost" {
		return nil, nil
	}
	w, err := webauthn.New(&webauthn.Config{
		RPID: host, RPDisplayName: name, RPOrigins: []string{base.Scheme + "://" + base.Host},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: protocol.ResidentKeyRequired(),
			UserVerification: protocol.VerificationRequired,
		},
	})
	if err != nil {
		return nil, err
	}
	return &Ceremonies{w}, nil
}

// owner is a signin.Owner as a webauthn.User.
type owner struct {
	signin.Owner
	credentials []webauthn.Credential
}

func (o owner) WebAuthnID() []byte                         { return []byte(o.ID) }
func (o owner) WebAuthnName() string                       { return o.Name }
func (o owner) WebAuthnDisplayName() string                { return o.Name }
func (o owner) WebAuthnCredentials() []webauthn.Credential { return o.credentials }

func ownerOf(o signin.Owner) (owner, error) {
	out := owner{Owner: o}
	for _, text := range o.Credentials {
		var c webauthn.Credential
		if err := json.Unmarshal([]byte(text), &c); err != nil {
			return out, err
		}
		out.credentials = append(out.credentials, c)
	}
	return out, nil
}

// BeginRegister starts a registration. The options exclude devices that already have a passkey of the owner.
func (c *Ceremonies) BeginRegister(o signin.Owner) (options, state []byte, err error) {
	u, err := ownerOf(o)
	if err != nil {
		return nil, nil, err
	}
	creation, session, err := c.w.BeginRegistration(u,
		webauthn.WithExclusions(webauthn.Credentials(u.credentials).CredentialDescriptors()))
	if err != nil {
		return nil, nil, err
	}
	return both(creation, session)
}

// both encodes the options for the browser and the state to keep.
func both(options, session any) ([]byte, []byte, error) {
	o, err := json.Marshal(options)
	if err != nil {
		return nil, nil, err
	}
	s, err := json.Marshal(session)
	return o, s, err
}

// FinishRegister completes a registration. It returns fault.Invalid if the response is not valid.
func (c *Ceremonies) FinishRegister(o signin.Owner, state, response []byte) (id, credential string, err error) {
	u, err := ownerOf(o)
	if err != nil {
		return "", "", err
	}
	var session webauthn.SessionData
	if err := json.Unmarshal(state, &session); err != nil {
		return "", "", err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil {
		return "", "", refused(err)
	}
	made, err := c.w.CreateCredential(u, session, parsed)
	if err != nil {
		return "", "", refused(err)
	}
	return written(made)
}

func written(c *webauthn.Credential) (id, text string, err error) {
	b, err := json.Marshal(c)
	return base64.RawURLEncoding.EncodeToString(c.ID), string(b), err
}

// refused returns fault.Invalid for an invalid response. The library's message is for developers, so it is only logged.
func refused(err error) error {
	return fault.Wrap(fault.Invalid, err, "the response of the passkey is not valid: try again")
}

// BeginSignIn starts a sign-in.
func (c *Ceremonies) BeginSignIn() (options, state []byte, err error) {
	assertion, session, err := c.w.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return nil, nil, err
	}
	return both(assertion, session)
}

// FinishSignIn completes a sign-in. It returns fault.Invalid if the response is not valid.
func (c *Ceremonies) FinishSignIn(state, response []byte,
	find func(string) (signin.Owner, error),
) (id, credential string, cloned bool, err error) {
	var session webauthn.SessionData
	if err := json.Unmarshal(state, &session); err != nil {
		return "", "", false, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		return "", "", false, refused(err)
	}
	handler := func(rawID, handle []byte) (webauthn.User, error) {
		o, err := find(base64.RawURLEncoding.EncodeToString(rawID))
		if err != nil {
			return nil, err
		}
		if o.ID != string(handle) {
			return nil, fault.New(fault.Invalid, "the passkey belongs to another account")
		}
		return ownerOf(o)
	}
	_, used, err := c.w.ValidatePasskeyLogin(handler, session, parsed)
	if err != nil {
		return "", "", false, refused(err)
	}
	id, credential, err = written(used)
	return id, credential, used.Authenticator.CloneWarning, err
}
