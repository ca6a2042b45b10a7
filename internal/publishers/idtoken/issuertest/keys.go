package issuertest

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"math/big"
	"net/http"
	"sync"
)

// key is a signing key and the id under which it is published.
type key struct {
	id string
	*rsa.PrivateKey
}

// spare holds the keys of closed issuers for reuse, because generating a key takes a good part of a second. Two running
// issuers never share a key.
var spare struct {
	sync.Mutex
	keys []*rsa.PrivateKey
}

func takeKey() *rsa.PrivateKey {
	spare.Lock()
	defer spare.Unlock()
	if n := len(spare.keys); n > 0 {
		k := spare.keys[n-1]
		spare.keys = spare.keys[:n-1]
		return k
	}
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err) // only a broken machine has no randomness
	}
	return k
}

func giveBack(keys []*rsa.PrivateKey) {
	spare.Lock()
	defer spare.Unlock()
	spare.keys = append(spare.keys, keys...)
}

// Rotate creates a signing key and returns its id. The old keys stay published if keep is true.
func (i *Issuer) Rotate(keep bool) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	k := key{fmt.Sprintf("key-%d", len(i.taken)), takeKey()}
	i.taken = append(i.taken, k.PrivateKey)
	if !keep {
		i.keys = nil
	}
	i.keys = append(i.keys, k)
	return k.id
}

// RotateTo publishes k as the only key, under an id, and signs with it.
func (i *Issuer) RotateTo(id string, k *rsa.PrivateKey) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = []key{{id, k}}
}

// Key returns the signing key and its id.
func (i *Issuer) Key() (id string, k *rsa.PrivateKey) {
	i.mu.Lock()
	defer i.mu.Unlock()
	last := i.keys[len(i.keys)-1]
	return last.id, last.PrivateKey
}

// JWK returns a public key in the format of a key set.
func JWK(id string, k *rsa.PublicKey) map[string]any {
	return map[string]any{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": id,
		"n": b64(k.N.Bytes()), "e": b64(big.NewInt(int64(k.E)).Bytes()),
	}
}

func (i *Issuer) jwks(w http.ResponseWriter, _ *http.Request) {
	i.mu.Lock()
	list := []any{map[string]any{"kty": "OKP", "crv": "Ed448", "kid": "unusable", "x": "AA"}}
	for _, k := range i.keys {
		list = append(list, JWK(k.id, &k.PublicKey))
	}
	i.mu.Unlock()
	answer(w, map[string]any{"keys": list})
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
