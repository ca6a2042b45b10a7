package holds

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"sync"
	"time"

	"pyindex/internal/memo"
	"pyindex/internal/packaging"
	"pyindex/internal/policy"
)

// snapshot is everything that people decided, at a revision. The files of exemptions are read when a project needs
// them.
type snapshot struct {
	epoch, revision int64
	contents        map[string]*policy.Denial
	projects        map[string]*decided
	rest            Standing // of every other project

	mu    sync.Mutex
	files map[string][]Content // of exemptions, by id; they never change
}

// decided is what was decided about one project.
type decided struct {
	project    string
	rulings    []Ruling
	exemptions []Exemption
	returns    []Return

	mu       sync.Mutex
	standing *Standing
	until    time.Time // when standing must be made again, zero for never
}

// Standing implements resolve.Rulings. While nothing was decided about a project, it costs one small query for each
// stamp, which all projects share.
func (h *Holds) Standing(ctx context.Context, at memo.Stamp, name packaging.ProjectName) (*Standing, error) {
	s, err := h.snapshotAt(ctx, at)
	if err != nil {
		return nil, err
	}
	d := s.projects[name.String()]
	if d == nil {
		return &s.rest, nil
	}
	return h.standing(ctx, s, d)
}

// snapshotAt returns the snapshot for a stamp.
func (h *Holds) snapshotAt(ctx context.Context, at memo.Stamp) (*snapshot, error) {
	if s, ok := h.held.Get(at, struct{}{}); ok {
		return s, nil
	}
	return h.load(ctx, at)
}

// Ruled implements resolve.Rulings.
func (h *Holds) Ruled(ctx context.Context, at memo.Stamp,
) (projects []packaging.ProjectName, contents []string, err error) {
	s, err := h.snapshotAt(ctx, at)
	if err != nil {
		return nil, nil, err
	}
	for project, d := range s.projects {
		if len(d.rulings) == 0 {
			continue
		}
		name, err := packaging.ParseProjectName(project)
		if err != nil {
			return nil, nil, err
		}
		projects = append(projects, name)
	}
	return projects, slices.Collect(maps.Keys(s.contents)), nil
}

// load returns the snapshot for a stamp: the last one, if the revision is the same.
func (h *Holds) load(ctx context.Context, at memo.Stamp) (*snapshot, error) {
	h.loading.Lock()
	defer h.loading.Unlock()
	if s, ok := h.held.Get(at, struct{}{}); ok {
		return s, nil
	}
	var s *snapshot
	err := h.view(ctx, func(tx Tx) error {
		revision, err := tx.RulingsRevision(ctx)
		if err != nil {
			return err
		}
		if s = h.last; s != nil && s.epoch == at.Epoch && s.revision == revision {
			return nil
		}
		s, err = h.read(ctx, tx)
		if err == nil {
			s.epoch, s.revision = at.Epoch, revision
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	h.last = s
	h.held.Put(at, struct{}{}, s)
	return s, nil
}

// read reads everything that is in force.
func (h *Holds) read(ctx context.Context, tx Tx) (*snapshot, error) {
	s := &snapshot{contents: map[string]*policy.Denial{}, projects: map[string]*decided{}, files: map[string][]Content{}}
	rulings, err := tx.FileRulings(ctx)
	if err != nil {
		return nil, err
	}
	general := sha256.New()
	for _, r := range rulings {
		if r.Project == "" {
			s.contents[r.SHA256] = r.denial()
			general.Write([]byte(r.ID + "\n"))
			continue
		}
		d := s.of(r.Project)
		d.rulings = append(d.rulings, r)
	}
	exemptions, err := tx.ExemptionsInForce(ctx, h.changes.Clock())
	if err != nil {
		return nil, err
	}
	for _, e := range exemptions {
		d := s.of(e.Project)
		d.exemptions = append(d.exemptions, e)
	}
	returns, err := tx.Returns(ctx)
	if err != nil {
		return nil, err
	}
	for _, r := range returns {
		d := s.of(r.Project)
		d.returns = append(d.returns, r)
	}
	s.rest.Contents = s.contents
	if len(s.contents) > 0 {
		s.rest.Revision = hex.EncodeToString(general.Sum(nil)[:8])
	}
	if h.last != nil && h.last.files != nil {
		h.last.mu.Lock()
		for _, e := range exemptions {
			if files, ok := h.last.files[e.ID]; ok {
				s.files[e.ID] = files
			}
		}
		h.last.mu.Unlock()
	}
	return s, nil
}

func (s *snapshot) of(project string) *decided {
	d := s.projects[project]
	if d == nil {
		d = &decided{project: project}
		s.projects[project] = d
	}
	return d
}

func (r Ruling) denial() *policy.Denial {
	return &policy.Denial{ID: r.ID, Version: r.Version, Filename: r.Filename, SHA256: r.SHA256, Reason: r.Reason}
}

// standing returns what was decided about a project.
func (h *Holds) standing(ctx context.Context, s *snapshot, d *decided) (*Standing, error) {
	now := h.changes.Clock()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.standing != nil && (d.until.IsZero() || now.Before(d.until)) {
		return d.standing, nil
	}
	out := &Standing{Contents: s.contents, project: d.project}
	digest := sha256.New()
	digest.Write([]byte(s.rest.Revision + "\n"))
	addRulings(out, d.rulings)
	for _, r := range d.rulings {
		digest.Write([]byte(r.ID + "\n"))
	}
	for _, r := range d.returns {
		if out.Accepted == nil {
			out.Accepted = map[string]time.Time{}
		}
		out.Accepted[r.Upstream] = r.At
		digest.Write([]byte(r.Upstream + " " + r.At.Format(time.RFC3339Nano) + "\n"))
	}
	d.until = time.Time{}
	for _, e := range d.exemptions {
		if !e.InForce(now) {
			continue
		}
		files, err := h.filesOf(ctx, s, e.ID)
		if err != nil {
			return nil, err
		}
		out.exempt(e, files)
		digest.Write([]byte(e.ID + "\n"))
		if d.until.IsZero() || e.EndsAt.Before(d.until) {
			d.until = e.EndsAt
		}
	}
	if len(d.rulings)+len(d.returns)+len(out.Exempt) > 0 || s.rest.Revision != "" {
		out.Revision = hex.EncodeToString(digest.Sum(nil)[:8])
	}
	d.standing = out
	return out, nil
}

// addRulings adds the rulings of a project.
func addRulings(out *Standing, all []Ruling) {
	for _, r := range all {
		switch r.Kind {
		case KindDenial:
			out.deny(r)
		case KindPin:
			if out.Pins == nil {
				out.Pins = map[string]string{}
			}
			out.Pins[out.spell(r.Filename)] = r.SHA256
		case KindLift:
			if out.Lifts == nil {
				out.Lifts = map[string]string{}
			}
			out.Lifts[r.SHA256] = r.ID
		}
	}
}

// deny adds a denial. A file is identified by its name alone.
func (s *Standing) deny(r Ruling) {
	d := *r.denial()
	if d.Filename != "" {
		d.Version, d.Filename = "", s.spell(d.Filename)
	}
	s.Denials = append(s.Denials, d)
}

// exempt adds an exemption. If several cover the same content, the last one counts, because it was granted with the
// most knowledge. It lifts what all of them lift, until the first of them ends.
func (s *Standing) exempt(e Exemption, files []Content) {
	if s.Exempt == nil {
		s.Exempt = map[string]map[string]policy.Exemption{}
	}
	of := s.Exempt[e.RepositoryID]
	if of == nil {
		of = map[string]policy.Exemption{}
		s.Exempt[e.RepositoryID] = of
	}
	for _, f := range files {
		now := policy.Exemption{ID: e.ID, Since: e.Since, EndsAt: e.EndsAt, Admin: e.Admin}
		if was, ok := of[f.SHA256]; ok {
			if was.Since.After(now.Since) {
				now.ID, now.Since = was.ID, was.Since
			}
			if was.EndsAt.Before(now.EndsAt) {
				now.EndsAt = was.EndsAt
			}
			now.Admin = now.Admin || was.Admin
		}
		of[f.SHA256] = now
	}
}

// filesOf returns the content that an exemption is about.
func (h *Holds) filesOf(ctx context.Context, s *snapshot, id string) ([]Content, error) {
	s.mu.Lock()
	files, ok := s.files[id]
	s.mu.Unlock()
	if ok {
		return files, nil
	}
	err := h.view(ctx, func(tx Tx) (err error) {
		files, err = tx.ExemptionFiles(ctx, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.files[id] = files
	s.mu.Unlock()
	return files, nil
}
