package ingest

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"

	"golang.org/x/crypto/blake2b"

	"pyindex/internal/access"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// Digests are a file's digests in lower-case hex; an empty one was not said.
type Digests struct {
	MD5, SHA256, Blake2b256 string
}

// Incoming is bytes on their way in: written once, hashed on the way, bounded by the file size limit.
// Memory does not depend on how much is written. Discard must be called, also after Publish.
type Incoming struct {
	stage  custody.Stage
	limit  int64
	sha    hash.Hash
	blake  hash.Hash
	md5    hash.Hash
	hashes io.Writer
	failed error
	ours   func(error) // is told of failures to keep bytes
}

// Stage begins an upload to a project, the zero name where it is not known yet: a private place for the bytes.
// fault.Unauthenticated for nobody, fault.Denied for who may upload nothing at all.
func (x *Intake) Stage(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName) (*Incoming, error) {
	if _, err := x.uploadTarget(ctx, who, repo); err != nil {
		return nil, err
	}
	limit, err := x.fileLimit(ctx, who, repo, name)
	if err != nil {
		return nil, err
	}
	s, err := x.custody.Stage(ctx)
	if err != nil {
		x.failed(ctx, err)
		return nil, err
	}
	blake, err := blake2b.New256(nil)
	if err != nil {
		return nil, err
	}
	in := &Incoming{stage: s, limit: limit, sha: sha256.New(), blake: blake, md5: md5.New(), ours: func(err error) { x.failed(ctx, err) }}
	in.hashes = io.MultiWriter(in.sha, in.blake, in.md5)
	return in, nil
}

// fileLimit is how large a file of a project may be, in bytes, 0 for no bound. The limits of a project that the caller
// may not see are those of none.
func (x *Intake) fileLimit(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName) (int64, error) {
	if name.IsZero() {
		return x.limits.FileSize, nil
	}
	p, err := x.index.Project(ctx, who, repo, name)
	if fault.Is(err, fault.NotFound) {
		return x.limits.FileSize, nil
	}
	return p.LimitsUnder(x.limits).FileSize, err
}

// Write adds bytes. fault.TooLarge once the limit is passed; after any error the upload cannot be published.
func (in *Incoming) Write(p []byte) (int, error) {
	if in.failed != nil {
		return 0, in.failed
	}
	if in.limit > 0 && in.stage.Size()+int64(len(p)) > in.limit {
		in.failed = fault.New(fault.TooLarge, "File too large: files of up to %s are taken here", bytesText(in.limit))
		return 0, in.failed
	}
	n, err := in.stage.Write(p)
	in.hashes.Write(p[:n])
	in.failed = err
	if err != nil {
		in.ours(err)
	}
	return n, err
}

// Size returns how many bytes were written.
func (in *Incoming) Size() int64 { return in.stage.Size() }

// Digests returns the digests of what was written so far.
func (in *Incoming) Digests() Digests {
	text := func(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }
	return Digests{MD5: text(in.md5), SHA256: text(in.sha), Blake2b256: text(in.blake)}
}

// Discard frees the place; it may be called at any time and more than once.
func (in *Incoming) Discard() error { return in.stage.Discard() }

// check compares what the client said of the bytes with the bytes.
func (d Digests) check(got Digests) error {
	if d == (Digests{}) {
		return fault.New(fault.Invalid, "the upload states no digest: send sha256_digest, blake2_256_digest or md5_digest")
	}
	for _, c := range []struct{ name, want, got string }{
		{"sha256", d.SHA256, got.SHA256}, {"blake2_256", d.Blake2b256, got.Blake2b256}, {"md5", d.MD5, got.MD5},
	} {
		if c.want != "" && c.want != c.got {
			return fault.New(fault.Invalid, "the %s digest is %s, but the upload states %s: the file changed on its way, send it again", c.name, c.got, c.want)
		}
	}
	return nil
}
