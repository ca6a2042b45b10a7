package account_test

import (
	"pyindex/internal/access"
	"pyindex/internal/account/signin"
)

// enter begins the session of who proved to be whom, as pages do.
func (b *bureau) enter(s signin.Signed) (access.Secret, error) {
	_, secret, err := b.dir.BeginSession(b.t.Context(), from,
		access.NewSession{UserID: s.UserID, Method: s.Method, Credentials: s.Credentials})
	return secret, err
}
