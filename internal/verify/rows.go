package verify

import (
	"context"
	"encoding/base64"
	"encoding/json"

	"pyindex/internal/catalog"
	"pyindex/internal/fault"
)

// page is the number of rows that are read at once.
const page = 200

// next are the steps for findings of rules that cannot be repaired, or are only repaired on request.
var next = map[Rule]string{
	RuleReferences: "the database has lost rows: restore a backup, or ask for help with a copy of the database",
	RuleOrphans:    "the row gives no right; remove it with --repair, or with the command of its kind",
	RulePlace:      "the database has lost rows: restore a backup, or ask for help with a copy of the database",
	RuleTombstone:  "a deleted file is listed again: delete the file, or restore a backup from before that",
	RuleOrigin:     "decide about the name: index origin set NAME own|both|adopted",
	RuleSerial:     "the counter went back, as after a restore of the database: run index recovered",
	RuleDropped:    "back up the content, then upload the same file again; it gets another key",
}

const repairIt = "run index verify --repair"

func (r *run) rows(ctx context.Context) error {
	r.step("checking rows", "rule", int64(len(rules)))
	for _, rule := range rules {
		if err := r.rule(ctx, rule); err != nil {
			return err
		}
		r.progress(1, 0)
	}
	return nil
}

func (r *run) rule(ctx context.Context, rule Rule) error {
	for after := ""; ; {
		var some []Wrong
		err := r.store.View(ctx, func(tx Tx) (err error) {
			if rule == RuleRequirements {
				some, err = lacking(ctx, tx, after)
			} else {
				some, err = tx.Wrong(ctx, rule, after, page)
			}
			return err
		})
		if err != nil {
			return err
		}
		for _, w := range some {
			after = w.ID
			if w.Problem == "" { // of lacking
				continue
			}
			if err := r.wrong(ctx, rule, w); err != nil {
				return err
			}
		}
		if len(some) < page {
			return nil
		}
	}
}

// wrong reports a row that breaks a rule, and corrects it if that is asked for and possible.
func (r *run) wrong(ctx context.Context, rule Rule, w Wrong) error {
	f := Finding{Kind: string(rule), Subject: w.Subject, Problem: w.Problem, Next: next[rule]}
	if f.Next == "" {
		f.Next = repairIt
	}
	if r.Repair {
		err := r.update(ctx, func(tx Tx) (err error) {
			if rule == RuleCard || rule == RuleRequirements {
				f.Repaired = true
				return show(ctx, tx, w.ID)
			}
			if f.Repaired, err = tx.Correct(ctx, rule, w.ID); err != nil || !f.Repaired {
				return err
			}
			return show(ctx, tx, w.Project)
		})
		if err != nil {
			return err
		}
	}
	r.found(f)
	return nil
}

// lacking returns the next page of projects whose card has no requirements. Problem is set for those whose release has
// some.
func lacking(ctx context.Context, tx Tx, after string) ([]Wrong, error) {
	some, err := tx.Wrong(ctx, RuleRequirements, after, page)
	if err != nil {
		return nil, err
	}
	for i, w := range some {
		some[i].Problem = ""
		p, err := tx.ProjectByID(ctx, w.ID)
		if err != nil {
			return nil, err
		}
		n, err := catalog.CountRequired(ctx, tx, p)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return nil, err
		}
		if n > 0 {
			some[i].Problem = w.Problem
		}
	}
	return some, nil
}

// attestations checks that each stored attestation is about the content of its file.
func (r *run) attestations(ctx context.Context) error {
	r.step("checking attestations", "attestation", 0)
	for file, predicate := "", ""; ; {
		var some []Attested
		err := r.store.View(ctx, func(tx Tx) (err error) {
			some, err = tx.AttestationsAfter(ctx, file, predicate, page)
			return err
		})
		if err != nil {
			return err
		}
		for _, a := range some {
			file, predicate = a.FileID, a.Predicate
			if problem := about(a); problem != "" {
				r.found(Finding{
					Kind: "attestation", Subject: a.Repository + "/" + a.Filename, Problem: problem,
					Next: "restore the row from a backup, or delete the file and publish a new build of it",
				})
			}
		}
		r.progress(int64(len(some)), 0)
		if len(some) < page {
			return nil
		}
	}
}

// about describes why an attestation is not about its file, and returns "" if it is.
func about(a Attested) string {
	var document struct {
		Envelope struct {
			Statement string `json:"statement"`
		} `json:"envelope"`
	}
	var statement struct {
		Subject []struct {
			Digest map[string]string `json:"digest"`
		} `json:"subject"`
	}
	if err := json.Unmarshal([]byte(a.Document), &document); err != nil {
		return "the attestation " + a.Predicate + " is not JSON"
	}
	raw, err := base64.StdEncoding.DecodeString(document.Envelope.Statement)
	if err == nil {
		err = json.Unmarshal(raw, &statement)
	}
	if err != nil {
		return "the statement of the attestation " + a.Predicate + " cannot be read"
	}
	for _, s := range statement.Subject {
		if s.Digest["sha256"] == a.SHA256 {
			return ""
		}
	}
	return "the attestation " + a.Predicate + " is about other content"
}

// kept checks that what rows keep of upstreams exists.
func (r *run) kept(ctx context.Context) error {
	r.step("reading what is kept of upstreams", "object", 0)
	for upstream, path := "", ""; ; {
		var some []Kept
		err := r.store.View(ctx, func(tx Tx) (err error) {
			some, err = tx.KeptAfter(ctx, upstream, path, page)
			return err
		})
		if err != nil || len(some) == 0 {
			return err
		}
		for _, k := range some {
			upstream, path = k.Upstream, k.Path
			if err := r.keptOne(ctx, k); err != nil {
				return err
			}
		}
	}
}

func (r *run) keptOne(ctx context.Context, k Kept) error {
	m, problem, err := r.measure(ctx, k.Stored, k.Part == "content")
	if err != nil {
		return err
	}
	r.progress(1, m.size)
	if problem == "" {
		return nil
	}
	still := false
	err = r.store.View(ctx, func(tx Tx) (err error) {
		still, err = tx.StillKept(ctx, k)
		return err
	})
	if err != nil || !still {
		return err
	}
	f := Finding{
		Kind: "kept", Subject: k.Upstream + "/" + k.Path, Problem: "its " + k.Part + " " + problem,
		Next: "it is not served; " + repairIt + ", so that it is fetched again when it is asked for",
	}
	if r.Repair {
		if err := r.update(ctx, func(tx Tx) error { return tx.ForgetKept(ctx, k) }); err != nil {
			return err
		}
		f.Repaired = true
	}
	r.found(f)
	return nil
}
