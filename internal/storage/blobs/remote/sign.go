package remote

import (
	"context"
	"errors"
	"net/http"
	"time"

	"gocloud.dev/blob/driver"
)

// Sign returns a URL for reading an object between two times.
type Sign func(ctx context.Context, key string, from, until time.Time) (string, error)

// SignedURL implements that method of driver.Bucket for URLs for reading, which are valid from now. It returns an error
// for other methods.
func SignedURL(ctx context.Context, sign Sign, key string, o *driver.SignedURLOptions) (string, error) {
	if o.Method != http.MethodGet {
		return "", errors.New("only URLs for reading are signed")
	}
	now := time.Now()
	return sign(ctx, key, now, now.Add(o.Expiry))
}
