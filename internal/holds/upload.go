package holds

import (
	"context"
	"slices"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/policy"
)

// standingOf returns what rulings decide about the files of a project, which they are about.
func standingOf(project string, all ...Ruling) *Standing {
	s := &Standing{project: project, Contents: map[string]*policy.Denial{}}
	for i, r := range all {
		if r.Project == "" {
			s.Contents[r.SHA256] = r.denial()
		} else {
			addRulings(s, all[i:i+1])
		}
	}
	return s
}

// ofOwn decides about a file of this index. Time does not matter.
func (s *Standing) ofOwn(filename, version, sha256 string) policy.Decision {
	rules := policy.Rules{Denials: s.Denials, Contents: s.Contents, Pins: s.Pins, Lifts: s.Lifts}
	return rules.Decide(&policy.File{
		Filename: s.Spelled(filename), Version: version, SHA256: sha256, Own: true,
	}, time.Time{})
}

// Denials are the rulings of an index at one time, to find the files of this index that they deny, and those that may
// not be added.
type Denials struct {
	projects map[string][]Ruling
	contents map[string]Ruling
}

// NewDenials returns the denials among all rulings.
func NewDenials(all []Ruling) Denials {
	d := Denials{projects: map[string][]Ruling{}, contents: map[string]Ruling{}}
	for _, r := range all {
		if r.Project == "" {
			d.contents[r.SHA256] = r
		} else {
			d.projects[r.Project] = append(d.projects[r.Project], r)
		}
	}
	return d
}

// Of returns the ruling that denies a file of this index, and the decision, or false if none does.
func (d Denials) Of(project string, f catalog.File) (Ruling, policy.Decision, bool) {
	about := slices.Clone(d.projects[project])
	if r, ok := d.contents[f.SHA256]; ok {
		about = append(about, r)
	}
	if len(about) == 0 {
		return Ruling{}, policy.Decision{}, false
	}
	denied := standingOf(project, about...).ofOwn(f.Filename, f.Version, f.SHA256)
	if denied.Verdict != policy.Deny {
		return Ruling{}, denied, false
	}
	i := slices.IndexFunc(about, func(r Ruling) bool {
		return standingOf(project, r).ofOwn(f.Filename, f.Version, f.SHA256).Rule == denied.Rule
	})
	return about[max(0, i)], denied, true
}

// CheckUpload returns fault.Denied, with the reason, if a file that is about to be added is denied or pinned to another
// digest. It reads the rulings in tx, so that a denial counts from its commit on.
func CheckUpload(ctx context.Context, tx RulingRows, f packaging.Filename, sha256 string) error {
	all, err := tx.FileRulingsAbout(ctx, f.Name().String(), sha256)
	if err != nil || len(all) == 0 {
		return err
	}
	return standingOf(f.Name().String(), all...).checkUpload(f, sha256)
}

// CheckUpload is CheckUpload by the rulings that are known, for a file that may be added later. If sha256 is "", its
// content is unknown: it is no error if the file is denied only because of that.
func (d Denials) CheckUpload(f packaging.Filename, sha256 string) error {
	project := f.Name().String()
	about := d.projects[project]
	if sha256 == "" {
		if slices.ContainsFunc(about, func(r Ruling) bool { return r.Kind == KindLift }) {
			return nil
		}
		s := standingOf(project, about...)
		s.Pins = nil
		return s.checkUpload(f, "")
	}
	if r, ok := d.contents[sha256]; ok {
		about = append(slices.Clone(about), r)
	}
	return standingOf(project, about...).checkUpload(f, sha256)
}

// checkUpload returns fault.Denied, with the reason, if a file may not be added.
func (s *Standing) checkUpload(f packaging.Filename, sha256 string) error {
	d := s.ofOwn(f.String(), f.Version().String(), sha256)
	switch {
	case d.Verdict != policy.Deny:
		return nil
	case d.Rule == policy.RuleDigest:
		return fault.New(fault.Denied, "%s is pinned to another digest (sha256 %s) on this index: ask an administrator",
			f, s.Pins[s.Spelled(f.String())])
	}
	return fault.New(fault.Denied, "%s is denied on this index: %s", f, d.Detail)
}
