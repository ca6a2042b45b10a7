package issuertest

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// Document identifies a document that an issuer serves.
type Document int

// The documents.
const (
	Discovery Document = iota
	Keys
)

// JobBearer is the bearer token with which a job requests its identity token (ACTIONS_ID_TOKEN_REQUEST_TOKEN).
const JobBearer = "job-bearer"

func (i *Issuer) routes() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET /.well-known/openid-configuration", i.document(Discovery, i.discovery))
	m.HandleFunc("GET /.well-known/jwks", i.document(Keys, i.jwks))
	m.HandleFunc("GET /job/token", i.token)
	return m
}

// Fail makes h serve a document; nil restores the document.
func (i *Issuer) Fail(d Document, h http.HandlerFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.failures[d] = h
}

func (i *Issuer) document(d Document, right http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		if d == Discovery {
			i.counts.Discovery++
		} else {
			i.counts.Keys++
		}
		h := i.failures[d]
		i.mu.Unlock()
		if h == nil {
			h = right
		}
		h(w, r)
	}
}

func (i *Issuer) discovery(w http.ResponseWriter, _ *http.Request) {
	answer(w, map[string]any{
		"issuer":                                i.URL,
		"jwks_uri":                              i.URL + "/.well-known/jwks",
		"response_types_supported":              []string{"id_token"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
	})
}

// TokenURL returns the URL from which a GitHub job requests its token (ACTIONS_ID_TOKEN_REQUEST_URL). Clients append
// "&audience=…".
func (i *Issuer) TokenURL() string { return i.URL + "/job/token?api-version=2.0" }

// SetJob sets claims of the tokens that TokenURL returns. They override those of Claims.
func (i *Issuer) SetJob(claims map[string]any) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.job = claims
}

func (i *Issuer) token(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	i.counts.Token++
	job := i.job
	i.mu.Unlock()
	if _, bearer, _ := strings.Cut(r.Header.Get("Authorization"), " "); bearer != JobBearer {
		http.Error(w, "not the job's bearer token", http.StatusUnauthorized)
		return
	}
	answer(w, map[string]any{"value": i.Sign(i.Claims(r.URL.Query().Get("audience"), time.Now(), job))})
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v)
}
