package idtoken_test

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pyindex/internal/publishers/exchange"
	"pyindex/internal/publishers/idtoken/issuertest"
)

// TestUnknownKidFlood: strangers make up key ids; the issuer is asked once for each cool-down, whatever they do.
func TestUnknownKidFlood(t *testing.T) {
	b := newBench(t)
	b.accept("at first")
	before := b.issuer.Counts().Keys
	flood := func(n int) {
		var all sync.WaitGroup
		for i := range n {
			all.Go(func() {
				refuse(t, "flood", b.verify(b.unknownKid(fmt.Sprint("made-up-", i))), exchange.CodeToken, "not among")
			})
		}
		all.Wait()
	}
	flood(100)
	if n := b.issuer.Counts().Keys - before; n != 1 {
		t.Errorf("100 made-up key ids cost %d fetches, want 1", n)
	}
	b.pass(29 * time.Second)
	flood(10)
	if n := b.issuer.Counts().Keys - before; n != 1 {
		t.Errorf("within the cool-down: %d fetches, want 1", n)
	}
	b.pass(time.Second)
	flood(100)
	if n := b.issuer.Counts().Keys - before; n != 2 {
		t.Errorf("after the cool-down: %d fetches, want 2", n)
	}
	b.accept("after the flood")
}

// TestFloodOfDeadIssuer: a fetch that fails begins a cool-down too.
func TestFloodOfDeadIssuer(t *testing.T) {
	b := newBench(t)
	b.issuer.Fail(issuertest.Keys, issuertest.Down)
	for range 50 {
		b.unavailable("dead from the start")
	}
	if n := b.issuer.Counts(); n.Keys != 1 || n.Discovery != 1 {
		t.Errorf("a dead issuer was asked %+v times, want once", n)
	}
	b.issuer.Fail(issuertest.Keys, nil)
	b.unavailable("within the cool-down")
	b.pass(30 * time.Second)
	b.accept("alive again")
}

// TestRotation: a new key works at once, whether the old one stays published or not.
func TestRotation(t *testing.T) {
	for _, keep := range []bool{true, false} {
		b := newBench(t)
		b.accept("first key")
		old := b.token()
		b.issuer.Rotate(keep)
		b.accept("second key")
		err := b.verify(old)
		if keep && err != nil {
			t.Errorf("the old key, still published: Verify = %v", err)
		}
		if !keep {
			refuse(t, "withdrawn key", err, exchange.CodeToken, "not among")
		}
		b.pass(time.Minute)
		b.issuer.Rotate(keep)
		b.accept("third key")
	}
}

// TestRotationUnderLoad: keys change while tokens come, and none fails.
func TestRotationUnderLoad(t *testing.T) {
	b := newBench(t)
	b.accept("at first")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 10 {
				b.accept("during rotation")
			}
		})
	}
	b.issuer.Rotate(true)
	all.Wait()
}

// TestWithdrawnKey: a key that the issuer no longer publishes is refused within the quarter of an hour, also when
// nobody asked meanwhile.
func TestWithdrawnKey(t *testing.T) {
	b := newBench(t)
	b.accept("at first")
	id, k := b.issuer.Key()
	b.issuer.Rotate(false)
	b.pass(15 * time.Minute)
	raw := signedBy(b, id, k)
	refuse(t, "withdrawn a quarter of an hour ago", b.verify(raw), exchange.CodeToken, "not among")
}

// signedBy is a good token by any key.
func signedBy(b *bench, id string, k *rsa.PrivateKey) string {
	stranger := issuertest.New(b, issuertest.Options{Plain: true})
	stranger.RotateTo(id, k)
	return stranger.Sign(b.issuer.Claims(audience, b.now(), nil))
}

// TestKeptKeys: known keys serve while the issuer is down, for a day and no longer.
func TestKeptKeys(t *testing.T) {
	b := newBench(t)
	b.accept("at first")
	b.issuer.Fail(issuertest.Keys, issuertest.Down)
	b.issuer.Fail(issuertest.Discovery, issuertest.Down)
	for _, d := range []time.Duration{time.Minute, 10 * time.Minute, time.Hour, 22 * time.Hour} {
		b.pass(d)
		b.accept("issuer down")
	}
	b.pass(time.Hour)
	b.unavailable("after a day")
}

// TestColdFailures: whatever an issuer answers, the exchange says in time that it cannot tell, in little memory.
func TestColdFailures(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("%s was fetched", r.URL)
	}))
	t.Cleanup(elsewhere.Close) // after the parallel tests
	for _, c := range []struct {
		name string
		h    http.HandlerFunc
	}{
		{"down", issuertest.Down},
		{"hangs", issuertest.Hang},
		{"trickles", issuertest.Trickle},
		{"huge", issuertest.Huge},
		{"HTML", issuertest.Page},
		{"redirects elsewhere", issuertest.Redirect(elsewhere.URL)},
		{"redirects to the cloud's own address", issuertest.Redirect("http://169.254.169.254/latest/meta-data/")},
		{
			"redirects to itself",
			func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) },
		},
		{"not found", http.NotFound},
		{"empty object", issuertest.JSON(map[string]any{})},
		{"null", issuertest.JSON(nil)},
		{"empty", func(http.ResponseWriter, *http.Request) {}},
	} {
		for _, d := range []issuertest.Document{issuertest.Discovery, issuertest.Keys} {
			t.Run(fmt.Sprint(c.name, d), func(t *testing.T) {
				t.Parallel()
				b := newBench(t)
				b.issuer.Fail(d, c.h)
				b.unavailable(c.name)
				b.issuer.Fail(d, nil)
				b.pass(time.Minute)
				b.recover()
			})
		}
	}
}

// TestHugeMemory: ten gigabytes of keys cost us next to nothing.
func TestHugeMemory(t *testing.T) {
	b := newBench(t)
	b.issuer.Fail(issuertest.Keys, issuertest.Huge)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	b.unavailable("huge")
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 32<<20 {
		t.Errorf("%d bytes were allocated", n)
	}
}

// TestWarmFailures: the same with keys at hand never stands in the way of a known key.
func TestWarmFailures(t *testing.T) {
	b := newBench(t)
	b.accept("at first")
	for _, h := range []http.HandlerFunc{
		issuertest.Down, issuertest.Page, issuertest.JSON(map[string]any{"keys": []any{}}),
		issuertest.JSON(map[string]any{"keys": []any{map[string]any{"kty": "oct", "k": "AAAA", "kid": "key-0"}}}),
	} {
		b.issuer.Fail(issuertest.Keys, h)
		b.pass(11 * time.Minute)
		b.accept("refresh under way")
		b.pass(11 * time.Minute)
		b.accept("refresh failed")
	}
}

// TestDiscoveryIsAboutTheIssuer: a document about somebody else, or keys from an unsafe place, are not believed.
func TestDiscoveryIsAboutTheIssuer(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(i *issuertest.Issuer) map[string]any
	}{
		{"another issuer", func(i *issuertest.Issuer) map[string]any {
			return map[string]any{"issuer": "https://evil.example", "jwks_uri": i.URL + "/.well-known/jwks"}
		}},
		{"the issuer with a slash", func(i *issuertest.Issuer) map[string]any {
			return map[string]any{"issuer": i.URL + "/", "jwks_uri": i.URL + "/.well-known/jwks"}
		}},
		{"keys by plain http", func(i *issuertest.Issuer) map[string]any {
			return map[string]any{
				"issuer": i.URL, "jwks_uri": strings.Replace(i.URL, "https:", "http:", 1) + "/.well-known/jwks",
			}
		}},
		{"keys in a file", func(i *issuertest.Issuer) map[string]any {
			return map[string]any{"issuer": i.URL, "jwks_uri": "file:///etc/passwd"}
		}},
		{"keys with a user", func(i *issuertest.Issuer) map[string]any {
			return map[string]any{"issuer": i.URL, "jwks_uri": strings.Replace(i.URL, "//", "//u:p@", 1) + "/.well-known/jwks"}
		}},
		{"no keys", func(i *issuertest.Issuer) map[string]any { return map[string]any{"issuer": i.URL} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			b.issuer.Fail(issuertest.Discovery, issuertest.JSON(c.change(b.issuer)))
			b.unavailable(c.name)
			if n := b.issuer.Counts().Keys; n != 0 {
				t.Errorf("keys were fetched %d times", n)
			}
		})
	}
}

// TestUnusableKeys: keys that may not sign are as if they were not there.
func TestUnusableKeys(t *testing.T) {
	short := weakKey(t)
	for _, c := range []struct {
		name   string
		change map[string]any
		key    *rsa.PrivateKey // nil for the issuer's
	}{
		{"for encryption", map[string]any{"use": "enc"}, nil},
		{"for another algorithm", map[string]any{"alg": "PS256"}, nil},
		{"without an id", map[string]any{"kid": ""}, nil},
		{"of 1024 bits", nil, short},
		{"symmetric", map[string]any{"kty": "oct", "k": "c2VjcmV0"}, nil},
		{"of another type", map[string]any{"kty": "EC"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			id, k := b.issuer.Key()
			if c.key != nil {
				k = c.key
				b.issuer.RotateTo(id, k)
			}
			jwk := issuertest.JWK(id, &k.PublicKey)
			for name, v := range c.change {
				jwk[name] = v
			}
			b.issuer.Fail(issuertest.Keys, issuertest.JSON(map[string]any{"keys": []any{jwk}}))
			b.unavailable("its only key is " + c.name)
		})
	}
}

// weakKey is 1024 bits long, which crypto/rsa makes for tests alone.
func weakKey(t *testing.T) *rsa.PrivateKey {
	t.Setenv("GODEBUG", "rsa1024min=0")
	k, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestTwoKeysOfOneID: the right one of them counts, wherever it stands.
func TestTwoKeysOfOneID(t *testing.T) {
	for _, first := range []bool{true, false} {
		b := newBench(t)
		id, k := b.issuer.Key()
		_, stranger := issuertest.New(t, issuertest.Options{Plain: true}).Key()
		keys := []any{issuertest.JWK(id, &k.PublicKey), issuertest.JWK(id, &stranger.PublicKey)}
		if !first {
			keys[0], keys[1] = keys[1], keys[0]
		}
		b.issuer.Fail(issuertest.Keys, issuertest.JSON(map[string]any{"keys": keys}))
		b.accept("one id, two keys")
	}
}

// TestOneFetch: whoever comes while keys are fetched waits for that fetch.
func TestOneFetch(t *testing.T) {
	b := newBench(t)
	raw := b.token()
	var all sync.WaitGroup
	var good atomic.Int32
	for range 50 {
		all.Go(func() {
			if b.verify(raw) == nil {
				good.Add(1)
			}
		})
	}
	all.Wait()
	if n := b.issuer.Counts(); good.Load() != 50 || n.Keys != 1 {
		t.Errorf("%d of 50 verified, with %d fetches; want all with one", good.Load(), n.Keys)
	}
}
