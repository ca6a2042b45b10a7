package leakapi

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"net/http"
)

// The headers of a report. The name of the key is asked for and not looked at: it is not signed, and every key that the
// operator configured is as good as another.
const (
	keyHeader       = "Github-Public-Key-Identifier"
	signatureHeader = "Github-Public-Key-Signature"
)

// maxSignature bounds the signature's header; one of P-256 is 72 bytes, in base 64 some hundred.
const maxSignature = 200

// ParseKeys reads the public keys of a PEM file. The error says why it cannot be used: every block has to be a public
// key on the curve P-256, and there has to be one.
func ParseKeys(text []byte) ([]*ecdsa.PublicKey, error) {
	var keys []*ecdsa.PublicKey
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		key, err := parseKey(block)
		if err != nil {
			return nil, err
		}
		keys, text = append(keys, key), rest
	}
	if len(keys) == 0 || len(bytes.TrimSpace(text)) > 0 {
		return nil, errors.New("not public keys in PEM and nothing else")
	}
	return keys, nil
}

func parseKey(block *pem.Block) (*ecdsa.PublicKey, error) {
	if block.Type != "PUBLIC KEY" {
		return nil, errors.New("holds a " + block.Type + ", and a PUBLIC KEY is needed")
	}
	any, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	key, ok := any.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, errors.New("holds a key that is not ECDSA on the curve P-256")
	}
	return key, nil
}

// signatureOf returns the signature of a report, and whether the report is signed at all.
func signatureOf(h http.Header) (string, bool) {
	names, signatures := h.Values(keyHeader), h.Values(signatureHeader)
	if len(names) != 1 || names[0] == "" || len(signatures) != 1 || signatures[0] == "" {
		return "", false
	}
	return signatures[0], true
}

// signedBy reports whether one of the keys signed the SHA-256 of body; the signature is ASN.1 in base 64.
func signedBy(keys []*ecdsa.PublicKey, body []byte, signature string) bool {
	if len(signature) > maxSignature {
		return false
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(signature)
	if err != nil {
		return false
	}
	sum := sha256.Sum256(body)
	for _, k := range keys {
		if ecdsa.VerifyASN1(k, sum[:], raw) {
			return true
		}
	}
	return false
}
