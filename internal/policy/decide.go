package policy

import "time"

// Decide returns the decision about a file at a time. The strictest rule decides: a denial before a hold, and among
// holds the one that ends last.
func (r *Rules) Decide(f *File, now time.Time) Decision {
	var d Decision
	if r.deny(f, &d) {
		return d
	}
	if f.Own {
		return d
	}
	for i := range r.Ways {
		r.decideAt(&r.Ways[i], f, now, &d)
	}
	if d.Verdict < Deny && r.Offline && f.NotHeld {
		d.become(Deny, RuleOffline, "", "", time.Time{})
	}
	return d
}

// deny decides by the rules of the whole index that deny, and reports whether one did.
func (r *Rules) deny(f *File, d *Decision) bool {
	lift := ""
	if f.SHA256 != "" && len(r.Lifts) > 0 {
		lift = r.Lifts[f.SHA256]
	}
	switch {
	case r.NameDenied && !f.Own:
		d.become(Deny, RuleName, "", "", time.Time{})
		return true
	case r.StatusDenied && (r.StatusHere || lift == ""):
		d.become(Deny, RuleStatus, r.StatusReason, "", time.Time{})
		return true
	case r.StatusDenied:
		d.Exemption = lift
	}
	if r.pinnedOtherwise(f) {
		d.become(Deny, RuleDigest, "", "", time.Time{})
		return true
	}
	if denial := r.denial(f); denial != nil {
		if lift == "" {
			d.become(Deny, RuleDenylist, denial.Reason, "", time.Time{})
			return true
		}
		d.Exemption = lift
	}
	return false
}

func (r *Rules) pinnedOtherwise(f *File) bool {
	if len(r.Pins) == 0 {
		return false
	}
	pin, pinned := r.Pins[f.Filename]
	return pinned && pin != f.SHA256
}

// denial returns the first denial that covers a file, or nil.
func (r *Rules) denial(f *File) *Denial {
	for i := range r.Denials {
		if r.Denials[i].covers(f) {
			return &r.Denials[i]
		}
	}
	if len(r.Contents) > 0 && f.SHA256 != "" {
		return r.Contents[f.SHA256]
	}
	return nil
}

// decideAt adds the decision of one repository.
func (r *Rules) decideAt(s *Settings, f *File, now time.Time, d *Decision) {
	if f.Malware != "" {
		if lift := r.Lifts[f.SHA256]; lift != "" && f.SHA256 != "" {
			d.Exemption = lift
		} else {
			d.add(s, Deny, RuleAdvisory, f.Malware, time.Time{})
		}
	}
	exempt, admin, since := "", false, time.Time{}
	if len(s.Exempt) > 0 && f.SHA256 != "" {
		if e, ok := s.Exempt[f.SHA256]; ok {
			switch {
			case now.Before(e.Since):
				d.changes(e.Since)
			case now.Before(e.EndsAt):
				exempt, admin, since = e.ID, e.Admin, e.Since
				d.changes(e.EndsAt)
			}
		}
	}
	if s.Direct && r.Returned {
		d.hold(s, RuleReturned, "", time.Time{}, lifted(exempt, admin))
	}
	if s.removed(f) {
		d.hold(s, RuleRemoved, "", time.Time{}, exempt)
	}
	if name := s.startup(f); name != "" {
		d.hold(s, RuleStartup, name, time.Time{}, lifted(exempt, !since.Before(f.StartupAt)))
	}
	if s.Direct && !r.Feeds.OldAt.IsZero() {
		if now.Before(r.Feeds.OldAt) {
			d.changes(r.Feeds.OldAt)
		} else {
			d.hold(s, RuleFeed, r.Feeds.Name, time.Time{}, exempt)
		}
	}
	if end := s.coolsUntil(f); now.Before(end) {
		d.changes(end)
		d.hold(s, RuleCooldown, "", end, exempt)
	}
}

// coolsUntil returns when a file is old enough for the repository, or the zero time if its age does not count.
func (s *Settings) coolsUntil(f *File) time.Time {
	switch {
	case s.Cooldown <= 0:
		return time.Time{}
	case s.Since.IsZero():
		return f.Age.Add(s.Cooldown)
	case !f.FirstSeen.IsZero() && f.FirstSeen.Before(s.Since):
		return time.Time{}
	case f.Undated && s.Since.Before(f.Age):
		return s.Since.Add(s.Cooldown)
	}
	return f.Age.Add(s.Cooldown)
}

func lifted(exemption string, may bool) string {
	if !may {
		return ""
	}
	return exemption
}

// removed reports whether the repository holds a file because its upstream removed it.
func (s *Settings) removed(f *File) bool {
	if f.RemovedAt.IsZero() {
		return false
	}
	keep := s.KeepRemoved
	if keep == "" && s.Direct {
		keep = KeepOld
	}
	switch keep {
	case KeepNone:
		return true
	case KeepOld:
		return f.RemovedAt.Sub(f.Uploaded) < RemovedAge
	}
	return false
}

// startup returns the start-up file for which the repository holds a file, or "".
func (s *Settings) startup(f *File) string {
	mode := s.Startup
	if mode == "" && s.Direct {
		mode = KnownStartup
	}
	switch mode {
	case RefuseStartup:
		if f.Startup != "" {
			return f.Startup
		}
		return f.StartupKnown
	case KnownStartup:
		return f.Startup
	}
	return ""
}

// hold adds a hold that an exemption lifts, if there is one.
func (d *Decision) hold(s *Settings, rule Rule, detail string, until time.Time, exemption string) {
	if exemption != "" {
		d.Exemption = exemption
		return
	}
	d.add(s, Hold, rule, detail, until)
}

// add adds a decision of a repository, which has no effect if the repository observes.
func (d *Decision) add(s *Settings, v Verdict, rule Rule, detail string, until time.Time) {
	if s.Observe {
		if stricter(v, until, d.ObservedVerdict, d.ObservedUntil) {
			d.Observed, d.ObservedVerdict, d.ObservedUntil = rule, v, until
		}
		return
	}
	if stricter(v, until, d.Verdict, d.Until) {
		d.become(v, rule, detail, s.Repository, until)
	}
}

func (d *Decision) become(v Verdict, rule Rule, detail, repository string, until time.Time) {
	d.Verdict, d.Rule, d.Detail, d.Repository, d.Until = v, rule, detail, repository, until
}

// Stricter reports whether the decision is stricter than another one; see Rules.Decide.
func (d Decision) Stricter(than Decision) bool {
	return stricter(d.Verdict, d.Until, than.Verdict, than.Until)
}

// stricter reports whether a decision is stricter than another one: a hold without an end is stricter than one that
// ends.
func stricter(v Verdict, until time.Time, than Verdict, thanUntil time.Time) bool {
	if v != than {
		return v > than
	}
	if v != Hold || thanUntil.IsZero() {
		return false
	}
	return until.IsZero() || until.After(thanUntil)
}

// changes notes a moment at which the decision may change by time alone.
func (d *Decision) changes(at time.Time) {
	if d.Changes.IsZero() || at.Before(d.Changes) {
		d.Changes = at
	}
}
