package holds

import (
	"context"
	"time"

	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/policy"
)

// CheckUpload returns fault.Denied, with the reason, if a file that is about to be added is denied or pinned to another
// digest. It reads the rulings in tx, so that a denial counts from its commit on.
func CheckUpload(ctx context.Context, tx RulingRows, f packaging.Filename, sha256 string) error {
	all, err := tx.FileRulingsAbout(ctx, f.Name().String(), sha256)
	if err != nil || len(all) == 0 {
		return err
	}
	s := Standing{project: f.Name().String(), Contents: map[string]*policy.Denial{}}
	for i, r := range all {
		if r.Project == "" {
			s.Contents[r.SHA256] = r.denial()
		} else {
			addRulings(&s, all[i:i+1])
		}
	}
	rules := policy.Rules{Denials: s.Denials, Contents: s.Contents, Pins: s.Pins, Lifts: s.Lifts}
	d := rules.Decide(&policy.File{
		Filename: s.Spelled(f.String()), Version: f.Version().String(), SHA256: sha256, Own: true,
	}, time.Time{})
	switch {
	case d.Verdict != policy.Deny:
		return nil
	case d.Rule == policy.RuleDigest:
		return fault.New(fault.Denied, "%s is pinned to another digest (sha256 %s) on this index: ask an administrator",
			f, s.Pins[s.Spelled(f.String())])
	}
	return fault.New(fault.Denied, "%s is denied on this index: %s", f, d.Detail)
}
