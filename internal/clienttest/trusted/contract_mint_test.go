package trusted_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"strings"
	"time"

	"pyindex/internal/publishers/idtoken/issuertest"
)

// after is a moment from now, or before it, as tokens write it.
func after(d time.Duration) int64 { return now().Add(d).Unix() }

var mintDemands = []demand{
	{"071-the audience is one member, without credentials or redirect", func(w *workflow) {
		direct := *w.HTTP
		direct.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		status, body := w.get(&direct, w.URL+"/_/oidc/audience", "")
		var answer map[string]any
		if err := json.Unmarshal(body, &answer); err != nil || status != http.StatusOK || len(answer) != 1 {
			w.t.Fatalf("the audience: %d %s, %v, want 200 and one member", status, body, err)
		}
		if s, ok := answer["audience"].(string); !ok || s == "" || s == "pypi" {
			w.t.Errorf("the audience is %v, want a string of our own", answer["audience"])
		}
	}},
	{"074-token and expires at either path, with warm keys", func(w *workflow) {
		w.pending("a")
		for _, path := range []string{mintPath, "/_/oidc/github/mint-token"} {
			w.answersAClient(path)
		}
	}},
	{"075-a refusal is JSON with errors", func(w *workflow) {
		for name, body := range map[string]string{
			"nothing": "", "no JSON": "token=x", "a list": "[]", "no token": "{}", "a number": `{"token": 1}`,
			"no JWT": `{"token": "x"}`, "long": strings.Repeat("x", 1<<20),
		} {
			status, m := w.post(body, "application/json")
			w.failed(name, status, m, http.StatusUnprocessableEntity, "invalid-payload", "")
			if m.Errors[0].Description == "" {
				w.t.Errorf("%s: the refusal does not say why", name)
			}
		}
	}},
	{"076-JSON of any content type", func(w *workflow) {
		w.pending("a")
		for _, kind := range []string{
			"application/x-www-form-urlencoded", "text/plain", "application/json", "multipart/form-data", "",
		} {
			body, err := json.Marshal(map[string]string{"token": w.token(nil)})
			if err != nil {
				w.t.Fatal(err)
			}
			if status, m := w.post(string(body), kind); status != http.StatusOK || m.Token == "" {
				w.t.Errorf("mint as %q = %d %+v, want 200", kind, status, m.Errors)
			}
		}
	}},
	{"077-algorithms other than RS256", func(w *workflow) {
		w.pending("a")
		claims, err := json.Marshal(w.said(nil))
		if err != nil {
			w.t.Fatal(err)
		}
		for alg, sign := range w.forgers() {
			header, err := json.Marshal(w.issuer.Header(map[string]any{"alg": alg}))
			if err != nil {
				w.t.Fatal(err)
			}
			w.refused(alg, issuertest.Seal(string(header), string(claims), sign), "invalid-token", "alg")
		}
		w.granted("RS256", w.token(nil))
	}},
	{"078-other audiences, and lists of them", func(w *workflow) {
		w.pending("a")
		for name, aud := range map[string]any{
			"other": "pypi", "empty": "", "ours and more": w.aud + "/", "list of ours": []string{w.aud},
			"list with ours": []string{"pypi", w.aud}, "none": issuertest.Absent,
		} {
			w.refused(name, w.token(map[string]any{"aud": aud}), "invalid-token", "audience (aud)")
		}
		w.granted("ours", w.token(nil))
	}},
	{"080-tokens without a key id", func(w *workflow) {
		w.pending("a")
		for name, kid := range map[string]any{"missing": issuertest.Absent, "empty": "", "a number": 1} {
			w.refused(name, w.issuer.SignAs(w.issuer.Header(map[string]any{"kid": kid}), w.said(nil)), "invalid-token", "kid")
		}
	}},
	{"081-an unknown issuer is not asked", func(w *workflow) {
		w.pending("a")
		stranger := issuertest.New(w.t, issuertest.Options{})
		for name, iss := range map[string]string{
			"stranger": stranger.URL, "nearly ours": w.issuer.URL + "/", "ours in capitals": strings.ToUpper(w.issuer.URL),
		} {
			w.refused(name, stranger.Sign(w.said(map[string]any{"iss": iss})), "invalid-payload",
				"unknown trusted publishing issuer")
		}
		w.refused("none", stranger.Sign(w.said(map[string]any{"iss": issuertest.Absent})), "invalid-payload", "iss")
		if c := stranger.Counts(); c != (issuertest.Counts{}) {
			w.t.Errorf("the stranger was asked: %+v", c)
		}
	}},
	{"082-a token of one issuer that claims another", func(w *workflow) {
		w.pending("a")
		w.refused("the other's signature", w.other.Sign(w.said(nil)), "invalid-token", "signature")
		w.refused("the other's name", w.issuer.Sign(w.said(map[string]any{"iss": w.other.URL})), "invalid-token", "signature")
		w.refused("the other's all", w.other.Sign(w.said(map[string]any{"iss": w.other.URL})), "invalid-publisher",
			"no project here trusts")
		w.granted("ours", w.token(nil))
	}},
}

var timeDemands = []demand{
	{"079-expired, from the future, without expiry", func(w *workflow) {
		w.pending("a")
		for _, c := range []struct {
			name string
			over map[string]any
			word string
		}{
			{
				"expired",
				map[string]any{"iat": after(-time.Hour), "nbf": after(-time.Hour), "exp": after(-35 * time.Second)},
				"expired (exp)",
			},
			{"expired long ago", map[string]any{"iat": 1, "nbf": 1, "exp": 2}, "expired (exp)"},
			{"no expiry", map[string]any{"exp": issuertest.Absent}, "exp"},
			{"expiry null", map[string]any{"exp": nil}, "exp"},
			{"expiry a string", map[string]any{"exp": "99999999999"}, "exp"},
			{"issued in the future", map[string]any{"iat": after(2 * time.Minute)}, "issued (iat) in the future"},
			{"not issued", map[string]any{"iat": issuertest.Absent}, "iat"},
			{"not yet", map[string]any{"nbf": after(2 * time.Minute)}, "not valid before (nbf)"},
		} {
			w.refused(c.name, w.token(c.over), "invalid-token", c.word)
		}
		w.granted("a clock a little ahead",
			w.token(map[string]any{"iat": after(10 * time.Second), "nbf": after(10 * time.Second)}))
	}},
}

// post sends a body to be minted with a content type.
func (w *workflow) post(body, kind string) (int, minted) {
	w.t.Helper()
	r, err := http.NewRequest("POST", w.URL+mintPath, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	return w.answer(r)
}

func (w *workflow) answer(r *http.Request) (int, minted) {
	w.t.Helper()
	answer, err := w.HTTP.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	var m minted
	if err := json.NewDecoder(answer.Body).Decode(&m); err != nil ||
		!strings.HasPrefix(answer.Header.Get("Content-Type"), "application/json") {
		w.t.Fatalf("%s %s = %d %s, %v, want JSON", r.Method, r.URL.Path, answer.StatusCode,
			answer.Header.Get("Content-Type"), err)
	}
	return answer.StatusCode, m
}

// answersAClient exchanges a token as clients do that hang up after five seconds, and reads the members as they do.
func (w *workflow) answersAClient(path string) {
	w.t.Helper()
	hasty := *w.HTTP
	hasty.Timeout = 5 * time.Second
	body, err := json.Marshal(map[string]string{"token": w.token(nil)})
	if err != nil {
		w.t.Fatal(err)
	}
	answer, err := hasty.Post(w.URL+path, "application/json", bytes.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	var m map[string]any
	d := json.NewDecoder(answer.Body)
	d.UseNumber()
	if err := d.Decode(&m); err != nil || answer.StatusCode != http.StatusOK {
		w.t.Fatalf("%s = %d %v, %v, want 200", path, answer.StatusCode, m["errors"], err)
	}
	token, _ := m["token"].(string)
	expires, _ := m["expires"].(json.Number)
	if n, err := expires.Int64(); err != nil || n <= now().Unix() || token == "" {
		w.t.Errorf("%s: a token %v, expires %v, %v, want a string and whole seconds to come", path, token != "",
			m["expires"], err)
	}
}

// forgers sign as headers of other algorithms promise.
func (w *workflow) forgers() map[string]func([]byte) []byte {
	_, k := w.issuer.Key()
	der, err := x509.MarshalPKIXPublicKey(&k.PublicKey)
	if err != nil {
		w.t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	nothing := func([]byte) []byte { return nil }
	return map[string]func([]byte) []byte{
		"none": nothing, "None": nothing, "": nothing,
		"HS256": func(signed []byte) []byte {
			h := hmac.New(sha256.New, public)
			h.Write(signed)
			return h.Sum(nil)
		},
		"ES256": func(signed []byte) []byte {
			sum := sha256.Sum256(signed)
			s, err := curve.Sign(rand.Reader, sum[:], crypto.SHA256)
			if err != nil {
				w.t.Fatal(err)
			}
			return s
		},
	}
}

var reuseDemands = []demand{
	{"085-same token twice, also at once", func(w *workflow) {
		w.pending("a")
		token := w.token(nil)
		w.granted("first", token)
		w.refused("second", token, "invalid-reuse-token", "used before")
		w.once(w.token(nil))
	}},
	{"086-a token that nothing fitted, once something does", func(w *workflow) {
		token := w.token(nil)
		w.refused("before", token, "invalid-publisher", "no project here trusts")
		w.pending("a")
		w.granted("after", token)
		w.refused("again", token, "invalid-reuse-token", "used before")
	}},
	{"087-no token id", func(w *workflow) {
		w.pending("a")
		for name, jti := range map[string]any{"none": issuertest.Absent, "empty": "", "null": nil, "a number": 7} {
			w.refused(name, w.token(map[string]any{"jti": jti}), "invalid-token", "jti")
		}
	}},
}

// once exchanges one token many times concurrently. Exactly one exchange succeeds, and the others get the reason.
func (w *workflow) once(token string) {
	w.t.Helper()
	const tries = 16
	results := make(chan string, tries)
	for range tries {
		go func() {
			_, m, err := w.exchange(mintPath, token)
			switch {
			case err != nil:
				results <- err.Error()
			case m.Token != "":
				results <- "granted"
			default:
				results <- m.Errors[0].Code
			}
		}()
	}
	count := map[string]int{}
	for range tries {
		count[<-results]++
	}
	if count["granted"] != 1 || count["invalid-reuse-token"] != tries-1 {
		w.t.Errorf("%d exchanges of one token at once: %v, want one granted", tries, count)
	}
}
