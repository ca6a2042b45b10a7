package idtoken

import "context"

// Probe fetches an issuer's keys as a verifier would, and returns the number of usable keys. The error names the
// invalid setting or describes the issuer's response.
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
