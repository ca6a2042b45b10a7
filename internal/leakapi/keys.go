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

// The headers of a report. The key's name is required but ignored: it is not signed, and all configured keys are
// equivalent.
const (
	keyHeader       = "Github-Public-Key-Identifier"
	signatureHeader = "Github-Public-Key-Signature"
)

// maxSignature limits the signature header. A P-256 signature has 72 bytes, and about a hundred in base64.
const maxSignature = 200

// ParseKeys parses a PEM file of public keys. It returns an error that gives the reason if the file is empty or
// contains anything but public keys on the curve P-256.
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

// signatureOf returns the signature of a report, and whether the report is signed.
func signatureOf(h http.Header) (string, bool) {
	names, signatures := h.Values(keyHeader), h.Values(signatureHeader)
	if len(names) != 1 || names[0] == "" || len(signatures) != 1 || signatures[0] == "" {
		return "", false
	}
	return signatures[0], true
}

// signedBy reports whether one of the keys signed the SHA-256 hash of body. The signature is ASN.1 in base64.
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
