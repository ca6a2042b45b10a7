// Package passkeys speaks WebAuthn with browsers, by way of go-webauthn.
//
// It asks for passkeys that the device can find without a user name and that verify the person, and for no attestation:
// which maker's device somebody uses is nobody's business here. Origins are compared with the index's own. It keeps
// nothing.
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

// Ceremonies are registrations and sign-ins at one address.
type Ceremonies struct{ w *webauthn.WebAuthn }

var _ signin.Authenticators = (*Ceremonies)(nil)

// New returns the ceremonies of an index at a base URL, or nil where browsers know no passkeys: at an address without a
// name, and without TLS anywhere but on localhost.
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

// owner is an account.Owner as the library sees one.
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

// BeginRegister implements account.Authenticators. Devices that have a passkey of the owner are told not to make
// another.
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

// both writes what the browser gets and what is kept.
func both(options, session any) ([]byte, []byte, error) {
	o, err := json.Marshal(options)
	if err != nil {
		return nil, nil, err
	}
	s, err := json.Marshal(session)
	return o, s, err
}

// FinishRegister implements account.Authenticators.
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

// refused is for what a browser answered and does not fit. The library's words are for developers, so they are for the
// log.
func refused(err error) error {
	return fault.Wrap(fault.Invalid, err, "the passkey's answer does not fit: try again")
}

// BeginSignIn implements account.Authenticators.
func (c *Ceremonies) BeginSignIn() (options, state []byte, err error) {
	assertion, session, err := c.w.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return nil, nil, err
	}
	return both(assertion, session)
}

// FinishSignIn implements account.Authenticators.
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
			return nil, fault.New(fault.Invalid, "the passkey is another account's")
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
