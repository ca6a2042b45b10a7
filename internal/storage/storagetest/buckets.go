package storagetest

import (
	"crypto/rand"
	"net/url"
	"os"
	"strings"
	"testing"
)

// BucketVariable names the environment variable with the URL of a bucket in which tests may create prefixes.
const BucketVariable = "INDEX_TEST_S3"

// Bucket returns the URL of an empty prefix in the bucket of INDEX_TEST_S3. If the variable is not set, the test is
// skipped, or fails if CI=true.
func Bucket(t testing.TB) string {
	t.Helper()
	location := os.Getenv(BucketVariable)
	if location == "" && os.Getenv("CI") != "true" {
		t.Skipf("%s is not set", BucketVariable)
	}
	return Prefixed(t, location)
}

// Prefixed returns the URL of an empty prefix in the bucket of location.
func Prefixed(t testing.TB, location string) string {
	t.Helper()
	u, err := url.Parse(location)
	if err != nil || u.Host == "" {
		t.Fatalf("%q is not the URL of a bucket", location)
	}
	q := u.Query()
	q.Set("prefix", "t"+strings.ToLower(rand.Text())+"/")
	u.RawQuery = q.Encode()
	return u.String()
}
