package browse

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/singleflight"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/memo"
	"pyindex/internal/packaging"
	"pyindex/internal/packaging/archive"
)

// Basis is the kind of evidence that a comparison of archive members rests on.
type Basis string

// The zero Basis means that the members are unknown.
const (
	MembersRead    Basis = "read"     // every member was read
	MembersClaimed Basis = "declared" // checksums and hashes that the wheels declare, because they are too large to read
	MembersNamed   Basis = "named"    // only the names of the members are known
)

// Inside compares the members of one file of each release.
type Inside struct {
	From, To string   // file names, "" if the releases have no files of the same kind
	Others   []string // other files of the later release that have a counterpart in the earlier one
	Basis    Basis
	Why      string // reason why Basis is not MembersRead
	Members  Change // with * in place of the version in folder names, at most MaxMembers in each list
	Same     int    // members that are equal
}

// MaxMembers is how many removed, added and changed members a comparison names.
const MaxMembers = 300

// Limits on reading archives for comparisons.
const (
	maxCompared     = 8 << 20  // bytes of cached comparisons
	comparedAtOnce  = 2        // comparisons made at the same time
	maxDigests      = 16 << 20 // bytes of cached digests
	digestsAtOnce   = 2        // archives read at the same time
	maxDigestWait   = 5 * time.Second
	weightOfDigests = 96 // bytes of a digest in the cache, beside its name
)

// digests caches the member digests of files by file ID. A file never changes, so entries need no invalidation.
type digests struct {
	places chan struct{}
	ready  *memo.Weighted[string, archive.Digests]
}

func newDigests() *digests {
	return &digests{
		places: make(chan struct{}, digestsAtOnce),
		ready: memo.NewWeighted(maxDigests, func(id string, d archive.Digests) int64 {
			n := int64(len(id) + weightOfDigests)
			for name := range d {
				n += int64(len(name) + weightOfDigests)
			}
			return n
		}),
	}
}

// comparisons caches comparisons of two files by their ids. A file never changes, so entries need no invalidation.
type comparisons struct {
	places  chan struct{}
	flights singleflight.Group
	ready   *memo.Weighted[string, Inside]
}

func newComparisons() *comparisons {
	return &comparisons{
		places: make(chan struct{}, comparedAtOnce),
		ready: memo.NewWeighted(maxCompared, func(key string, in Inside) int64 {
			n := len(key) + len(in.From) + len(in.To) + weightOfDigests
			for _, list := range [][]string{in.Members.Removed, in.Members.Added, in.Members.Changed} {
				for _, name := range list {
					n += len(name) + weightOfDigests
				}
			}
			return int64(n)
		}),
	}
}

// inside compares the members of two files. Concurrent calls for the same files share one comparison. The lists of the
// result are shared and must not be modified.
func (x *Browser) inside(ctx context.Context, who access.Caller, c Comparison, f, g catalog.File) (Inside, error) {
	if f.SHA256 == g.SHA256 {
		return Inside{From: f.Filename, To: g.Filename, Basis: MembersRead}, nil
	}
	key := f.ID + " " + g.ID
	if in, ok := x.comparisons.ready.Get(memo.Stamp{}, key); ok {
		return in, nil
	}
	made := x.comparisons.flights.DoChan(key, func() (any, error) {
		if in, ok := x.comparisons.ready.Get(memo.Stamp{}, key); ok {
			return in, nil
		}
		in, lasting, err := x.compareFiles(context.WithoutCancel(ctx), who, c, f, g)
		if in.Members.bound(); err == nil && lasting {
			x.comparisons.ready.Put(memo.Stamp{}, key, in)
		}
		return in, err
	})
	select {
	case r := <-made:
		return r.Val.(Inside), r.Err
	case <-ctx.Done():
		return Inside{From: f.Filename, To: g.Filename}, ctx.Err()
	}
}

// compareFiles compares the members of two files. The result is lasting if it does not depend on how busy the server
// is.
func (x *Browser) compareFiles(ctx context.Context, who access.Caller, c Comparison, f, g catalog.File,
) (in Inside, lasting bool, err error) {
	in, lasting = Inside{From: f.Filename, To: g.Filename}, true
	wait := time.NewTimer(maxDigestWait)
	defer wait.Stop()
	select {
	case x.comparisons.places <- struct{}{}:
		defer func() { <-x.comparisons.places }()
	case <-wait.C:
		in.Why = reason(context.DeadlineExceeded)
		return in, false, nil
	}
	for _, b := range []Basis{MembersRead, MembersClaimed} {
		before, err := x.digestsOf(ctx, who, c.Project, f, b)
		var after archive.Digests
		if err == nil {
			after, err = x.digestsOf(ctx, who, c.Project, g, b)
		}
		if err == nil {
			in.Basis = b
			in.compare(withoutVersions(before, c.spelled(f), f), withoutVersions(after, c.spelled(g), g))
			return in, lasting, nil
		}
		lasting = lasting && fault.Is(err, fault.TooLarge)
		in.Why = cmp.Or(in.Why, reason(err))
	}
	return in, lasting, x.byName(ctx, &in, c, f, g)
}

// bound cuts the lists to MaxMembers values, and copies these, so that they keep no longer text in memory.
func (c *Change) bound() {
	cut := func(all []string) ([]string, int) {
		kept := make([]string, min(len(all), MaxMembers))
		for i := range kept {
			kept[i] = strings.Clone(all[i])
		}
		return kept, len(all) - len(kept)
	}
	c.Removed, c.More.Removed = cut(c.Removed)
	c.Added, c.More.Added = cut(c.Added)
	c.Changed, c.More.Changed = cut(c.Changed)
}

// reason returns the sentence for readers about why the content of a file was not compared.
func reason(err error) string {
	switch {
	case fault.Is(err, fault.TooLarge):
		return "The files are too large to read every member."
	case errors.Is(err, context.DeadlineExceeded):
		return "Reading the files takes too long right now."
	}
	return "A file cannot be read right now."
}

// digestsOf returns the digests of a file's members. It returns an error that matches context.DeadlineExceeded if
// reading takes too long.
func (x *Browser) digestsOf(ctx context.Context, who access.Caller, p catalog.Project, f catalog.File,
	b Basis,
) (archive.Digests, error) {
	key := string(b) + " " + f.ID
	if d, ok := x.digests.ready.Get(memo.Stamp{}, key); ok {
		return d, nil
	}
	lim := archive.DefaultDigestLimits()
	if b == MembersRead && f.Size > lim.Size {
		return nil, fault.New(fault.TooLarge, "the archive is too large to read")
	}
	name, err := packaging.ParseFilename(f.Filename, p.Name)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, maxDigestWait)
	defer cancel()
	select {
	case x.digests.places <- struct{}{}:
		defer func() { <-x.digests.places }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	blob, size, err := x.index.Open(ctx, who, p.Repository.Name, f.SHA256, f.Filename, catalog.Bytes)
	if err != nil {
		return nil, err
	}
	defer func() { _ = blob.Close() }()
	read := archive.ReadDigests
	if b == MembersClaimed {
		read = archive.ClaimedDigests
	}
	d, err := read(ctx, blob, size, name, lim)
	if err == nil {
		x.digests.ready.Put(memo.Stamp{}, key, d)
	}
	return d, err
}

// compare fills in the difference. METADATA, PKG-INFO and RECORD differ in every release and are left out.
func (in *Inside) compare(before, after archive.Digests) {
	for name := range before {
		_, ok := after[name]
		switch {
		case !ok:
			in.Members.Removed = append(in.Members.Removed, name)
		case before[name] == after[name]:
			in.Same++
		case !alwaysDiffers(name):
			in.Members.Changed = append(in.Members.Changed, name)
		}
	}
	in.Members.Added = lacking(slices.Collect(maps.Keys(after)), slices.Collect(maps.Keys(before)))
	slices.Sort(in.Members.Removed)
	slices.Sort(in.Members.Changed)
}

func alwaysDiffers(name string) bool {
	dir, base := path.Split(name)
	if base == "PKG-INFO" {
		return true
	}
	return strings.HasSuffix(dir, ".dist-info/") && strings.Count(dir, "/") == 1 &&
		(base == "METADATA" || base == "RECORD")
}

// byName compares the names that were stored on upload.
func (x *Browser) byName(ctx context.Context, in *Inside, c Comparison, f, g catalog.File) error {
	return x.store.View(ctx, func(tx Tx) error {
		m, err := tx.Members(ctx, f.ID)
		n, err2 := tx.Members(ctx, g.ID)
		if fault.Is(err, fault.NotFound) || fault.Is(err2, fault.NotFound) {
			return nil
		}
		if err != nil || err2 != nil {
			return cmp.Or(err, err2)
		}
		in.Basis = MembersNamed
		before, after := membersWithout(m.Names, c.spelled(f), f), membersWithout(n.Names, c.spelled(g), g)
		in.Members = changed(before, after)
		return nil
	})
}

// withoutVersions is membersWithout for digests.
func withoutVersions(d archive.Digests, version string, f catalog.File) archive.Digests {
	names := slices.Collect(maps.Keys(d))
	out := make(archive.Digests, len(d))
	for i, name := range membersWithout(names, version, f) {
		out[name] = d[names[i]]
	}
	return out
}
