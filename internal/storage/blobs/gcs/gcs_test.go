package gcs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gocloud.dev/blob"

	"pyindex/internal/storage/blobs/remote"
)

// credentials writes a file of credentials and makes it the one of the environment.
func credentials(t *testing.T, content string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "credentials.json")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("STORAGE_EMULATOR_HOST", "")
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", path)
}

const federated = `{"type": "external_account", "audience": "//iam.googleapis.com/projects/1/locations/global/x",
"subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "token_url": "https://sts.googleapis.com/v1/token",
"credential_source": {"file": "/var/run/token"}}`

// TestOpen checks which credentials and parameters open a bucket, without a request.
func TestOpen(t *testing.T) {
	user := `{"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r"}`
	for name, row := range map[string]struct{ file, query, server string }{
		"a user":     {user, "", "https://storage.googleapis.com"},
		"federation": {federated, "", "https://storage.googleapis.com"},
		"anonymous":  {"", "anonymous=true", "https://storage.googleapis.com"},
		"nobody":     {"", "access_id=-", "https://storage.googleapis.com"},
		"a universe": {
			strings.Replace(federated, "{", `{"universe_domain": "example.org",`, 1), "universe_domain=example.org",
			"https://storage.example.org",
		},
		"plain HTTP":    {user, "grpc=false", "https://storage.googleapis.com"},
		"gRPC":          {user, "grpc=true", ""},
		"zonal":         {user, "zonal=true", ""},
		"unknown":       {user, "colour=blue", ""},
		"no truth":      {user, "anonymous=perhaps", ""},
		"no key":        {user, "private_key_path=/nonexistent/key", ""},
		"no credential": {`{"type": "rot13"}`, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			credentials(t, row.file)
			q, err := url.ParseQuery(row.query)
			if err != nil {
				t.Fatal(err)
			}
			b, err := Open(t.Context(), "bucket", q)
			if row.server == "" {
				if err == nil {
					t.Errorf("Open(%s) = nil, want an error", row.query)
				}
				return
			}
			if err != nil || b.server != row.server {
				t.Fatalf("Open(%s) = %v, %v, want %s", row.query, b, err, row.server)
			}
		})
	}
}

// on returns a bucket on a server.
func on(t *testing.T, h http.HandlerFunc) *Bucket {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return &Bucket{name: "bucket", server: server.URL, client: &http.Client{CheckRedirect: remain}}
}

// TestSignByGoogle checks the URL of an account without a key: Google is asked to sign the text.
func TestSignByGoogle(t *testing.T) {
	var asked, text string
	b := on(t, func(w http.ResponseWriter, r *http.Request) {
		var q struct{ Payload []byte }
		_ = json.NewDecoder(r.Body).Decode(&q)
		asked, text = r.URL.Path, string(q.Payload)
		_ = json.NewEncoder(w).Encode(map[string][]byte{"signedBlob": []byte("signature")})
	})
	b.signer = &signer{account: "index@example.iam", client: b.client, server: b.server}
	to, err := b.Sign(t.Context(), "files/a b", time.Time{}, time.Unix(1_800_000_000, 0))
	if err != nil {
		t.Fatal(err)
	}
	if asked != "/v1/projects/-/serviceAccounts/index@example.iam:signBlob" {
		t.Errorf("Google was asked at %s", asked)
	}
	if want := "GET\n\n\n1800000000\n/bucket/files/a%20b"; text != want {
		t.Errorf("Google signed %q, want %q", text, want)
	}
	want := b.server + "/bucket/files/a%20b?Expires=1800000000&GoogleAccessId=index%40example.iam&Signature=c2lnbmF0dXJl"
	if to != want {
		t.Errorf("Sign() = %s, want %s", to, want)
	}
}

// TestPiecesThatAreStoredInPart checks that an upload continues where the store stopped, and that a server error in
// between is tried again.
func TestPiecesThatAreStoredInPart(t *testing.T) {
	var stored bytes.Buffer
	failed, sum := false, ""
	b := on(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPost:
			w.Header().Set("Location", "http://"+r.Host+"/session")
		case !failed:
			failed = true
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			var from, to int
			p, _ := io.ReadAll(r.Body)
			_, _ = fmt.Sscanf(r.Header.Get("Content-Range"), "bytes %d-%d/", &from, &to)
			if from != stored.Len() || len(p) != to-from+1 {
				t.Errorf("piece %s with %d bytes after %d", r.Header.Get("Content-Range"), len(p), stored.Len())
			}
			if !strings.HasSuffix(r.Header.Get("Content-Range"), "/*") && len(p) < pieceOf {
				stored.Write(p)
				sum = r.Header.Get("X-Goog-Hash")
				return
			}
			stored.Write(p[:len(p)/2+1]) // only a part of it
			w.Header().Set("Range", fmt.Sprintf("bytes=0-%d", stored.Len()-1))
			w.WriteHeader(statusResume)
		}
	})
	want := bytes.Repeat([]byte("0123456789"), 2*pieceOf/10+100)
	bucket := blob.NewBucket(b)
	defer bucket.Close()
	err := bucket.Upload(t.Context(), "key", bytes.NewReader(want),
		&blob.WriterOptions{ContentType: "application/octet-stream", BufferSize: pieceOf})
	if err != nil || !bytes.Equal(stored.Bytes(), want) {
		t.Errorf("Upload() = %v with %d bytes stored, want %d", err, stored.Len(), len(want))
	}
	if !strings.HasPrefix(sum, "crc32c=") {
		t.Errorf("the last piece has the checksum %q, want one", sum)
	}
}

// TestDamagedRead checks that bytes which do not match the store's checksum are an error.
func TestDamagedRead(t *testing.T) {
	b := on(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Goog-Hash", "crc32c="+checksum(1)+",md5=AAAAAAAAAAAAAAAAAAAAAA==")
		_, _ = w.Write([]byte("other bytes"))
	})
	bucket := blob.NewBucket(b)
	defer bucket.Close()
	if p, err := bucket.ReadAll(t.Context(), "key"); !errors.Is(err, remote.ErrDamaged) {
		t.Errorf("ReadAll() = %q, %v, want ErrDamaged", p, err)
	}
}
