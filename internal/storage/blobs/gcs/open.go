package gcs

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
)

// scope lets the index use the bucket, and sign URLs as its own account.
const scope = "https://www.googleapis.com/auth/cloud-platform"

// Open returns the bucket of a name. The parameters are those of gocloud.dev/blob/gcsblob; credentials are Google's
// Application Default Credentials. Open sends a request only to ask the machine for its account.
func Open(ctx context.Context, name string, q url.Values) (*Bucket, error) {
	s, err := read(q)
	if err != nil {
		return nil, err
	}
	b := &Bucket{name: name, client: &http.Client{CheckRedirect: remain}}
	if host := os.Getenv("STORAGE_EMULATOR_HOST"); host != "" {
		if !strings.Contains(host, "://") {
			host = "http://" + host
		}
		b.server = strings.TrimSuffix(host, "/")
		return b, nil
	}
	universe := "googleapis.com"
	if !s.anonymous {
		if universe, err = b.authenticate(ctx, s); err != nil {
			return nil, err
		}
	}
	b.server = "https://storage." + cmp.Or(s.universe, universe)
	return b, nil
}

// remain makes redirections responses: a store that sends the request elsewhere must not get the credentials there, and
// 308 means that a part was stored.
func remain(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// authenticate adds credentials to all requests and a signer of URLs, and returns the domain of the credentials.
func (b *Bucket) authenticate(ctx context.Context, s *settings) (string, error) {
	ctx = context.WithoutCancel(ctx) // tokens are renewed later
	found, err := google.FindDefaultCredentialsWithParams(ctx, google.CredentialsParams{
		Scopes: []string{scope}, UniverseDomain: s.universe,
	})
	if err != nil {
		return "", err
	}
	universe, err := found.GetUniverseDomain()
	if err != nil {
		return "", err
	}
	b.client.Transport = &oauth2.Transport{Source: found.TokenSource}
	b.signer = newSigner(found.JSON, s, universe, b.client)
	return universe, nil
}

// settings is what the parameters of a URL say.
type settings struct {
	anonymous         bool
	account, universe string
	key               []byte
	noKey             bool // the key of the credentials must not be used
}

func read(q url.Values) (*settings, error) {
	s := &settings{}
	for name := range q {
		value := q.Get(name)
		switch name {
		case "anonymous":
			on, err := strconv.ParseBool(cmp.Or(value, "false"))
			if err != nil {
				return nil, fmt.Errorf("anonymous must be true or false, not %q", value)
			}
			s.anonymous = s.anonymous || on
		case "access_id":
			s.anonymous = s.anonymous || value == "-"
			s.account = strings.TrimPrefix(value, "-")
		case "private_key_path":
			s.noKey = value == ""
			if value != "" {
				var err error
				if s.key, err = os.ReadFile(value); err != nil {
					return nil, err
				}
			}
		case "universe_domain":
			s.universe = value
		case "grpc", "zonal":
			if on, err := strconv.ParseBool(cmp.Or(value, "false")); err != nil || on {
				return nil, errors.New("grpc and zonal are not supported: the index speaks HTTP with Google's storage, " +
					"and cannot use zonal buckets (Rapid Storage)")
			}
		default:
			return nil, fmt.Errorf("unknown query parameter %q", name)
		}
	}
	return s, nil
}

// account is the part of a credentials file that names a service account: as the console writes it, or the REST API.
type account struct {
	ClientEmail    string `json:"client_email"`
	PrivateKey     string `json:"private_key"`
	Name           string `json:"name"`
	PrivateKeyData string `json:"privateKeyData"`
}

// readAccount returns the address and the key of a credentials file. Both are "" for other credentials.
func readAccount(file []byte) (email, key string) {
	var a account
	if json.Unmarshal(file, &a) != nil {
		return "", ""
	}
	if a.ClientEmail != "" {
		return a.ClientEmail, a.PrivateKey
	}
	if _, email, ok := strings.Cut(a.Name, "/serviceAccounts/"); ok {
		email, _, _ = strings.Cut(email, "/")
		return email, a.PrivateKeyData
	}
	return "", ""
}
