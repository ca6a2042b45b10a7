package route

import (
	"strings"

	"pyindex/internal/access"
)

// maxBearer bounds an Authorization value in bytes.
const maxBearer = 8 << 10

// Bearer returns the token of Authorization values, if they are one value with the scheme Bearer (RFC 6750).
func Bearer(values []string) (access.Secret, bool) {
	if len(values) != 1 || len(values[0]) > maxBearer {
		return "", false
	}
	scheme, token, _ := strings.Cut(strings.TrimSpace(values[0]), " ")
	token = strings.TrimSpace(token)
	return access.Secret(token), strings.EqualFold(scheme, "Bearer") && token != ""
}
