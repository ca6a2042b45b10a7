package blobs_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/storage/blobs"
	"pyindex/internal/storage/storagetest"
)

// clock is a time that a test sets.
type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

// get requests a URL as any client would, without credentials.
func get(t *testing.T, method, link string, headers ...string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequest(method, link, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, string(body)
}

func link(t *testing.T, b *blobs.Blobs, size int64) string {
	t.Helper()
	to, err := b.Link(t.Context(), key, size)
	if err != nil {
		t.Fatalf("Link() = %v", err)
	}
	return to
}

// TestLinkReads checks that any client with a signed URL reads the whole file or a part, with the same headers as ours.
func TestLinkReads(t *testing.T) {
	b := openWith(t, storagetest.Bucket(t), blobs.Options{Delivery: blobs.Redirect})
	if err := b.Put(t.Context(), key, []byte("0123456789")); err != nil {
		t.Fatal(err)
	}
	to := link(t, b, 10)
	code, h, body := get(t, "GET", to)
	if code != 200 || body != "0123456789" {
		t.Fatalf("GET of the link = %d %q, want the bytes", code, body)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/octet-stream", "Content-Disposition": "attachment",
		"Cache-Control": "private, max-age=31536000, immutable", "Accept-Ranges": "bytes",
	} {
		t.Run(name, func(t *testing.T) {
			if got := h.Get(name); got != want {
				t.Errorf("%s of the link = %q, want %q", name, got, want)
			}
		})
	}
	code, h, body = get(t, "GET", to, "Range", "bytes=2-4")
	if code != 206 || body != "234" || h.Get("Content-Range") != "bytes 2-4/10" {
		t.Errorf("a part of the link = %d %q %q", code, body, h.Get("Content-Range"))
	}
}

// TestLinkRefuses checks that a URL is limited to its key, to reading and to its lifetime, and contains no secret.
func TestLinkRefuses(t *testing.T) {
	location := storagetest.Bucket(t)
	old := &clock{time.Now().Add(-2 * time.Hour)}
	b := openWith(t, location, blobs.Options{Delivery: blobs.Redirect, Now: old.now})
	if err := b.Put(t.Context(), key, []byte("bytes")); err != nil {
		t.Fatal(err)
	}
	expired := link(t, b, 5)
	old.Time = time.Now()
	good := link(t, b, 5)
	unsigned, _, _ := strings.Cut(good, "?")
	for name, row := range map[string]struct{ method, link string }{
		"expired":       {"GET", expired},
		"unsigned":      {"GET", unsigned},
		"another key":   {"GET", strings.Replace(good, key[9:], strings.Repeat("1", 64), 1)},
		"another time":  {"GET", strings.Replace(good, "X-Amz-Expires=1800", "X-Amz-Expires=18000", 1)},
		"to write":      {"PUT", good},
		"to delete":     {"DELETE", good},
		"another bytes": {"GET", good[:len(good)-1] + flipped(good[len(good)-1])},
	} {
		t.Run(name, func(t *testing.T) {
			if code, _, _ := get(t, row.method, row.link); code < 400 {
				t.Errorf("%s: %s = %d, want it refused", name, row.method, code)
			}
		})
	}
	if code, _, _ := get(t, "GET", good); code != 200 {
		t.Errorf("the link itself = %d, want 200", code)
	}
	if secret := os.Getenv("AWS_SECRET_ACCESS_KEY"); secret == "" || strings.Contains(good, secret) {
		t.Errorf("the link holds the secret, or there is none")
	}
}

func flipped(c byte) string {
	if c == '0' {
		return "1"
	}
	return "0"
}

// signers lists the stores that sign, with made-up credentials. Signing sends no request.
func signers(t *testing.T) map[string]string {
	t.Setenv("AWS_ACCESS_KEY_ID", "id")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AZURE_STORAGE_ACCOUNT", "account")
	t.Setenv("AZURE_STORAGE_KEY", base64.StdEncoding.EncodeToString([]byte("secret")))
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", serviceAccount(t))
	return map[string]string{
		"s3": "s3://bucket?region=eu-central-1", "azblob": "azblob://container", "gs": "gs://bucket",
	}
}

// serviceAccount writes the key of an account of Google's.
func serviceAccount(t *testing.T) string {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	about, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "index@example.iam.gserviceaccount.com", "private_key_id": "1",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		"token_uri":   "https://oauth2.googleapis.com/token",
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "account.json")
	if err := os.WriteFile(path, about, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestLinksStandStill checks that every process creates the same URL during an interval, so that caches see one URL.
// The next interval has another URL, and each is valid for at least one interval.
func TestLinksStandStill(t *testing.T) {
	for name, location := range signers(t) {
		t.Run(name, func(t *testing.T) {
			now := &clock{time.Date(2026, 11, 27, 12, 0, 1, 0, time.UTC)}
			o := blobs.Options{Delivery: blobs.Redirect, Now: now.now, LinkLifetime: 15 * time.Minute}
			a, b := openWith(t, location, o), openWith(t, location, o)
			first := link(t, a, 1)
			now.Time = now.Add(14 * time.Minute)
			if again := link(t, b, 1); again != first {
				t.Errorf("within one piece of time two processes sign\n%s\n%s", first, again)
			}
			now.Time = now.Add(2 * time.Minute)
			if next := link(t, a, 1); next == first {
				t.Errorf("the next piece of time has the same URL: %s", first)
			}
			u, err := url.Parse(first)
			if err != nil || u.Scheme != "https" || !strings.HasSuffix(u.Path, key) {
				t.Errorf("Link() = %s, want https and the key", first)
			}
		})
	}
}

// TestAuto checks that a store with a public name and TLS serves large files itself, and everything else is streamed.
func TestAuto(t *testing.T) {
	signers(t)
	const large = 5 << 20
	for _, tt := range []struct {
		name, location string
		size           int64
		links          bool
	}{
		{"public, large", "s3://bucket?region=eu-central-1", large, true},
		{"public, small", "s3://bucket?region=eu-central-1", 1000, false},
		{"a public name", "s3://bucket?region=r&endpoint=https://files.example.com&use_path_style=true", large, true},
		{"without TLS", "s3://bucket?region=r&endpoint=http://files.example.com&use_path_style=true", large, false},
		{"a name of the inside", "s3://bucket?region=r&endpoint=https://store&use_path_style=true", large, false},
		{"a name of the cluster", "s3://bucket?region=r&endpoint=https://store.internal&use_path_style=true", large, false},
		{"loopback", "s3://bucket?region=r&endpoint=https://127.0.0.1:9&use_path_style=true", large, false},
		{"a private address", "s3://bucket?region=r&endpoint=https://10.0.0.9&use_path_style=true", large, false},
		{"a folder", "file://" + t.TempDir(), large, false},
		{"memory", "mem://", large, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := openWith(t, tt.location, blobs.Options{Delivery: blobs.Auto})
			if got := link(t, b, tt.size) != ""; got != tt.links {
				t.Errorf("%s: signed is %v, want %v", tt.name, got, tt.links)
			}
		})
	}
}

// TestLinkURL: the bucket may be reached by clients under another name than by us.
func TestLinkURL(t *testing.T) {
	signers(t)
	b := openWith(t, "s3://bucket?region=r&endpoint=http://store:7070&use_path_style=true", blobs.Options{
		Delivery: blobs.Redirect, LinkURL: "s3://bucket?region=r&endpoint=https://files.example.com&use_path_style=true",
	})
	if to := link(t, b, 1); !strings.HasPrefix(to, "https://files.example.com/bucket/"+key) {
		t.Errorf("Link() = %s, want the address that clients know", to)
	}
}

// TestRedirectNeedsAStoreThatSigns checks that the program does not start if the store cannot sign URLs. (Azure's
// driver reads its environment once per process, so it cannot be tested with other credentials than above.)
func TestRedirectNeedsAStoreThatSigns(t *testing.T) {
	signers(t)
	for name, location := range map[string]string{
		"folder": "file://" + t.TempDir(), "memory": "mem://", "no credentials": "s3://bucket?region=r&anonymous=true",
	} {
		t.Run(name, func(t *testing.T) {
			b, err := blobs.Open(t.Context(), location, blobs.Options{Delivery: blobs.Redirect})
			if err == nil {
				b.Close()
			}
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("%s: Open() = %v, want invalid", name, err)
			}
		})
	}
}

// TestLinkComparesSize checks that clients are not redirected to missing files or files of another size. The store is
// asked once per interval. If it cannot be asked, clients are redirected.
func TestLinkComparesSize(t *testing.T) {
	now := &clock{time.Now()}
	b := openWith(t, storagetest.Bucket(t), blobs.Options{Delivery: blobs.Redirect, Now: now.now})
	if _, err := b.Link(t.Context(), key, 5); !fault.Is(err, fault.NotFound) {
		t.Errorf("Link(nothing there) = %v, want not found", err)
	}
	if err := b.Put(t.Context(), key, []byte("byte")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, err := b.Link(t.Context(), key, 5)
		if wrong, ok := errors.AsType[*custody.SizeError](err); !ok || wrong.Size != 4 || wrong.Want != 5 {
			t.Errorf("Link(4 bytes where 5 are right) = %v, want an error about the size", err)
		}
	}
	if err := b.Put(t.Context(), key, []byte("bytes")); err != nil {
		t.Fatal(err)
	}
	first := link(t, b, 5)
	if err := b.Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	if again := link(t, b, 5); again != first {
		t.Errorf("Link() in the same quarter of an hour = %q, want the same without asking again", again)
	}
	now.Time = now.Add(blobs.DefaultLinkLifetime)
	if _, err := b.Link(t.Context(), key, 5); !fault.Is(err, fault.NotFound) {
		t.Errorf("Link(gone, in the next quarter of an hour) = %v, want not found", err)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if to, err := b.Link(done, key, 5); to == "" && err == nil {
		t.Error("Link(store cannot be asked) = nothing, want a URL or an error")
	}
}
