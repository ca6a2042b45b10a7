package publishers_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"

	"pyindex/internal/publishers/idtoken/issuertest"
)

// claims changes claims of a token that is good otherwise.
func claims(over map[string]any) func(*bench) string {
	return func(b *bench) string { return b.token(over).Reveal() }
}

// claim changes one.
func claim(name string, v any) func(*bench) string { return claims(map[string]any{name: v}) }

// header changes the header of a good token; the signature stays RS256 by the issuer.
func header(name string, v any) func(*bench) string {
	return func(b *bench) string {
		return b.issuer.SignAs(b.issuer.Header(map[string]any{name: v}), b.good())
	}
}

// later changes a time of a good token, in seconds from now.
func later(name string, seconds int64) func(*bench) string {
	return func(b *bench) string { return claim(name, b.clock.Now().Unix()+seconds)(b) }
}

// written replaces text in the JSON of a good token's claims, for what a map cannot hold.
func written(old, new string) func(*bench) string {
	return func(b *bench) string {
		text := asJSON(b.good())
		if !strings.Contains(text, old) {
			b.Fatalf("the claims hold no %s: %s", old, text)
		}
		return b.issuer.SignText(asJSON(b.issuer.Header(nil)), strings.Replace(text, old, new, 1))
	}
}

func (b *bench) good() map[string]any { return b.issuer.Claims(audience, b.clock.Now(), nil) }

func asJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// hmacWithPublicKey is the algorithm confusion: the verifier's public key, which everybody has, as a shared secret.
func hmacWithPublicKey(b *bench) string {
	_, k := b.issuer.Key()
	der, err := x509.MarshalPKIXPublicKey(&k.PublicKey)
	if err != nil {
		b.Fatal(err)
	}
	secret := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	return issuertest.Seal(asJSON(b.issuer.Header(map[string]any{"alg": "HS256"})), asJSON(b.good()),
		func(signed []byte) []byte {
			m := hmac.New(sha256.New, secret)
			m.Write(signed)
			return m.Sum(nil)
		})
}

func ecdsaSigned(b *bench) string {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	return issuertest.Seal(asJSON(b.issuer.Header(map[string]any{"alg": "ES256"})), asJSON(b.good()),
		func(signed []byte) []byte {
			sum := sha256.Sum256(signed)
			r, s, err := ecdsa.Sign(rand.Reader, k, sum[:])
			if err != nil {
				b.Fatal(err)
			}
			return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
		})
}

func edSigned(b *bench) string {
	_, k, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	return issuertest.Seal(asJSON(b.issuer.Header(map[string]any{"alg": "EdDSA"})), asJSON(b.good()),
		func(signed []byte) []byte {
			return ed25519.Sign(k, signed)
		})
}

func pssSigned(alg string) func(*bench) string {
	return func(b *bench) string {
		_, k := b.issuer.Key()
		return issuertest.Seal(asJSON(b.issuer.Header(map[string]any{"alg": alg})), asJSON(b.good()),
			func(signed []byte) []byte {
				sum := sha256.Sum256(signed)
				s, err := rsa.SignPSS(rand.Reader, k, crypto.SHA256, sum[:], nil)
				if err != nil {
					b.Fatal(err)
				}
				return s
			})
	}
}

// otherKey signs with a key of the attacker's under the issuer's key id.
func otherKey(b *bench) string {
	return other(b).SignAs(b.issuer.Header(nil), b.good())
}

// other is an issuer that nobody configured.
func other(b *bench) *issuertest.Issuer { return issuertest.New(b, issuertest.Options{Plain: true}) }

func unsigned(alg any) func(*bench) string {
	return func(b *bench) string {
		return issuertest.Seal(asJSON(b.issuer.Header(map[string]any{"alg": alg})), asJSON(b.good()),
			func([]byte) []byte { return nil })
	}
}

// edited changes the bytes of a good token.
func edited(f func(string) string) func(*bench) string {
	return func(b *bench) string { return f(b.token(nil).Reveal()) }
}

func part(n int, f func(string) string) func(*bench) string {
	return edited(func(s string) string {
		p := strings.Split(s, ".")
		p[n] = f(p[n])
		return strings.Join(p, ".")
	})
}

// flipLast flips the lowest bit of a signature.
func flipLast(s string) string {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		panic(err)
	}
	b[len(b)-1] ^= 1
	return base64.RawURLEncoding.EncodeToString(b)
}

// strayBits writes the same signature with another last letter: 256 bytes leave bits of it unused.
func strayBits(s string) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	i := strings.IndexByte(letters, s[len(s)-1])
	return s[:len(s)-1] + string(letters[i^1])
}

func path(workflow string) string { return "acme/widgets/.github/workflows/" + workflow }
