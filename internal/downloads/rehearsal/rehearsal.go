// Package rehearsal tries a policy on the record of downloads: which of the files that were downloaded would have been
// held then, and who would have noticed. It changes nothing.
package rehearsal

import (
	"cmp"
	"context"
	"slices"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/downloads"
	"pyindex/internal/policy"
	"pyindex/internal/upstream/page"
)

// Plan is the policy to try. The Cooldown and Startup of Settings count.
type Plan struct {
	downloads.Period
	Settings policy.Settings
}

// Facts are what this index knows about a project of an upstream now.
type Facts struct {
	Page       page.Page
	TrustTimes bool
	// Startup returns the first start-up file of a file that no earlier version has, and the first one that an earlier
	// version has, too. It may be nil.
	Startup func(f page.File) (found, known string)
	// Malware returns the id of the advisory that says that a version is malware, or "". It may be nil.
	Malware func(version string) string
}

// Person is a caller who downloaded a file. Anonymous callers are one, with an empty ID.
type Person struct{ Kind, ID, Name string }

// Release is a release of which the policy would have held a file.
type Release struct {
	Upstream, Project, Version string
	Rule                       policy.Rule // that would have held the first file
	Detail                     string      // the start-up file
	Until                      time.Time   // end of that hold; zero if it does not end by time alone
	First                      time.Time   // when that file was downloaded
	Files                      int         // that would have been held
	Readers                    int         // who would have noticed
	Downloads                  int64       // that would have been refused
	AllDownloads               int64       // of the release in the period, if they could be judged
	// Malware is the id of the advisory that says today that it is malware, and Removed is set if the upstream removed
	// one of those files within policy.RemovedAge of its upload.
	Malware string
	Removed time.Time
}

// Bad reports whether it is known today that the release should not have been installed.
func (r Release) Bad() bool { return r.Malware != "" || !r.Removed.IsZero() }

// Result is what a policy would have done.
type Result struct {
	Recorded     time.Time // when the first download was recorded; zero if none is
	Releases     []Release // by project, upstream and version
	Files        int       // that would have been held
	AllFiles     int       // that were downloaded, if they could be judged
	Readers      []Person  // who would have noticed, by name
	AllReaders   int
	Downloads    int64 // that would have been refused
	AllDownloads int64
	// Unjudged is the number of downloads of files about which nothing is known any more, of which the others count
	// none, and Unstated that of those of files whose upload time is unknown: their age counts from when this index
	// first saw them.
	Unjudged, Unstated int64
}

// Source is the record of downloads.
type Source interface {
	Each(ctx context.Context, who access.Caller, p downloads.Period, next func(downloads.Project) error,
		each func(downloads.Reader) error) error
	Since(ctx context.Context, who access.Caller, repository string) (time.Time, error)
}

// Try decides about each recorded download of a period as the policy would have decided when it happened. A caller's
// downloads of a file on one day count as the first of them. It needs an administrator.
func Try(ctx context.Context, who access.Caller, from Source, plan Plan,
	about func(ctx context.Context, p downloads.Project) (Facts, error),
) (Result, error) {
	recorded, err := from.Since(ctx, who, plan.Repository)
	if err != nil {
		return Result{}, err
	}
	plan.Settings.Direct, plan.Settings.KeepRemoved = true, policy.KeepAll // nothing was removed then
	x := &trial{
		rules: policy.Rules{Ways: []policy.Settings{plan.Settings}},
		out:   Result{Recorded: recorded},
		all:   map[Person]bool{}, noticed: map[Person]string{},
	}
	err = from.Each(ctx, who, plan.Period, func(p downloads.Project) error {
		x.endRelease()
		facts, err := about(ctx, p)
		x.begin(p, facts)
		return err
	}, func(r downloads.Reader) error { x.add(&r); return nil })
	if err != nil {
		return Result{}, err
	}
	x.endRelease()
	for p, name := range x.noticed {
		p.Name = name
		x.out.Readers = append(x.out.Readers, p)
	}
	slices.SortFunc(x.out.Readers, func(a, b Person) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
	})
	x.out.AllReaders = len(x.all)
	return x.out, nil
}

// judged is a file with the facts about it.
type judged struct {
	policy.File
	stated bool
}

// trial is a rehearsal in progress. It holds one project and one release at a time.
type trial struct {
	rules   policy.Rules
	out     Result
	all     map[Person]bool   // who downloaded something, without names, which change
	noticed map[Person]string // names of those who would have noticed

	project  downloads.Project
	facts    Facts
	versions map[string][]judged
	release  Release
	readers  map[Person]bool
	file     string // the last one
	held     bool   // it would have been held for somebody
}

// begin begins with a project.
func (x *trial) begin(p downloads.Project, facts Facts) {
	x.project, x.facts, x.versions = p, facts, map[string][]judged{}
	for _, all := range [...][]page.File{facts.Page.Files, facts.Page.Gone} {
		for i := range all {
			f := &all[i]
			seen := f.FirstSeen
			if seen.IsZero() {
				if seen = f.Uploaded; !facts.TrustTimes || seen.IsZero() {
					continue // nobody knows its age
				}
			}
			at, stated := policy.Origin(f.Uploaded, seen, seen.Add(policy.Skew), facts.TrustTimes)
			one := judged{stated: stated, File: policy.File{
				Filename: f.Filename, Version: f.Version, SHA256: f.SHA256, Uploaded: at, Age: at, FirstSeen: f.FirstSeen,
				RemovedAt: f.LastSeen,
			}}
			if facts.Startup != nil {
				one.Startup, one.StartupKnown = facts.Startup(*f)
			}
			x.versions[f.Version] = append(x.versions[f.Version], one)
		}
	}
}

// add adds an entry of the record.
func (x *trial) add(r *downloads.Reader) {
	if x.release.Version != r.Version || x.release.Project == "" {
		x.endRelease()
		x.release = Release{Upstream: r.Upstream, Project: r.Project, Version: r.Version}
		x.readers = map[Person]bool{}
	}
	f, stated, known := x.then(r)
	if !known {
		x.out.Unjudged += r.Count
		return
	}
	if !stated {
		x.out.Unstated += r.Count
	}
	if x.file != r.Filename+" "+r.SHA256 {
		x.file, x.held = r.Filename+" "+r.SHA256, false
		x.out.AllFiles++
	}
	x.all[Person{Kind: r.Kind, ID: r.ID}] = true
	x.out.AllDownloads += r.Count
	x.release.AllDownloads += r.Count
	d := x.rules.Decide(&f, r.First)
	if d.Verdict == policy.Serve {
		return
	}
	x.hold(r, &f, d)
}

// hold counts a download that would have been refused.
func (x *trial) hold(r *downloads.Reader, f *policy.File, d policy.Decision) {
	l := &x.release
	if !x.held {
		x.held = true
		x.out.Files++
		l.Files++
	}
	if l.First.IsZero() || r.First.Before(l.First) {
		l.First, l.Until, l.Rule, l.Detail = r.First, d.Until, d.Rule, d.Detail
	}
	if !f.RemovedAt.IsZero() && f.RemovedAt.Sub(f.Uploaded) < policy.RemovedAge &&
		(l.Removed.IsZero() || f.RemovedAt.Before(l.Removed)) {
		l.Removed = f.RemovedAt
	}
	l.Downloads += r.Count
	x.out.Downloads += r.Count
	who := Person{Kind: r.Kind, ID: r.ID}
	x.readers[who], x.noticed[who] = true, r.Name
}

// then returns a file as it was when it was downloaded: beside the files of its release that were there.
func (x *trial) then(r *downloads.Reader) (out policy.File, stated, known bool) {
	release := x.versions[r.Version]
	i := slices.IndexFunc(release, func(f judged) bool {
		return f.Filename == r.Filename && (f.SHA256 == r.SHA256 || f.SHA256 == "" || r.SHA256 == "")
	})
	if i < 0 {
		return policy.File{}, false, false
	}
	then := make([]policy.File, 1, len(release))
	then[0] = release[i].File
	for j := range release {
		if f := &release[j]; j != i && !f.Uploaded.After(r.First) && (f.RemovedAt.IsZero() || f.RemovedAt.After(r.First)) {
			then = append(then, f.File)
		}
	}
	policy.Ages(then)
	return then[0], release[i].stated, true
}

// endRelease adds the last release to the result, if a file of it would have been held.
func (x *trial) endRelease() {
	l := x.release
	x.release, x.file, x.held = Release{}, "", false
	if l.Downloads == 0 {
		return
	}
	l.Readers = len(x.readers)
	if x.facts.Malware != nil {
		l.Malware = x.facts.Malware(l.Version)
	}
	x.out.Releases = append(x.out.Releases, l)
}
