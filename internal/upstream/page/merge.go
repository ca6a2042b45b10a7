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
	merged.Away, merged.Returned = old.settle(next, now)
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

// Leave returns the page that is kept when an upstream answers that it does not have the project: all files are in
// Gone, and Away is set.
func Leave(old Page, now time.Time) Page {
	p := MergeOwned(old, Page{}, now)
	if p.Away.IsZero() {
		p.Away = now.UTC().Truncate(time.Microsecond)
	}
	return p
}

// Left returns what must be remembered of the files that left the page, and whether there is anything.
func (p Page) Left() (Page, bool) {
	left := Page{Gone: p.Gone, Away: p.Away, Returned: p.Returned}
	return left, len(p.Gone) > 0 || !p.Away.IsZero() || !p.Returned.IsZero()
}

// SameLeft reports whether Left of both pages is the same.
func (p Page) SameLeft(other Page) bool {
	return p.Away.Equal(other.Away) && p.Returned.Equal(other.Returned) &&
		slices.EqualFunc(p.Gone, other.Gone, func(a, b File) bool {
			return a.Filename == b.Filename && a.SHA256 == b.SHA256 && a.LastSeen.Equal(b.LastSeen)
		})
}

// settle returns Away and Returned of the page that is kept when next follows.
func (p *Page) settle(next Page, now time.Time) (away, returned time.Time) {
	returned = p.Returned
	if len(next.Files) == 0 {
		return p.Away, returned
	}
	back, original := p.lists(next)
	switch {
	case !p.Away.IsZero() && !back && len(p.Files)+len(p.Gone) > 0:
		returned = now
	case original:
		returned = time.Time{}
	}
	if returned.IsZero() {
		returned = next.Returned // as another index has noticed
	}
	return time.Time{}, returned
}

// lists reports whether next lists a file that the page lists or listed, and whether that was one from before the
// project returned.
func (p *Page) lists(next Page) (back, original bool) {
	if p.Away.IsZero() && p.Returned.IsZero() {
		return true, true // the usual case
	}
	return p.common(next)
}

func (p *Page) common(next Page) (back, original bool) {
	byDigest, byName := make(map[string]*File), make(map[string]*File)
	for _, files := range [][]File{p.Files, p.Gone} {
		for i := range files {
			f := &files[i]
			byName[f.Filename] = f
			if f.SHA256 == "" {
				continue
			}
			if was := byDigest[f.SHA256]; was == nil || f.FirstSeen.Before(was.FirstSeen) {
				byDigest[f.SHA256] = f
			}
		}
	}
	for i := range next.Files {
		f := &next.Files[i]
		was := byDigest[f.SHA256]
		if was == nil {
			// without a digest, the name has to do
			if was = byName[f.Filename]; was == nil || was.SHA256 != "" && f.SHA256 != "" {
				continue
			}
		}
		back = true
		if original = p.Returned.IsZero() || was.FirstSeen.Before(p.Returned); original {
			break
		}
	}
	return back, original
}

// Replaces reports whether next lists files, but none that old lists or listed, although old lists some. The project
// may have been deleted and its name given to somebody else between two looks. A page with known file names alone
// replaces nothing, because their first content stays; see Merge.
func (p Page) Replaces(old Page) bool {
	if len(old.Files) == 0 || !p.adds(old) {
		return false
	}
	back, _ := old.common(p)
	return !back
}

// adds reports whether the page lists a file name that old neither lists nor listed.
func (p Page) adds(old Page) bool {
	known := make(map[string]bool, len(old.Files)+len(old.Gone))
	for _, all := range [...][]File{old.Files, old.Gone} {
		for i := range all {
			known[all[i].Filename] = true
		}
	}
	return slices.ContainsFunc(p.Files, func(f File) bool { return !known[f.Filename] })
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
		f.FirstSeen, f.Uploaded = was.FirstSeen, settledUpload(was, f)
	}
	return f
}

// settledUpload returns when a file was uploaded, of what was stated and what is stated now. A time does not vanish,
// because pages of some upstreams have times in one format only. It does not become earlier either, unless it was
// impossible: a file that is held for its age must not become old because its page changes.
func settledUpload(was, f File) time.Time {
	earlier := f.Uploaded.Before(was.Uploaded) && !was.Uploaded.After(was.FirstSeen)
	if f.Uploaded.IsZero() || earlier {
		return was.Uploaded
	}
	return f.Uploaded
}

// Forget returns the page without any memory of a file, so that the next Merge takes what the upstream states then.
func (p Page) Forget(filename string) Page {
	named := func(f File) bool { return f.Filename == filename }
	p.Files = slices.DeleteFunc(slices.Clone(p.Files), named)
	p.Gone = slices.DeleteFunc(slices.Clone(p.Gone), named)
	return p
}
