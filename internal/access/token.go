package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"strings"
	"time"
)

// TokenKind says what a token stands for.
type TokenKind string

// The kinds of token.
const (
	TokenAPI    TokenKind = "api"    // a user's
	TokenMinted TokenKind = "minted" // a trusted workload's, short-lived
)

// Token is a row about an API token. The token itself is known to its bearer alone; Hash is the SHA-256 of it in hex.
type Token struct {
	ID          string
	Kind        TokenKind
	Hash        string
	UserID      string // empty for minted tokens
	Scope       Scope
	Description string
	Limited     bool // good for its projects only
	CreatedAt   time.Time
	ExpiresAt   time.Time // zero for never
	LastUsedAt  time.Time // zero for never; up to a minute late
	RevokedAt   time.Time // zero while it may be used
	Publisher   string    // minted: the sentence of the publisher that it stands for
	Claims      map[string]any
	SingleUse   bool      // minted: good for one upload
	SpentAt     time.Time // of a single-use token: when its upload was made, zero before
}

// TokenProject binds a limited token to a project. PublisherID is set on minted tokens: the binding holds only while
// that publisher is attached to that project.
type TokenProject struct {
	TokenID, ProjectID, PublisherID string
}

// TokenRows keeps tokens. Reads return fault.NotFound for none.
type TokenRows interface {
	ReadRows
	InsertToken(ctx context.Context, t Token) error
	InsertTokenProject(ctx context.Context, b TokenProject) error
	TokenByHash(ctx context.Context, hash string) (Token, error)
	TokenByID(ctx context.Context, id string) (Token, error)
	// TokenProjects returns the project ids that a token is good for now: minted tokens lose those whose publisher is
	// gone.
	TokenProjects(ctx context.Context, tokenID string) ([]string, error)
	// Tokens returns a user's tokens, or everybody's API tokens for "", oldest first, with the names of their projects by
	// token id.
	Tokens(ctx context.Context, userID string) ([]Token, map[string][]string, error)
	// RevokeToken sets the time of revocation where none is set and reports whether it did.
	RevokeToken(ctx context.Context, id string, at time.Time) (bool, error)
	// RevokeTokensOf revokes all API tokens of a user that are not revoked yet and returns how many.
	RevokeTokensOf(ctx context.Context, userID string, at time.Time) (int64, error)
	// TokensExpiring returns the API tokens that are not revoked, end after from and until to, and about which nobody was
	// warned, the one that ends first at the head.
	TokensExpiring(ctx context.Context, from, to time.Time) ([]Token, error)
	// WarnToken notes that the holder of a token was warned, if nobody did before, and reports whether it did.
	WarnToken(ctx context.Context, id string, at time.Time) (bool, error)
	// UnwarnToken takes that back.
	UnwarnToken(ctx context.Context, id string) error
	// TouchTokens sets the last use of each token id.
	TouchTokens(ctx context.Context, used map[string]time.Time) error
	// DeleteTokensExpiredBefore removes minted tokens that ended before t and returns how many.
	DeleteTokensExpiredBefore(ctx context.Context, t time.Time) (int64, error)
}

// TokenPrefix begins every token of an index, so that scanners and people recognise one. It keeps "pypi-" in front,
// because the publish action warns about any other start, and is shorter than what leak scanners report to PyPI.
const TokenPrefix = "pypi-idx_"

const (
	tokenBytes    = 32
	tokenBody     = 43 // 32 bytes in base 62
	tokenChecksum = 6  // CRC-32 in base 62
	alphabet      = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// NewToken returns a fresh token of 256 random bits: prefix, the bits in base 62, and a checksum of both.
func NewToken() Secret {
	var b [tokenBytes]byte
	rand.Read(b[:])
	body := TokenPrefix + base62(b[:], tokenBody)
	return Secret(body + checksum(body))
}

// WellFormed reports whether s has the shape and checksum of a token of some index. It says nothing of its validity.
func WellFormed(s Secret) bool {
	text := s.Reveal()
	if len(text) != len(TokenPrefix)+tokenBody+tokenChecksum || !strings.HasPrefix(text, TokenPrefix) {
		return false
	}
	cut := len(text) - tokenChecksum
	return checksum(text[:cut]) == text[cut:]
}

// HashToken returns what rows keep of a token: its SHA-256 in lower-case hex.
func HashToken(s Secret) string {
	sum := sha256.Sum256([]byte(s.Reveal()))
	return hex.EncodeToString(sum[:])
}

func checksum(body string) string {
	return base62(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(body))), tokenChecksum)
}

// base62 writes the big-endian number n with exactly width digits, and uses n up. It divides by hand, because each
// request that carries a token has its checksum computed.
func base62(n []byte, width int) string {
	const base = len(alphabet)
	out := make([]byte, width)
	for i := width - 1; i >= 0; i-- {
		rest := 0
		for j, b := range n {
			rest = rest<<8 | int(b)
			n[j], rest = byte(rest/base), rest%base
		}
		out[i] = alphabet[rest]
	}
	return string(out)
}
