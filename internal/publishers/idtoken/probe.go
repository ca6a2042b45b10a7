package idtoken

import "context"

// Probe asks an issuer for its keys, as a verifier would at its first token, and returns how many it can use. The error
// says which setting is impossible or what the issuer answered.
func Probe(ctx context.Context, i Issuer) (int, error) {
	if err := i.check(); err != nil {
		return 0, err
	}
	t, err := i.tls()
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, fetchBudget)
	defer cancel()
	client := newClient(t)
	defer client.CloseIdleConnections()
	keys, err := fetchKeys(ctx, client, i.URL)
	return len(keys), err
}
