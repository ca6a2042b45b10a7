package ingest

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"

	"golang.org/x/crypto/blake2b"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// Digests are a file's digests in lower-case hex. An empty one was not given.
type Digests struct {
	MD5, SHA256, Blake2b256 string
}

// Incoming is an upload in progress. Its content is written once, hashed while it is written, and limited in size;
// memory use does not depend on the size. Discard must be called, also after Publish.
type Incoming struct {
	who        access.Caller
	repository catalog.Repository

	stage  custody.Stage
	limit  int64
	sha    hash.Hash
	blake  hash.Hash
	md5    hash.Hash
	hashes io.Writer
	err    error       // the first error of Write
	failed func(error) // records failures to store content
}

// Begin opens a stage for an upload to a project, or to a project that is not known yet if the name is zero. It returns
// the same faults as Publish for the project: fault.Denied if the caller may not upload to it, and fault.Invalid or
// fault.Conflict if its name is not acceptable. It returns fault.Unauthenticated for an anonymous caller, and
// fault.Denied if the caller may not upload at all, and fault.Unavailable while the index is in the state recovered.
func (x *Intake) Begin(ctx context.Context, who access.Caller, repo string,
	name packaging.ProjectName,
) (*Incoming, error) {
	r, err := x.uploadTarget(ctx, who, repo)
	if err != nil {
		x.count(ctx, Receipt{}, err)
		return nil, err
	}
	in, err := x.begin(ctx, who, r, name)
	if errors.Is(err, catalog.ErrRecovered) {
		return nil, err
	}
	x.failed(ctx, err)
	if err != nil {
		x.count(ctx, Receipt{}, err)
	}
	if err != nil && fault.KindOf(err) != fault.Internal {
		x.refused(ctx, who, r, name.String(), "", err)
	}
	return in, err
}

func (x *Intake) begin(ctx context.Context, who access.Caller, r catalog.Repository,
	name packaging.ProjectName,
) (*Incoming, error) {
	if name.IsZero() || x.policy.Public != nil { // nothing is compared with upstreams in the state recovered
		if err := x.index.CheckUploads(ctx); err != nil {
			return nil, err
		}
	}
	if name.IsZero() {
		return x.stage(ctx, who, r, x.limits)
	}
	compared, err := x.compare(ctx, who, r, name)
	if err != nil {
		return nil, err
	}
	var limits catalog.Limits
	err = x.store.View(ctx, func(tx Tx) error {
		if err := catalog.CheckUploadsIn(ctx, tx); err != nil {
			return err
		}
		p, _, err := x.checkPermission(ctx, tx, who, r, name, compared)
		limits = p.LimitsUnder(x.limits)
		return err
	})
	if err != nil {
		return nil, err
	}
	return x.stage(ctx, who, r, limits)
}

// stage opens a stage for a file of a project with the given limits.
func (x *Intake) stage(ctx context.Context, who access.Caller, r catalog.Repository,
	limits catalog.Limits,
) (*Incoming, error) {
	s, err := x.custody.Stage(ctx)
	if err != nil {
		return nil, err
	}
	blake, err := blake2b.New256(nil)
	if err != nil {
		return nil, err
	}
	in := &Incoming{
		who: who, repository: r, stage: s, limit: limits.FileSize, sha: sha256.New(), blake: blake, md5: md5.New(),
		failed: func(err error) { x.failed(ctx, err) },
	}
	in.hashes = io.MultiWriter(in.sha, in.blake, in.md5)
	return in, nil
}

// Write appends content. It returns fault.TooLarge once the limit is exceeded. After any error the upload cannot be
// published.
func (in *Incoming) Write(p []byte) (int, error) {
	if in.err != nil {
		return 0, in.err
	}
	if in.limit > 0 && in.stage.Size()+int64(len(p)) > in.limit {
		in.err = fault.New(fault.TooLarge, "File too large: files of up to %s are taken here", catalog.SizeText(in.limit))
		return 0, in.err
	}
	n, err := in.stage.Write(p)
	in.hashes.Write(p[:n])
	in.err = err
	if err != nil {
		in.failed(err)
	}
	return n, err
}

// Content returns the content written so far, until Discard.
func (in *Incoming) Content() io.ReaderAt { return in.stage }

// Size returns the number of bytes written so far.
func (in *Incoming) Size() int64 { return in.stage.Size() }

// Digests returns the digests of the content written so far.
func (in *Incoming) Digests() Digests {
	text := func(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }
	return Digests{MD5: text(in.md5), SHA256: text(in.sha), Blake2b256: text(in.blake)}
}

// Discard frees the stage. It may be called at any time and more than once.
func (in *Incoming) Discard() error { return in.stage.Discard() }
