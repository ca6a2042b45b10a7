//go:build !nos3

package blobs

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"gocloud.dev/blob/s3blob"
)

func init() { drivers[s3blob.Scheme] = driver{sign: signS3, refused: refusedS3} }

// signS3 returns a URL with Signature Version 4 in its query. It does not use gocloud.dev, which signs with the current
// time.
func signS3(ctx context.Context, at place, key string, from, until time.Time) (string, error) {
	var client *s3.Client
	if !at.As(&client) {
		return "", errors.New("not a bucket of S3")
	}
	presign := s3.NewPresignClient(client, s3.WithPresignExpires(until.Sub(from)), func(o *s3.PresignOptions) {
		o.Presigner = pinned{v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }), from}
	})
	signed, err := presign.PresignGetObject(ctx,
		&s3.GetObjectInput{Bucket: aws.String(at.name), Key: aws.String(at.prefix + key)})
	if err != nil {
		return "", err
	}
	return signed.URL, nil
}

type pinned struct {
	s3.HTTPPresignerV4
	at time.Time
}

func (p pinned) PresignHTTP(ctx context.Context, c aws.Credentials, r *http.Request, hash, service, region string,
	_ time.Time, o ...func(*v4.SignerOptions),
) (string, http.Header, error) {
	return p.HTTPPresignerV4.PresignHTTP(ctx, c, r, hash, service, region, p.at, o...)
}

// refusedS3 reads S3's error codes. The response to a HEAD has no code but NotFound, not even for a missing bucket.
func refusedS3(err error) refusal {
	e, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return otherwise
	}
	switch e.ErrorCode() {
	case "NoSuchKey", "NotFound":
		return missing
	case "ConditionalRequestConflict", "OperationAborted", "PreconditionFailed":
		return collided
	}
	return otherwise
}
