package resolve

import (
	"context"
	"hash/fnv"
	"strconv"
	"sync"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/memo"
	"pyindex/internal/packaging"
)

// ListView is the list of the projects that one caller may read through a repository.
type ListView struct {
	opened
	Whole   bool   // every caller with this set, At and Variant may share one rendering
	Variant string // distinguishes lists with the same At, by the names of upstreams that were seen

	seen []packaging.ProjectName // that upstreams answered
}

// ListView returns the state of a list. It returns fault.NotFound or fault.Unauthenticated if the caller may not open
// the repository.
func (x *Reader) ListView(ctx context.Context, who access.Caller, repo string) (ListView, error) {
	o, err := x.open(ctx, who, repo)
	if err != nil {
		return ListView{}, err
	}
	v := ListView{opened: o, Whole: true}
	upstreams, withheld := false, false
	for _, s := range v.chain {
		if s.Upstream == "" {
			v.Whole = v.Whole && who.May(access.Reader, s.Repository.Object())
		}
		if s.Upstream == "" || withheld {
			continue
		}
		readable, err := x.mayReadFrom(ctx, who, o, s.Upstream)
		if err != nil {
			return v, err
		}
		upstreams, withheld = true, !readable
	}
	if upstreams && !withheld && x.o.Upstreams != nil && mayReadUpstream(who, o.Repository) {
		if v.seen, v.Variant, err = x.seen.of(ctx, x.index, o.At, o.Repository.ID); err != nil {
			return v, err
		}
	}
	return v, nil
}

// Listing returns the projects of a list, by normal name: own ones, of the first repository that has the name, and
// those that an upstream answered before.
func (x *Reader) Listing(ctx context.Context, who access.Caller, v ListView) (catalog.Listing, error) {
	out := catalog.Listing{Repository: v.Repository, Serial: v.At.Value, Epoch: v.At.Epoch}
	key := combinedKey{v.Repository.ID, v.Variant != ""}
	last, at, _ := x.combined.Last(key)
	if v.Whole && at == v.At && last.variant == v.Variant && last.roll != nil {
		out.Roll = last.roll
		return out, nil
	}
	var from []catalog.Readable
	for _, s := range v.chain {
		if s.Upstream != "" {
			continue
		}
		readable, err := x.index.ListedAt(ctx, who, v.At, s.Repository)
		if err != nil {
			return out, err
		}
		from = append(from, readable)
	}
	if !v.Whole {
		last.roll = nil // has little in common with that of another caller
	}
	out.Roll = catalog.Combine(last.roll, from, v.seen)
	if v.Whole && len(v.chain) > 1 {
		x.combined.Put(v.At, key, combined{v.Variant, out.Roll})
	}
	return out, nil
}

// combined is a list through a repository with bases, for everyone who may read all of it. combinedKey is its key:
// whether it has names of upstreams belongs to it.
type (
	combined struct {
		variant string
		roll    *catalog.Roll
	}
	combinedKey struct {
		repositoryID string
		upstreams    bool
	}
)

// maxCombined limits the memory of combined lists, in bytes. They share most of it with the lists of the bases.
const maxCombined = 64 << 20

// seenFor is how long the list shows no names that upstreams answered meanwhile.
const seenFor = time.Minute

// seen caches the names that upstreams answered, by repository id.
type seen struct {
	mu    sync.Mutex
	names map[string]seenNames
}

type seenNames struct {
	at      memo.Stamp
	read    time.Time
	names   []packaging.ProjectName
	variant string
}

func (s *seen) of(ctx context.Context, x *catalog.Index, at memo.Stamp,
	repositoryID string,
) ([]packaging.ProjectName, string, error) {
	s.mu.Lock()
	held, ok := s.names[repositoryID]
	s.mu.Unlock()
	if ok && held.at == at && time.Since(held.read) < seenFor {
		return held.names, held.variant, nil
	}
	names, err := x.SeenNames(ctx, repositoryID)
	if err != nil {
		return nil, "", err
	}
	sum := fnv.New64a()
	for _, n := range names {
		_, _ = sum.Write([]byte(n.String() + "\n"))
	}
	held = seenNames{at, time.Now(), names, strconv.FormatUint(sum.Sum64(), 36)}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.names == nil {
		s.names = map[string]seenNames{}
	}
	s.names[repositoryID] = held
	return held.names, held.variant, nil
}
