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

// TokenKind is the kind of a token.
type TokenKind string

// The kinds of token.
const (
	TokenAPI    TokenKind = "api"    // of a user
	TokenMinted TokenKind = "minted" // of a trusted workload, short-lived
)

// Token is the row of a token. Only the bearer has the token itself; Hash is its SHA-256 in hex.
type Token struct {
	ID          string
	Kind        TokenKind
	Hash        string
	UserID      string // empty for minted tokens
	Scope       Scope
	Description string
	Limited     bool // restricted to its projects
	CreatedAt   time.Time
	ExpiresAt   time.Time // zero if it does not expire
	LastUsedAt  time.Time // zero if it was never used; up to a minute late
	RevokedAt   time.Time // zero unless it was revoked
	Publisher   string    // minted: description of its publisher
	Claims      map[string]any
	SingleUse   bool      // minted: can be used for one upload
	SpentAt     time.Time // when a single-use token was used, or zero
	CreatedBy   string    // id of the user who created it for a service account, or ""
	ReplacedBy  string    // id of the token that replaced it, or ""
}

// TokenProject binds a limited token to a project. PublisherID is set on minted tokens: the binding is valid only while
// that publisher is attached to that project.
type TokenProject struct {
	TokenID, ProjectID, PublisherID string
}

// TokenRows stores tokens. Reads of a single token return fault.NotFound if it does not exist.
type TokenRows interface {
	ReadRows
	NameRows
	InsertToken(ctx context.Context, t Token) error
	InsertTokenProject(ctx context.Context, b TokenProject) error
	TokenByHash(ctx context.Context, hash string) (Token, error)
	TokenByID(ctx context.Context, id string) (Token, error)
	// TokenProjects returns the ids of the projects that a token allows now. A minted token loses a project if its
	// publisher was removed.
	TokenProjects(ctx context.Context, tokenID string) ([]string, error)
	// Tokens returns a user's tokens, or the API tokens of all users if userID is "", oldest first, with the names of
	// their projects by token id.
	Tokens(ctx context.Context, userID string) ([]Token, map[string][]string, error)
	// RevokeToken sets the time of revocation unless it is set already, and reports whether it did.
	RevokeToken(ctx context.Context, id string, at time.Time) (bool, error)
	// RevokeTokensOf revokes all of a user's API tokens that are not revoked yet and returns how many.
	RevokeTokensOf(ctx context.Context, userID string, at time.Time) (int64, error)
	// ReplaceToken records that the token by replaces an API token, which ends at the time until at the latest, or at
	// once if until is not after at. It reports false if the token was replaced or revoked before.
	ReplaceToken(ctx context.Context, id, by string, at, until time.Time) (bool, error)
	// TokensCreatedBy returns the unrevoked API tokens that a user created for service accounts, oldest first.
	TokensCreatedBy(ctx context.Context, userID string) ([]Token, error)
	// TokensExpiring returns the API tokens, neither revoked nor warned about, that expire after from and until to, the
	// earliest first.
	TokensExpiring(ctx context.Context, from, to time.Time) ([]Token, error)
	// WarnToken records that the holder of a token was warned, and reports false if that was recorded before.
	WarnToken(ctx context.Context, id string, at time.Time) (bool, error)
	// UnwarnToken undoes WarnToken.
	UnwarnToken(ctx context.Context, id string) error
	// TouchTokens sets the last use of each token id.
	TouchTokens(ctx context.Context, used map[string]time.Time) error
	// DeleteTokensExpiredBefore deletes minted tokens that expired before t and returns how many.
	DeleteTokensExpiredBefore(ctx context.Context, t time.Time) (int64, error)
}

// TokenPrefix begins every token of an index, so that scanners and people recognize it. It starts with "pypi-", because
// the publish action warns about any other prefix. Tokens are shorter than those that leak scanners report to PyPI.
const TokenPrefix = "pypi-idx_"

const (
	tokenBytes    = 32
	tokenBody     = 43 // 32 bytes in base 62
	tokenChecksum = 6  // CRC-32 in base 62
	alphabet      = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// NewToken returns a new token of 256 random bits: the prefix, the bits in base 62, and a checksum of both.
func NewToken() Secret {
	var b [tokenBytes]byte
	rand.Read(b[:])
	body := TokenPrefix + base62(b[:], tokenBody)
	return Secret(body + checksum(body))
}

// WellFormed reports whether s has the shape and checksum of a token. It does not check whether the token is valid.
func WellFormed(s Secret) bool {
	text := s.Reveal()
	if len(text) != len(TokenPrefix)+tokenBody+tokenChecksum || !strings.HasPrefix(text, TokenPrefix) {
		return false
	}
	cut := len(text) - tokenChecksum
	return checksum(text[:cut]) == text[cut:]
}

// HashToken returns the SHA-256 of a token in lower-case hex, as rows store it.
func HashToken(s Secret) string {
	sum := sha256.Sum256([]byte(s.Reveal()))
	return hex.EncodeToString(sum[:])
}

func checksum(body string) string {
	return base62(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(body))), tokenChecksum)
}

// base62 formats the big-endian number n with exactly width digits, and overwrites n. It divides by hand for speed,
// because every request with a token computes a checksum.
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
