package signin

import (
	"context"
	"encoding/json"

	"pyindex/internal/access"
	"pyindex/internal/account/challenge"
)

// heldForm is the state of a challenge that carries a form.
type heldForm struct {
	Session string `json:"session"`
	Form    []byte `json:"form"`
}

// HoldForm seals a form that waits until the caller has re-authenticated, and returns the secret for the browser's
// cookie. It returns fault.Invalid if the form is too large for a cookie.
func (m *Methods) HoldForm(ctx context.Context, who access.Caller, form []byte) (access.Secret, error) {
	state, err := json.Marshal(heldForm{who.SessionID(), form})
	if err != nil {
		return "", err
	}
	return m.challenges.Seal(ctx, challenge.ForForm, who.ID(), state)
}

// TakeForm returns the form that HoldForm sealed. A form can be taken once, within five minutes, and only by the
// session that sent it; otherwise TakeForm returns fault.Invalid.
func (m *Methods) TakeForm(ctx context.Context, who access.Caller, secret access.Secret) ([]byte, error) {
	c, err := m.challenges.OpenFor(ctx, secret, challenge.ForForm, who.ID())
	if err != nil {
		return nil, err
	}
	var held heldForm
	if err := json.Unmarshal([]byte(c.State), &held); err != nil || held.Session != who.SessionID() {
		return nil, challenge.ErrEnded
	}
	err = m.store.Update(ctx, func(tx Tx) error {
		if _, err := Self(ctx, tx, who); err != nil {
			return err
		}
		return c.Use(ctx, tx)
	})
	return held.Form, err
}
