package policy

import "time"

// Together is the time within which the files of a release must be uploaded to be served together.
const Together = 24 * time.Hour

// Ages sets the Age of files to that of the last file of their release: files of one version that were uploaded within
// Together of its first file are old enough at the same time, so that a release is never offered as its source
// distribution alone for a while. The files must have Uploaded and Version set.
func Ages(files []File) {
	type release struct{ first, last time.Time }
	releases := make(map[string]release, len(files)/4+1)
	for i := range files {
		f := &files[i]
		r, known := releases[f.Version]
		if !known || f.Uploaded.Before(r.first) {
			r.first = f.Uploaded
		}
		releases[f.Version] = r
	}
	for i := range files {
		f := &files[i]
		r := releases[f.Version]
		if f.Uploaded.Sub(r.first) <= Together && f.Uploaded.After(r.last) {
			r.last = f.Uploaded
			releases[f.Version] = r
		}
	}
	for i := range files {
		f := &files[i]
		f.Age = f.Uploaded
		if r := releases[f.Version]; f.Uploaded.Sub(r.first) <= Together {
			f.Age = r.last
		}
	}
}

// firstYear is the year before which no package index existed.
const firstYear = 2003

// Skew is how much later than this index saw a file its upstream may state that it was uploaded: their clocks differ.
const Skew = 5 * time.Minute

// Origin returns the time from which the age of a file counts, and whether it is the stated upload time. It is that, if
// the upstream is trusted with times and it lies between the year 2003 and now, and else when this index first saw the
// file.
func Origin(stated, firstSeen, now time.Time, trusted bool) (at time.Time, isStated bool) {
	if trusted && stated.Year() >= firstYear && !stated.After(now) {
		return stated, true
	}
	return firstSeen, false
}
