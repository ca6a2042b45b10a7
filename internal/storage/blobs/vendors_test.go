package blobs_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"pyindex/internal/fault"
	"pyindex/internal/storage/blobs"
)

// vendor speaks the protocol of one object store.
type vendor struct {
	name string
	// location sets the environment and returns the URL of the bucket "index" on a server.
	location func(t *testing.T, server string) string
	// object returns the key of the object that a request is about.
	object func(r *http.Request) string
	// content returns the bytes that a write carries.
	content func(r *http.Request) ([]byte, error)
	written func(w http.ResponseWriter, key string, content []byte)
	// described writes an object's attributes.
	described func(w http.ResponseWriter, key string, content []byte)
	refuse    func(w http.ResponseWriter, r *http.Request, status int, code string)
	missing   string // code of a missing object
	denied    string // code of a missing permission
	noBucket  string // code of a missing bucket, "" if it cannot be told from a missing object
	deleted   int    // status of a deletion
}

func vendors() []vendor { return []vendor{s3Vendor(), gcsVendor(), azureVendor()} }

func s3Vendor() vendor {
	return vendor{
		name: "s3", missing: "NoSuchKey", denied: "AccessDenied", noBucket: "NoSuchBucket",
		deleted: http.StatusNoContent,
		location: func(t *testing.T, server string) string {
			t.Setenv("AWS_ACCESS_KEY_ID", "test")
			t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
			t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
			return "s3://index?endpoint=" + server + "&region=us-east-1&use_path_style=true"
		},
		object: func(r *http.Request) string { return strings.TrimPrefix(r.URL.Path, "/index/") },
		content: func(r *http.Request) ([]byte, error) {
			p, err := io.ReadAll(r.Body)
			if r.Header.Get("X-Amz-Decoded-Content-Length") == "" {
				return p, err
			}
			var out []byte
			for { // chunks: the length in hexadecimal with its signature, a line break, the bytes, a line break
				head, rest, _ := bytes.Cut(p, []byte("\r\n"))
				var n int
				if _, err := fmt.Sscanf(string(head), "%x", &n); err != nil || n == 0 || n > len(rest) {
					return out, err
				}
				out, p = append(out, rest[:n]...), rest[n+2:]
			}
		},
		written: func(w http.ResponseWriter, _ string, _ []byte) {
			w.Header().Set("Etag", `"0123456789abcdef0123456789abcdef"`)
		},
		described: func(w http.ResponseWriter, _ string, p []byte) {
			w.Header().Set("Content-Length", fmt.Sprint(len(p)))
			w.Header().Set("Last-Modified", "Mon, 23 Nov 2026 12:00:00 GMT")
		},
		refuse: func(w http.ResponseWriter, r *http.Request, status int, code string) {
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(status)
			if r.Method != http.MethodHead {
				fmt.Fprintf(w, "<Error><Code>%s</Code><Message>refused</Message></Error>", code)
			}
		},
	}
}

func gcsVendor() vendor {
	describe := func(w http.ResponseWriter, key string, p []byte) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]string{
			"name": key, "bucket": "index", "size": fmt.Sprint(len(p)), "updated": "2026-11-23T12:00:00Z",
		})
	}
	return vendor{
		name: "gcs", missing: "notFound", denied: "forbidden", deleted: http.StatusNoContent,
		location: func(t *testing.T, server string) string {
			t.Setenv("STORAGE_EMULATOR_HOST", strings.TrimPrefix(server, "http://"))
			return "gs://index?anonymous=true"
		},
		object: func(r *http.Request) string {
			if name := r.URL.Query().Get("name"); name != "" {
				return name
			}
			if _, name, ok := strings.Cut(r.URL.EscapedPath(), "/b/index/o/"); ok {
				name, _ = url.PathUnescape(name)
				return name
			}
			return strings.TrimPrefix(r.URL.Path, "/index/")
		},
		content: func(r *http.Request) ([]byte, error) {
			_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
			if err != nil {
				return nil, err
			}
			parts := multipart.NewReader(r.Body, params["boundary"])
			if _, err = parts.NextPart(); err != nil { // the object's attributes
				return nil, err
			}
			content, err := parts.NextPart()
			if err != nil {
				return nil, err
			}
			p, err := io.ReadAll(content)
			if err != nil {
				return nil, err
			}
			if _, err := parts.NextPart(); err != io.EOF {
				return nil, errors.New("the request ends early")
			}
			return p, nil
		},
		written: describe, described: describe,
		refuse: func(w http.ResponseWriter, _ *http.Request, status int, code string) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"error": {"code": %d, "message": "refused", "errors": [{"reason": %q}]}}`, status, code)
		},
	}
}

func azureVendor() vendor {
	return vendor{
		name: "azure", missing: "BlobNotFound", denied: "AuthorizationPermissionMismatch", noBucket: "ContainerNotFound",
		deleted: http.StatusAccepted,
		location: func(t *testing.T, server string) string {
			t.Setenv("AZURE_STORAGE_ACCOUNT", "account")
			t.Setenv("AZURE_STORAGE_KEY", base64.StdEncoding.EncodeToString([]byte("key")))
			return "azblob://index?protocol=http&localemu=true&domain=" + strings.TrimPrefix(server, "http://")
		},
		object:  func(r *http.Request) string { return strings.TrimPrefix(r.URL.Path, "/account/index/") },
		content: func(r *http.Request) ([]byte, error) { return io.ReadAll(r.Body) },
		written: func(w http.ResponseWriter, _ string, _ []byte) { w.WriteHeader(http.StatusCreated) },
		described: func(w http.ResponseWriter, _ string, p []byte) {
			w.Header().Set("Content-Length", fmt.Sprint(len(p)))
			w.Header().Set("Last-Modified", "Mon, 23 Nov 2026 12:00:00 GMT")
			w.Header().Set("Etag", `"1"`)
			w.Header().Set("X-Ms-Creation-Time", "Mon, 23 Nov 2026 12:00:00 GMT")
			w.Header().Set("Content-Type", "application/octet-stream")
		},
		refuse: func(w http.ResponseWriter, r *http.Request, status int, code string) {
			w.Header().Set("Content-Type", "application/xml")
			w.Header().Set("X-Ms-Error-Code", code)
			w.WriteHeader(status)
			if r.Method != http.MethodHead {
				_ = xml.NewEncoder(w).EncodeElement(struct{ Code string }{code}, xml.StartElement{Name: xml.Name{Local: "Error"}})
			}
		},
	}
}

// shop is a server of one vendor with a bucket in memory.
type shop struct {
	vendor
	mu      sync.Mutex
	objects map[string][]byte
	writes  int
	// before may answer a request instead of the shop. It runs with the lock held.
	before func(w http.ResponseWriter, r *http.Request, key string) bool
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := s.object(r)
	if r.Method == http.MethodPut || r.Method == http.MethodPost {
		s.writes++
	}
	if s.before != nil && s.before(w, r, key) {
		return
	}
	switch p, ok := s.objects[key]; {
	case r.Method == http.MethodPut || r.Method == http.MethodPost:
		p, err := s.content(r)
		if err != nil {
			s.refuse(w, r, http.StatusBadRequest, "badRequest")
			return
		}
		s.objects[key] = p
		s.written(w, key, p)
	case r.URL.Query().Has("list-type") || r.URL.Query().Get("comp") == "list":
		fmt.Fprint(w, map[string]string{
			"s3":    "<ListBucketResult></ListBucketResult>",
			"azure": "<EnumerationResults><Blobs></Blobs><NextMarker></NextMarker></EnumerationResults>",
		}[s.name])
	case strings.HasSuffix(r.URL.Path, "/b/index/o"):
		fmt.Fprint(w, "{}")
	case !ok:
		s.refuse(w, r, http.StatusNotFound, s.missing)
	case r.Method == http.MethodDelete:
		delete(s.objects, key)
		w.WriteHeader(s.deleted)
	case r.Method == http.MethodHead || strings.HasPrefix(r.URL.Path, "/storage/v1/"):
		s.described(w, key, p)
	default:
		w.Header().Set("Last-Modified", "Mon, 23 Nov 2026 12:00:00 GMT")
		w.Header().Set("Etag", `"1"`)
		_, _ = w.Write(p)
	}
}

// inShops runs a test with the server of each vendor and a store that uses it.
func inShops(t *testing.T, f func(t *testing.T, s *shop, b *blobs.Blobs)) {
	for _, v := range vendors() {
		t.Run(v.name, func(t *testing.T) {
			s := &shop{vendor: v, objects: map[string][]byte{}}
			server := httptest.NewServer(s)
			t.Cleanup(server.Close)
			f(t, s, open(t, v.location(t, server.URL)))
		})
	}
}

func read(t *testing.T, b *blobs.Blobs) (string, error) {
	t.Helper()
	r, _, err := b.Open(t.Context(), key)
	if err != nil {
		return "", err
	}
	defer r.Close()
	p, err := io.ReadAll(r)
	return string(p), err
}

// TestShops checks that the servers of these tests are usable: a blob can be written, read, measured and deleted.
func TestShops(t *testing.T) {
	inShops(t, func(t *testing.T, s *shop, b *blobs.Blobs) {
		if _, err := read(t, b); !fault.Is(err, fault.NotFound) {
			t.Errorf("Open(before Put) = %v, want not found", err)
		}
		if err := b.Put(t.Context(), key, []byte("the bytes")); err != nil {
			t.Fatalf("Put() = %v", err)
		}
		if got, err := read(t, b); err != nil || got != "the bytes" {
			t.Errorf("read back %q, %v", got, err)
		}
		if size, err := b.Size(t.Context(), key); err != nil || size != 9 {
			t.Errorf("Size() = %d, %v, want 9", size, err)
		}
		for range 2 { // deleting a missing blob is no error
			if err := b.Delete(t.Context(), key); err != nil {
				t.Errorf("Delete() = %v", err)
			}
		}
		if _, err := b.Size(t.Context(), key); !fault.Is(err, fault.NotFound) {
			t.Errorf("Size(deleted) = %v, want not found", err)
		}
	})
}

// TestShopsWithoutPermission checks that a missing permission or bucket is not taken for a missing blob: nothing is
// reported as missing, or as deleted.
func TestShopsWithoutPermission(t *testing.T) {
	for _, v := range vendors() {
		refusals := map[string]int{v.denied: http.StatusForbidden}
		if v.noBucket != "" {
			refusals[v.noBucket] = http.StatusNotFound
		}
		for code, status := range refusals {
			t.Run(v.name+" "+code, func(t *testing.T) {
				s := &shop{vendor: v, objects: map[string][]byte{}}
				server := httptest.NewServer(s)
				defer server.Close()
				b := open(t, v.location(t, server.URL))
				if err := b.Put(t.Context(), key, []byte("the bytes")); err != nil {
					t.Fatal(err)
				}
				s.mu.Lock()
				s.before = func(w http.ResponseWriter, r *http.Request, _ string) bool {
					s.refuse(w, r, status, code)
					return true
				}
				s.mu.Unlock()
				_, openErr := read(t, b)
				_, sizeErr := b.Size(t.Context(), key)
				for call, err := range map[string]error{
					"Open": openErr, "Size": sizeErr,
					"Delete": b.Delete(t.Context(), key), "Put": b.Put(t.Context(), key, []byte("the bytes")),
					"Ping": b.Ping(t.Context()),
				} {
					if !fault.Is(err, fault.Unavailable) {
						t.Errorf("%s(%d %s) = %v, want unavailable", call, status, code, err)
					}
				}
				if len(s.objects) != 1 {
					t.Error("the blob is gone")
				}
			})
		}
	}
}

// TestShopsOfTwoWriters checks that an upload that loses against an equal one succeeds, and that one that was refused
// without another is sent once more.
func TestShopsOfTwoWriters(t *testing.T) {
	codes := map[string][]struct {
		status int
		code   string
	}{
		"s3": {
			{http.StatusConflict, "ConditionalRequestConflict"},
			{http.StatusConflict, "OperationAborted"},
			{http.StatusPreconditionFailed, "PreconditionFailed"},
		},
		"gcs":   {{http.StatusConflict, "conflict"}, {http.StatusPreconditionFailed, "conditionNotMet"}},
		"azure": {{http.StatusConflict, "BlobAlreadyExists"}, {http.StatusPreconditionFailed, "ConditionNotMet"}},
	}
	for _, v := range vendors() {
		for _, c := range codes[v.name] {
			for name, other := range map[string]string{"equal": "the bytes", "none": "", "shorter": "the"} {
				t.Run(v.name+" "+c.code+" "+name, func(t *testing.T) {
					s := &shop{vendor: v, objects: map[string][]byte{}}
					server := httptest.NewServer(s)
					defer server.Close()
					refused := 0
					s.before = func(w http.ResponseWriter, r *http.Request, key string) bool {
						if r.Method != http.MethodPut && r.Method != http.MethodPost || refused > 0 {
							return false
						}
						refused++
						if other != "" {
							s.objects[key] = []byte(other)
						}
						_, _ = io.Copy(io.Discard, r.Body)
						s.refuse(w, r, c.status, c.code)
						return true
					}
					b := open(t, v.location(t, server.URL))
					if err := b.Put(t.Context(), key, []byte("the bytes")); err != nil {
						t.Fatalf("Put() = %v, want nil", err)
					}
					if got, err := read(t, b); got != "the bytes" {
						t.Errorf("read back %q, %v", got, err)
					}
					if want := map[bool]int{true: 1, false: 2}[other == "the bytes"]; s.writes != want {
						t.Errorf("%d writes, want %d", s.writes, want)
					}
				})
			}
			t.Run(v.name+" "+c.code+" always", func(t *testing.T) {
				s := &shop{vendor: v, objects: map[string][]byte{}}
				server := httptest.NewServer(s)
				defer server.Close()
				s.before = func(w http.ResponseWriter, r *http.Request, _ string) bool {
					if r.Method != http.MethodPut && r.Method != http.MethodPost {
						return false
					}
					_, _ = io.Copy(io.Discard, r.Body)
					s.refuse(w, r, c.status, c.code)
					return true
				}
				b := open(t, v.location(t, server.URL))
				err := b.Put(t.Context(), key, []byte("the bytes"))
				if !fault.Is(err, fault.Unavailable) || s.writes != 2 {
					t.Errorf("Put() = %v after %d writes, want unavailable after 2", err, s.writes)
				}
			})
		}
	}
}

// TestShopsWithoutConditions checks that no write is conditional, because not every store of S3's protocol supports
// conditions: some respond with 501 or 400.
func TestShopsWithoutConditions(t *testing.T) {
	inShops(t, func(t *testing.T, s *shop, b *blobs.Blobs) {
		s.before = func(w http.ResponseWriter, r *http.Request, _ string) bool {
			condition := r.Header.Get("If-None-Match") + r.Header.Get("If-Match") + r.URL.Query().Get("ifGenerationMatch")
			if condition != "" {
				s.refuse(w, r, http.StatusNotImplemented, "NotImplemented")
			}
			return condition != ""
		}
		for range 2 {
			if err := b.Put(t.Context(), key, []byte("the bytes")); err != nil {
				t.Errorf("Put() = %v, want nil", err)
			}
		}
	})
}

// TestShopsAndABrokenStage checks that no part of a file is stored if the file cannot be read to its end.
func TestShopsAndABrokenStage(t *testing.T) {
	for _, size := range []int{1 << 10, 7 << 20} {
		inShops(t, func(t *testing.T, s *shop, b *blobs.Blobs) {
			s.before = func(w http.ResponseWriter, r *http.Request, key string) bool {
				if size < 5<<20 || r.Method != http.MethodPut && r.Method != http.MethodPost {
					return false
				}
				// A file in several parts: whatever ends an upload stores it.
				_, _ = io.Copy(io.Discard, r.Body)
				q, ranges := r.URL.Query(), r.Header.Get("Content-Range")
				switch {
				case q.Has("uploads"):
					fmt.Fprint(w, "<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>")
				case q.Has("partNumber"):
					w.Header().Set("Etag", `"1"`)
				case q.Get("uploadType") == "resumable" && ranges == "":
					w.Header().Set("Location",
						"http://"+r.Host+r.URL.Path+"?uploadType=resumable&upload_id=1&name="+url.QueryEscape(key))
				case strings.HasSuffix(ranges, "/*") && ranges != "bytes */*":
					var from, to int64
					_, _ = fmt.Sscanf(ranges, "bytes %d-%d/*", &from, &to)
					w.Header().Set("Range", fmt.Sprintf("bytes=0-%d", to))
					w.WriteHeader(308)
				case q.Get("comp") == "block":
					w.WriteHeader(http.StatusCreated)
				default:
					s.objects[key] = []byte("a part")
					s.written(w, key, s.objects[key])
				}
				return true
			}
			stage, err := b.Stage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer stage.Discard()
			if _, err := stage.Write(make([]byte, size)); err != nil {
				t.Fatal(err)
			}
			blobs.BreakStage(t, stage, int64(size)-100)
			if err := b.Keep(t.Context(), key, stage); !fault.Is(err, fault.Unavailable) {
				t.Errorf("Keep(%d bytes, unreadable end) = %v, want unavailable", size, err)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			if p, ok := s.objects[key]; ok {
				t.Errorf("%d of %d bytes were stored", len(p), size)
			}
		})
	}
}

// TestShopWithoutChecksums checks the URL for stores of S3's protocol that respond with 501 to its checksums.
func TestShopWithoutChecksums(t *testing.T) {
	s := &shop{vendor: s3Vendor(), objects: map[string][]byte{}}
	s.before = func(w http.ResponseWriter, r *http.Request, _ string) bool {
		for name := range r.Header {
			if strings.HasPrefix(name, "X-Amz-Checksum-") || name == "X-Amz-Trailer" {
				_, _ = io.Copy(io.Discard, r.Body)
				s.refuse(w, r, http.StatusNotImplemented, "NotImplemented")
				return true
			}
		}
		return false
	}
	server := httptest.NewServer(s)
	defer server.Close()
	location := s.location(t, server.URL)
	if err := open(t, location).Put(t.Context(), key, []byte("the bytes")); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Put(with checksums) = %v, want unavailable", err)
	}
	b := open(t, location+"&request_checksum_calculation=when_required")
	if err := b.Put(t.Context(), key, []byte("the bytes")); err != nil {
		t.Errorf("Put(without checksums) = %v, want nil", err)
	}
}
