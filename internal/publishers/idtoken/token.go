package idtoken

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"pyindex/internal/strictjson"
	"pyindex/internal/workload"
)

// MaxToken is the size limit of an identity token, in bytes. GitHub's have about 2,000.
const MaxToken = 16 << 10

// token is a parsed JWS in compact form (RFC 7515, section 7.1) that is not verified yet.
type token struct {
	header  map[string]any
	claims  workload.Claims
	payload []byte
}

// encoding is RFC 4648's encoding for URLs without padding. Strict rejects non-canonical trailing bits. decode also
// rejects line breaks, which encoding/base64 would ignore.
var encoding = base64.RawURLEncoding.Strict()

// parse parses a token. It checks the length before splitting the token.
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
