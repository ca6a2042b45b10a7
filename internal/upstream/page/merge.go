package page

import (
	"cmp"
	"slices"
	"time"
)

// maxGone is the largest number of files in Page.Gone. The ones that left last are kept.
const maxGone = 10_000

// Merge returns the page that is kept when an upstream answers next while old is held. Call it with the zero page as
// old for the first answer, and with the zero page as next if the upstream no longer has the project. now is when next
// was fetched.
//
// The first digest of a file name stays: if next states another one, the fields of the old file are kept and Changed is
// the digest that was refused, until the upstream states the old one again or the file is forgotten. A file that next
// does not list moves to Gone, which counts as old when it returns.
func Merge(old, next Page, now time.Time) Page {
	next.Files = slices.Clone(next.Files)
	return MergeOwned(old, next, now)
}

// MergeOwned is Merge without a copy of a large page: the result takes over the files of next, which the caller must
// not use afterwards.
func MergeOwned(old, next Page, now time.Time) Page {
	now = now.UTC().Truncate(time.Microsecond)
	held := make(map[string]File, len(old.Files)+len(old.Gone))
	for _, f := range old.Gone {
		held[f.Filename] = f
	}
	for _, f := range old.Files {
		held[f.Filename] = f
	}
	merged := next
	for i, f := range merged.Files {
		was, known := held[f.Filename]
		delete(held, f.Filename)
		merged.Files[i] = mergeFile(was, known, f, now)
	}
	merged.Gone = nil
	for _, f := range held {
		if f.LastSeen.IsZero() {
			f.LastSeen = now
		}
		merged.Gone = append(merged.Gone, f)
	}
	slices.SortFunc(merged.Gone, func(a, b File) int {
		return cmp.Or(b.LastSeen.Compare(a.LastSeen), cmp.Compare(a.Filename, b.Filename))
	})
	merged.Gone = merged.Gone[:min(len(merged.Gone), maxGone)]
	return merged
}

// mergeFile returns the file to keep of what is held, if known, and what the upstream states now.
func mergeFile(was File, known bool, f File, now time.Time) File {
	f.FirstSeen, f.LastSeen, f.Changed = now, time.Time{}, ""
	if !known {
		return f
	}
	if was.SHA256 != "" && f.SHA256 != "" && was.SHA256 != f.SHA256 {
		was.Changed, was.LastSeen = f.SHA256, time.Time{}
		if f.Yanked && !was.Yanked {
			was.Yanked, was.YankedReason = true, f.YankedReason
		}
		return was
	}
	if f.SHA256 == "" {
		f.SHA256 = was.SHA256
	}
	// Without a digest, a file that was away may have other content.
	if was.LastSeen.IsZero() || f.SHA256 != "" {
		f.FirstSeen = was.FirstSeen
	}
	return f
}

// Forget returns the page without any memory of a file, so that the next Merge takes what the upstream states then.
func (p Page) Forget(filename string) Page {
	named := func(f File) bool { return f.Filename == filename }
	p.Files = slices.DeleteFunc(slices.Clone(p.Files), named)
	p.Gone = slices.DeleteFunc(slices.Clone(p.Gone), named)
	return p
}
