package page

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"pyindex/internal/packaging"
)

// Check returns an error unless Parse and Merge can have made the page, for this project. It is for records that
// somebody else may have written.
func (p Page) Check(project packaging.ProjectName) error {
	if p.Dropped < 0 || p.StatusReason != Text(p.StatusReason) || p.Status != Text(p.Status) ||
		len(p.Serial) > maxSerial || strings.Trim(p.Serial, "0123456789") != "" {
		return errors.New("the page has a wrong status or serial")
	}
	if !plausible(p.Away) || !plausible(p.Returned) || !p.Away.IsZero() && len(p.Files) > 0 {
		return errors.New("the page has a wrong time")
	}
	r := newReader(nil, project, DefaultBounds())
	for _, files := range [][]File{p.Files, p.Gone} {
		for _, f := range files {
			if err := r.check(f); err != nil {
				return err
			}
		}
	}
	return nil
}

// check returns an error unless the page may have the file, and once.
func (r *reader) check(f File) error {
	wrong := fmt.Errorf("the page has an entry that no upstream can have stated: %.80q", f.Filename)
	same, ok := r.file(entry{
		names: []string{f.Filename}, href: f.URL, sha256: f.SHA256, size: f.Size, uploaded: f.Uploaded,
		requiresPython: f.RequiresPython, yanked: f.Yanked, yankedReason: f.YankedReason,
		metadata: f.Metadata, metadataSHA256: f.MetadataSHA256, provenance: f.Provenance, signed: f.Signed,
	})
	same.FirstSeen, same.LastSeen, same.Changed = f.FirstSeen, f.LastSeen, f.Changed
	changed, isDigest := digest(f.Changed)
	if _, twice := r.known[f.Filename]; !ok || twice || same != f || !isDigest || changed != f.Changed || f.Size < -1 {
		return wrong
	}
	for _, at := range []time.Time{f.Uploaded, f.FirstSeen, f.LastSeen} {
		if !plausible(at) {
			return wrong
		}
	}
	r.known[f.Filename] = len(r.known)
	r.entries++
	r.links += len(f.URL) + len(f.Provenance)
	if r.entries > r.bounds.Files+maxGone || r.links > 2*maxLinks {
		return errors.New("the page is too long")
	}
	return nil
}

func plausible(at time.Time) bool { return at.IsZero() || 1 <= at.Year() && at.Year() <= 9999 }
