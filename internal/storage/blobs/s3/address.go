package s3

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Sources of AWS's configuration, the first of which that knows wins.
type (
	endpointSource interface {
		GetServiceBaseEndpoint(ctx context.Context, service string) (string, bool, error)
	}
	ignoreSource interface {
		GetIgnoreConfiguredEndpoints(ctx context.Context) (bool, bool, error)
	}
	dualStackSource interface {
		GetUseDualStackEndpoint(ctx context.Context) (aws.DualStackEndpointState, bool, error)
	}
	fipsSource interface {
		GetUseFIPSEndpoint(ctx context.Context) (aws.FIPSEndpointState, bool, error)
	}
)

// first returns the value of the first source that has one.
func first[S, T any](sources []any, get func(S) (T, bool, error)) (value T, found bool, err error) {
	for _, source := range sources {
		if s, ok := source.(S); ok {
			if value, found, err = get(s); found || err != nil {
				return value, found, err
			}
		}
	}
	return value, false, nil
}

// configured returns the endpoint that the environment or AWS's shared files set for S3 or for all services, or "".
func configured(ctx context.Context, c aws.Config) (string, error) {
	ignored, _, err := first(c.ConfigSources, func(s ignoreSource) (bool, bool, error) {
		return s.GetIgnoreConfiguredEndpoints(ctx)
	})
	if err != nil || ignored {
		return "", err
	}
	own, _, err := first(c.ConfigSources, func(s endpointSource) (string, bool, error) {
		return s.GetServiceBaseEndpoint(ctx, "S3")
	})
	if own == "" && c.BaseEndpoint != nil {
		own = *c.BaseEndpoint
	}
	return own, err
}

// inHost matches the names of buckets that can be part of a host name below a certificate for one level.
var inHost = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`)

// address returns the URL of a bucket, with the bucket in its host or its path, which then ends in no slash.
func address(ctx context.Context, name string, s *settings, c aws.Config) (*url.URL, error) {
	endpoint := s.endpoint
	if endpoint == "" {
		var err error
		if endpoint, err = configured(ctx, c); err != nil {
			return nil, err
		}
	}
	pathStyle := s.pathStyle || s.immutable || !inHost.MatchString(name)
	if endpoint == "" {
		return standard(ctx, name, pathStyle, s, c)
	}
	if !strings.Contains(endpoint, "://") {
		endpoint = "https://" + endpoint
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" {
		return nil, fmt.Errorf("endpoint %q cannot be read: write it as https://HOST", endpoint)
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	if _, err := netip.ParseAddr(u.Hostname()); err == nil || pathStyle {
		u.Path += "/" + name
	} else {
		u.Host = name + "." + u.Host
	}
	return u, nil
}

// partitions maps the beginnings of regions to the domains of AWS's separate parts. Everything else is below
// amazonaws.com.
var partitions = []struct{ region, domain string }{
	{"cn-", "amazonaws.com.cn"},
	{"eusc-", "amazonaws.eu"},
	{"us-iso-", "c2s.ic.gov"},
	{"us-isob-", "sc2s.sgov.gov"},
	{"us-isof-", "csp.hci.ic.gov"},
	{"eu-isoe-", "cloud.adc-e.uk"},
}

// standard returns the URL of a bucket of AWS itself.
func standard(ctx context.Context, name string, pathStyle bool, s *settings, c aws.Config) (*url.URL, error) {
	if c.Region == "" {
		return nil, errors.New("the region is missing: add region=… to the URL, or set AWS_REGION")
	}
	if !regexp.MustCompile(`^[a-z0-9-]+$`).MatchString(c.Region) {
		return nil, fmt.Errorf("%q is not a region", c.Region)
	}
	dual, _, err := first(c.ConfigSources, func(s dualStackSource) (aws.DualStackEndpointState, bool, error) {
		return s.GetUseDualStackEndpoint(ctx)
	})
	if err != nil {
		return nil, err
	}
	fips, _, err := first(c.ConfigSources, func(s fipsSource) (aws.FIPSEndpointState, bool, error) {
		return s.GetUseFIPSEndpoint(ctx)
	})
	if err != nil {
		return nil, err
	}
	domain := "amazonaws.com"
	for _, p := range partitions {
		if strings.HasPrefix(c.Region, p.region) {
			domain = p.domain
		}
	}
	service, region := "s3", "."+c.Region
	if fips == aws.FIPSEndpointStateEnabled {
		service = "s3-fips"
	}
	if s.accelerate {
		if fips == aws.FIPSEndpointStateEnabled || pathStyle {
			return nil, errors.New("accelerate needs the bucket's name in the host name, and cannot be combined with fips")
		}
		service, region = "s3-accelerate", ""
	}
	if dual == aws.DualStackEndpointStateEnabled {
		service += ".dualstack"
	}
	u := &url.URL{Scheme: "https", Host: service + region + "." + domain}
	if s.plain {
		u.Scheme = "http"
	}
	if pathStyle {
		u.Path = "/" + name
	} else {
		u.Host = name + "." + u.Host
	}
	return u, nil
}
