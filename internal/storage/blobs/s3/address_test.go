package s3

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// clean removes AWS's settings of the machine for the length of a test, and gives it credentials.
func clean(t *testing.T) {
	for _, setting := range os.Environ() {
		if name, _, _ := strings.Cut(setting, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
		}
	}
	none := filepath.Join(t.TempDir(), "none")
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_CONFIG_FILE": none,
		"AWS_SHARED_CREDENTIALS_FILE": none,
	} {
		t.Setenv(name, value)
	}
}

// TestAddress checks to which URL requests about a bucket go, for the parameters of a storage URL and the environment.
func TestAddress(t *testing.T) {
	for name, row := range map[string]struct {
		bucket, query string
		env           map[string]string
		want          string
	}{
		"AWS":            {"bucket", "region=eu-central-1", nil, "https://bucket.s3.eu-central-1.amazonaws.com"},
		"path style":     {"bucket", "region=r-1&use_path_style=true", nil, "https://s3.r-1.amazonaws.com/bucket"},
		"the older name": {"bucket", "region=r-1&s3ForcePathStyle=true", nil, "https://s3.r-1.amazonaws.com/bucket"},
		"a dot":          {"my.bucket", "region=r-1", nil, "https://s3.r-1.amazonaws.com/my.bucket"},
		"China":          {"bucket", "region=cn-north-1", nil, "https://bucket.s3.cn-north-1.amazonaws.com.cn"},
		"both protocols": {"bucket", "region=r-1&dualstack=true", nil, "https://bucket.s3.dualstack.r-1.amazonaws.com"},
		"FIPS":           {"bucket", "region=us-east-1&fips=true", nil, "https://bucket.s3-fips.us-east-1.amazonaws.com"},
		"accelerated":    {"bucket", "region=r-1&accelerate=true", nil, "https://bucket.s3-accelerate.amazonaws.com"},
		"without TLS":    {"bucket", "region=r-1&disable_https=true", nil, "http://bucket.s3.r-1.amazonaws.com"},
		"region of the environment": {
			"bucket", "", map[string]string{"AWS_REGION": "eu-west-1"}, "https://bucket.s3.eu-west-1.amazonaws.com",
		},
		"another store": {"bucket", "region=r&endpoint=https://store.example.com", nil, "https://bucket.store.example.com"},
		"its path": {
			"bucket", "endpoint=https://example.com/storage/s3/&use_path_style=true", nil, "https://example.com/storage/s3/bucket",
		},
		"its address":      {"bucket", "endpoint=http://127.0.0.1:9000", nil, "http://127.0.0.1:9000/bucket"},
		"without a scheme": {"bucket", "endpoint=store.example.com:9000", nil, "https://bucket.store.example.com:9000"},
		"an immutable host": {
			"bucket", "endpoint=https://store.example.com&hostname_immutable=true", nil, "https://store.example.com/bucket",
		},
		"endpoint of the environment": {
			"bucket", "region=r",
			map[string]string{"AWS_ENDPOINT_URL": "https://all.example.com"},
			"https://bucket.all.example.com",
		},
		"endpoint of the environment for S3": {
			"bucket", "region=r",
			map[string]string{"AWS_ENDPOINT_URL": "https://all.example.com", "AWS_ENDPOINT_URL_S3": "https://s3.example.com"},
			"https://bucket.s3.example.com",
		},
		"FIPS of the environment": {
			"bucket", "region=r-1", map[string]string{"AWS_USE_FIPS_ENDPOINT": "true"}, "https://bucket.s3-fips.r-1.amazonaws.com",
		},
	} {
		t.Run(name, func(t *testing.T) {
			clean(t)
			for name, value := range row.env {
				t.Setenv(name, value)
			}
			q, err := url.ParseQuery(row.query)
			if err != nil {
				t.Fatal(err)
			}
			b, err := Open(t.Context(), row.bucket, q)
			if err != nil {
				t.Fatalf("Open(%s) = %v", row.query, err)
			}
			if got := b.at.String(); got != row.want {
				t.Errorf("Open(%s) is at %s, want %s", row.query, got, row.want)
			}
		})
	}
}

// TestOpenRefuses checks the parameters that cannot be right, and buckets that this driver cannot use.
func TestOpenRefuses(t *testing.T) {
	for name, row := range map[string]struct{ bucket, query string }{
		"no region":            {"bucket", ""},
		"a region with a host": {"bucket", "region=evil.example.com/"},
		"unknown":              {"bucket", "region=r&colour=blue"},
		"no truth":             {"bucket", "region=r&use_path_style=perhaps"},
		"encryption":           {"bucket", "region=r&ssetype=rot13"},
		"checksums":            {"bucket", "region=r&request_checksum_calculation=never"},
		"a role that is none":  {"bucket", "region=r&role=admin"},
		"an endpoint":          {"bucket", "region=r&endpoint=ftp://store.example.com"},
		"both":                 {"bucket", "region=r&accelerate=true&fips=true"},
		"a directory bucket":   {"bucket--use1-az4--x-s3", "region=us-east-1"},
	} {
		t.Run(name, func(t *testing.T) {
			clean(t)
			q, err := url.ParseQuery(row.query)
			if err != nil {
				t.Fatal(err)
			}
			if b, err := Open(t.Context(), row.bucket, q); err == nil {
				t.Errorf("Open(%s, %s) is at %s, want an error", row.bucket, row.query, b.at)
			}
		})
	}
}

// TestCredentials checks that credentials come from AWS's shared files, by the profile of the URL.
func TestCredentials(t *testing.T) {
	clean(t)
	file := filepath.Join(t.TempDir(), "credentials")
	err := os.WriteFile(file, []byte("[index]\naws_access_key_id = of-the-profile\naws_secret_access_key = s\n"), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file)
	b, err := Open(t.Context(), "bucket", url.Values{"region": {"r-1"}, "profile": {"index"}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := b.creds.Retrieve(t.Context())
	if err != nil || got.AccessKeyID != "of-the-profile" {
		t.Errorf("Retrieve() = %q, %v, want the key of the profile", got.AccessKeyID, err)
	}
}
