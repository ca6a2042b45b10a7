package idtoken

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"pyindex/internal/strictjson"
	"pyindex/internal/workload"
)

// MaxToken bounds an identity token, in bytes. GitHub's have about 2,000.
const MaxToken = 16 << 10

// token is a JWS in compact form (RFC 7515, section 7.1) that was read and not yet believed.
type token struct {
	header  map[string]any
	claims  workload.Claims
	payload []byte
}

// encoding has one spelling for each value: RFC 4648's for URLs, no padding, no stray bits. Unlike the decoders of most
// JWT libraries it takes no white space, which encoding/base64 alone would.
var encoding = base64.RawURLEncoding.Strict()

// parse reads a token. Its length is bounded before anything is split.
func parse(raw string) (token, error) {
	if len(raw) > MaxToken {
		return token{}, fmt.Errorf("it is longer than %d bytes", MaxToken)
	}
	if strings.Count(raw, ".") != 2 {
		return token{}, errors.New("it is not three parts with dots between")
	}
	part := strings.Split(raw, ".")
	header, _, err := object(part[0])
	if err != nil {
		return token{}, fmt.Errorf("its header is %w", err)
	}
	claims, payload, err := object(part[1])
	if err != nil {
		return token{}, fmt.Errorf("its payload is %w", err)
	}
	if _, err := decode(part[2]); err != nil {
		return token{}, fmt.Errorf("its signature is %w", err)
	}
	return token{header: header, claims: claims, payload: payload}, nil
}

func object(part string) (map[string]any, []byte, error) {
	b, err := decode(part)
	if err != nil {
		return nil, nil, err
	}
	o, err := strictjson.Object(b)
	if err != nil {
		return nil, nil, fmt.Errorf("not usable: %w", err)
	}
	return o, b, nil
}

func decode(part string) ([]byte, error) {
	if strings.ContainsAny(part, "\r\n") {
		return nil, errors.New("not base64url")
	}
	b, err := encoding.DecodeString(part)
	if err != nil {
		return nil, errors.New("not base64url")
	}
	return b, nil
}
