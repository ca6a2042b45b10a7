package s3

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// settings is what the parameters of a URL say. They are those of gocloud.dev/blob/s3blob.
type settings struct {
	endpoint               string
	pathStyle, immutable   bool
	accelerate, plain      bool // plain is http for AWS's own addresses
	anonymous              bool
	role                   string
	encryption, encryptKey string
	bursts                 int // capacity of the client's own limit of retries, 0 for none
	load                   []func(*config.LoadOptions) error
}

// flags are the parameters that are true or false.
func (s *settings) flags() map[string]func(bool) {
	option := func(o config.LoadOptionsFunc) func(bool) {
		return func(on bool) {
			if on {
				s.load = append(s.load, o)
			}
		}
	}
	return map[string]func(bool){
		"use_path_style":     func(on bool) { s.pathStyle = s.pathStyle || on },
		"s3ForcePathStyle":   func(on bool) { s.pathStyle = s.pathStyle || on },
		"hostname_immutable": func(on bool) { s.immutable = on },
		"accelerate":         func(on bool) { s.accelerate = on },
		"disable_https":      func(on bool) { s.plain = on },
		"anonymous":          func(on bool) { s.anonymous = on },
		"dualstack":          option(config.WithUseDualStackEndpoint(aws.DualStackEndpointStateEnabled)),
		"fips":               option(config.WithUseFIPSEndpoint(aws.FIPSEndpointStateEnabled)),
	}
}

func read(q url.Values) (*settings, error) {
	s := &settings{}
	flags := s.flags()
	for name := range q {
		value := q.Get(name)
		if set, ok := flags[name]; ok {
			on, err := strconv.ParseBool(value)
			if err != nil {
				return nil, fmt.Errorf("%s must be true or false, not %q", name, value)
			}
			set(on)
			continue
		}
		if err := s.set(name, value); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *settings) set(name, value string) error {
	switch name {
	case "region":
		s.load = append(s.load, config.WithRegion(value))
	case "profile":
		s.load = append(s.load, config.WithSharedConfigProfile(value))
	case "endpoint":
		s.endpoint = value
	case "role":
		if !strings.HasPrefix(value, "arn:") {
			return fmt.Errorf("role must be an ARN, not %q", value)
		}
		s.role = value
	case "ssetype":
		known := []string{"AES256", "aws:fsx", "aws:kms", "aws:kms:dsse"}
		i := slices.IndexFunc(known, func(k string) bool { return strings.EqualFold(k, value) })
		if i < 0 {
			return fmt.Errorf("ssetype must be one of %s, not %q", strings.Join(known, ", "), value)
		}
		s.encryption = known[i]
	case "kmskeyid":
		s.encryptKey = value
	case "rate_limiter_capacity":
		n, err := strconv.ParseUint(value, 10, 31)
		if err != nil {
			return fmt.Errorf("rate_limiter_capacity must be a number, not %q", value)
		}
		s.bursts = int(n)
	case "request_checksum_calculation":
		return s.checksums(name, value, func(required bool) config.LoadOptionsFunc {
			if required {
				return config.WithRequestChecksumCalculation(aws.RequestChecksumCalculationWhenRequired)
			}
			return config.WithRequestChecksumCalculation(aws.RequestChecksumCalculationWhenSupported)
		})
	case "response_checksum_validation":
		return s.checksums(name, value, func(required bool) config.LoadOptionsFunc {
			if required {
				return config.WithResponseChecksumValidation(aws.ResponseChecksumValidationWhenRequired)
			}
			return config.WithResponseChecksumValidation(aws.ResponseChecksumValidationWhenSupported)
		})
	case "awssdk": // the version of AWS's client, of which there is one
	default:
		return fmt.Errorf("unknown query parameter %q", name)
	}
	return nil
}

func (s *settings) checksums(name, value string, option func(required bool) config.LoadOptionsFunc) error {
	if value != "when_supported" && value != "when_required" {
		return fmt.Errorf("%s must be when_supported or when_required, not %q", name, value)
	}
	s.load = append(s.load, option(value == "when_required"))
	return nil
}

// Open returns the bucket of a name. The parameters are those of gocloud.dev/blob/s3blob; what they leave open comes
// from the environment, AWS's shared files and the machine's role. Open sends no request, except to assume a role.
func Open(ctx context.Context, name string, q url.Values) (*Bucket, error) {
	if strings.HasSuffix(name, "--x-s3") {
		return nil, errors.New("directory buckets of S3 Express One Zone are not supported")
	}
	s, err := read(q)
	if err != nil {
		return nil, err
	}
	if s.anonymous {
		s.load = append(s.load, config.WithCredentialsProvider(aws.AnonymousCredentials{}))
	}
	var limit retry.RateLimiter = ratelimit.None
	if s.bursts > 0 {
		limit = ratelimit.NewTokenRateLimit(uint(s.bursts))
	}
	s.load = append(s.load, config.WithRetryer(func() aws.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) { o.RateLimiter = limit })
	}))
	c, err := config.LoadDefaultConfig(ctx, s.load...)
	if err != nil {
		return nil, err
	}
	if s.role != "" {
		if c.Region == "" {
			return nil, errors.New("a role needs a region: add it to the URL, or set AWS_REGION")
		}
		c.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(c), s.role))
	}
	if c.HTTPClient == nil { // it is set only for AWS_CA_BUNDLE and the like
		c.HTTPClient = awshttp.NewBuildableClient()
	}
	b := &Bucket{
		http: c.HTTPClient, creds: c.Credentials, region: c.Region, policy: newPolicy(c),
		anonymous: s.anonymous || aws.IsCredentialsProvider(c.Credentials, aws.AnonymousCredentials{}),
		signer:    v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }),
		checksums: c.RequestChecksumCalculation != aws.RequestChecksumCalculationWhenRequired,
		verify:    c.ResponseChecksumValidation != aws.ResponseChecksumValidationWhenRequired,
		skewed:    !c.DisableClockSkewCorrection,
		encrypt:   s.encryption, encryptKey: s.encryptKey,
	}
	if b.at, err = address(ctx, name, s, c); err != nil {
		return nil, err
	}
	b.region = cmp.Or(b.region, "us-east-1")
	return b, nil
}
