package holds_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/assembly"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/holds"
	"pyindex/internal/packaging"
	"pyindex/internal/policy"
	"pyindex/internal/publishers"
	"pyindex/internal/storage/blobs"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
)

// desk is an index with the repositories main and team, opened by two processes, and the files that its upstream has.
type desk struct {
	*testing.T
	*assembly.Index
	rows, second *db.DB
	holds, other *holds.Holds // two processes
	dir          *access.Directory
	keys         *access.Keyring
	boss         access.Caller
	files        shelf

	mu      sync.Mutex
	now     time.Time
	decided []holds.Request
}

// shelf has the files of each project, in every repository that the caller may see.
type shelf struct {
	of   map[string][]holds.File
	read atomic.Int64

	gone, back time.Time // of every project
	rows       []holds.Row
	asked      holds.Query
}

func (s *shelf) FilesOf(_ context.Context, _ access.Caller, _ string,
	name packaging.ProjectName,
) ([]holds.File, error) {
	s.read.Add(1)
	all, ok := s.of[name.String()]
	if !ok {
		return nil, catalog.Missing("project of that name")
	}
	return slices.Clone(all), nil
}

// HeldNow implements holds.Files.
func (s *shelf) HeldNow(_ context.Context, _ access.Caller, repositories []catalog.Repository, q holds.Query,
) (holds.Now, error) {
	s.asked = q
	var out holds.Now
	for _, r := range repositories {
		for _, row := range s.rows {
			if row.Repository == r.Name {
				row.RepositoryID = r.ID
				out.Rows = append(out.Rows, row)
			}
		}
	}
	return out, nil
}

// ReturnOf implements holds.Files.
func (s *shelf) ReturnOf(_ context.Context, upstream string, _ packaging.ProjectName,
) (gone, back time.Time, err error) {
	if upstream != "public" {
		return gone, back, fault.New(fault.NotFound, "there is no upstream %q", upstream)
	}
	return s.gone, s.back, nil
}

var held = policy.Decision{Verdict: policy.Hold, Rule: policy.RuleCooldown}

func sum(c string) string { return strings.Repeat(c, 64) }

// each runs a test on each available database.
func each(t *testing.T, f func(*desk)) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) { f(newDesk(t, fresh(t))) })
}

func newDesk(t *testing.T, url string) *desk {
	t.Helper()
	d := &desk{T: t, boss: access.Operator("root"), now: time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)}
	d.rows = storagetest.OpenDB(t, url, db.Options{Now: d.clock})
	d.second = storagetest.OpenDB(t, url, db.Options{Now: d.clock})
	bytes, err := blobs.Open(t.Context(), "file://"+t.TempDir(), blobs.Options{})
	d.must(err)
	t.Cleanup(func() { _ = bytes.Close() })
	d.Index = assembly.New(d.rows.Catalog(), bytes, assembly.Options{Now: d.clock, Log: slog.New(slog.DiscardHandler)})
	d.holds = d.serve(d.rows.Holds())
	d.other = d.serve(d.second.Holds())
	d.dir = access.NewDirectory(d.rows.Access(), access.DirectoryOptions{Now: d.clock})
	d.keys = access.NewKeyring(d.rows.Access(), access.KeyringOptions{Now: d.clock})
	d.must(d.AddRepository(t.Context(), d.boss, catalog.NewRepository{Name: "team"}))
	d.files.of = map[string][]holds.File{"demo": {
		{Filename: "demo-1.0-py3-none-any.whl", Version: "1.0", SHA256: sum("a"), Decision: held},
		{Filename: "demo-1.0.tar.gz", Version: "1.0", SHA256: sum("b"), Decision: held},
		{Filename: "demo-2.0.tar.gz", Version: "2.0", SHA256: sum("c")},
	}}
	return d
}

func (d *desk) serve(s holds.Store) *holds.Holds {
	return holds.New(d.Index.Index, s, holds.Options{
		Files: &d.files, Now: d.clock, Decided: func(_ context.Context, r holds.Request) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.decided = append(d.decided, r)
		},
	})
}

func (d *desk) clock() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now
}

func (d *desk) later(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now = d.now.Add(by)
}

func (d *desk) must(err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}

// refused checks the kind and the text of an error.
func (d *desk) refused(what string, err error, k fault.Kind, text string) {
	d.Helper()
	if !fault.Is(err, k) || err == nil || !strings.Contains(err.Error(), text) {
		d.Errorf("%s = %v (%v), want %v with %q", what, err, fault.KindOf(err), k, text)
	}
}

// user creates an account.
func (d *desk) user(name string) {
	d.Helper()
	_, err := d.dir.AddUser(d.Context(), d.boss, access.NewUser{Name: name})
	d.must(err)
}

// token returns the caller of a new token of a user.
func (d *desk) token(name string, scope access.Scope, projects ...string) access.Caller {
	d.Helper()
	_, secret, err := d.dir.CreateToken(d.Context(), d.boss, access.NewAPIToken{
		User: name, Scope: scope, Projects: projects, Repository: catalog.MainRepository,
	})
	d.must(err)
	return d.identify(secret)
}

func (d *desk) identify(secret access.Secret) access.Caller {
	d.Helper()
	who, err := d.keys.Identify(d.Context(), "__token__", secret)
	d.must(err)
	return who
}

// minted returns the caller of a new token with which a workload may read all of main.
func (d *desk) minted(workload string) access.Caller {
	d.Helper()
	secret := access.NewToken()
	t := access.Token{
		ID: access.HashToken(secret)[:32], Kind: access.TokenMinted, Hash: access.HashToken(secret), Scope: access.ScopeRead,
		Limited: true, CreatedAt: d.clock(), ExpiresAt: d.clock().Add(time.Hour), Publisher: workload,
	}
	d.must(d.rows.Publishers().Update(d.Context(), func(tx publishers.Tx) error {
		r, err := tx.RepositoryByName(d.Context(), catalog.MainRepository)
		if err != nil {
			return err
		}
		err = tx.InsertReader(d.Context(), publishers.Reader{Publisher: publishers.Publisher{
			ID: t.ID, Issuer: "https://issuer.example", Provider: "github", Lookup: "acme/app", CreatedAt: d.clock(),
		}, RepositoryID: r.ID, Whole: true})
		if err == nil {
			err = tx.InsertToken(d.Context(), t)
		}
		if err != nil {
			return err
		}
		return tx.InsertTokenReader(d.Context(), t.ID, t.ID)
	}))
	return d.identify(secret)
}

// project creates a project in main.
func (d *desk) project(name string) catalog.Project {
	d.Helper()
	p := catalog.Project{
		ID: access.NewID(), Name: d.name(name), Display: name, Status: catalog.Active, CreatedAt: d.clock(),
	}
	d.must(d.rows.Catalog().Update(d.Context(), func(tx catalog.Tx) (err error) {
		if p.Repository, err = tx.RepositoryByName(d.Context(), catalog.MainRepository); err != nil {
			return err
		}
		return tx.InsertProject(d.Context(), p)
	}))
	return p
}

// maintainer creates a user with a role in a repository, or in one project of it.
func (d *desk) maintainer(name, repository, project string, role access.Role) access.Caller {
	d.Helper()
	d.user(name)
	in := packaging.ProjectName{}
	if project != "" {
		in = d.name(project)
	}
	d.must(d.Grant(d.Context(), d.boss, repository, in, name, role))
	return d.token(name, access.ScopeAdmin)
}

func (d *desk) name(s string) packaging.ProjectName {
	d.Helper()
	n, err := packaging.ParseProjectName(s)
	d.must(err)
	return n
}

func (d *desk) target(text, filename string) holds.Target {
	d.Helper()
	t, err := holds.ParseTarget(text, filename)
	d.must(err)
	return t
}

// standing returns what a process knows to be decided about a project now.
func (d *desk) standing(h *holds.Holds, rows *db.DB, name string) *holds.Standing {
	d.Helper()
	at, err := rows.Holds().Stamp(d.Context())
	d.must(err)
	s, err := h.Standing(d.Context(), at, d.name(name))
	d.must(err)
	return s
}

// recorded returns the entries of the audit log with an action and an outcome, newest first.
func (d *desk) recorded(action string, o audit.Outcome) []audit.Entry {
	d.Helper()
	all, err := d.rows.Audit(d.Context(), 1000)
	d.must(err)
	return slices.DeleteFunc(all, func(e audit.Entry) bool { return e.Action != action || e.Outcome != o })
}

// TestExempt: a maintainer of the repository, and an administrator, exempt the content that a target has now. Files
// that come later, and other content of the same name, are not exempt.
func TestExempt(t *testing.T) {
	each(t, func(d *desk) {
		mia := d.maintainer("mia", "main", "", access.Maintainer)
		ctx := d.Context()
		e, err := d.holds.Exempt(ctx, mia, holds.NewExemption{Target: d.target("Demo==1", ""), Reason: "needed"})
		d.must(err)
		if e.Covers != 2 || e.Admin || !e.EndsAt.Equal(d.now.Add(14*24*time.Hour)) || e.By.Name != "mia" ||
			e.Project != "demo" || e.Repository != "main" {
			d.Errorf("Exempt() = %+v", e)
		}
		d.files.of["demo"] = append(d.files.of["demo"],
			holds.File{Filename: "demo-1.0-cp312-cp312-win_amd64.whl", Version: "1.0", SHA256: sum("d"), Decision: held})
		s := d.standing(d.other, d.second, "demo")
		of := s.Exempt[e.RepositoryID]
		if len(s.Exempt) != 1 || len(of) != 2 || of[sum("a")].ID != e.ID || of[sum("b")].ID != e.ID || s.Revision == "" {
			d.Errorf("Standing() in another process = %+v", s)
		}
		if _, later := of[sum("d")]; later {
			d.Error("a file that came later is exempt")
		}
		admin, err := d.holds.Exempt(ctx, d.boss, holds.NewExemption{
			Target: d.target("demo", "demo-1.0.tar.gz"), Reason: "also", For: holds.MaxLife,
		})
		d.must(err)
		if !admin.Admin || admin.Covers != 1 || admin.Version != "1.0" {
			d.Errorf("Exempt() by an administrator = %+v", admin)
		}
		if got := d.standing(d.other, d.second, "demo").Exempt[e.RepositoryID][sum("b")]; got.ID != admin.ID || !got.Admin {
			d.Errorf("an administrator's exemption does not count before a maintainer's: %+v", got)
		}
		files, err := d.holds.ExemptionFiles(ctx, mia, e.ID)
		if err != nil || len(files) != 2 || files[0].SHA256 != sum("a") {
			d.Errorf("ExemptionFiles() = %v, %v", files, err)
		}
		all, err := d.holds.Exemptions(ctx, mia, "main")
		if err != nil || len(all) != 2 {
			d.Errorf("Exemptions() = %v, %v", all, err)
		}
		if got := d.recorded("exemption.add", audit.Granted); len(got) != 2 || got[1].Subject != e.ID ||
			got[1].Repository != e.RepositoryID || got[1].Detail["reason"] != "needed" {
			d.Errorf("the audit log has %+v", got)
		}
	})
}

// TestExemptRemoved: an exemption of a project or version is not for files that the upstream removed, unless there are
// no others. It is for one that it names.
func TestExemptRemoved(t *testing.T) {
	each(t, func(d *desk) {
		removed := policy.Decision{Verdict: policy.Hold, Rule: policy.RuleRemoved}
		d.files.of["demo"] = append(d.files.of["demo"],
			holds.File{Filename: "demo-1.0.zip", Version: "1.0", SHA256: sum("d"), Decision: removed, Gone: true},
			holds.File{Filename: "demo-6.6.zip", Version: "6.6", SHA256: sum("e"), Decision: removed, Gone: true},
		)
		for _, c := range []struct {
			text, file string
			want       string
		}{
			{"demo==1.0", "", ""},
			{"demo", "", ""},
			{"demo", "demo-1.0.zip", sum("d")},
			{"demo==6.6", "", sum("e")},
		} {
			e, err := d.holds.Exempt(d.Context(), d.boss,
				holds.NewExemption{Target: d.target(c.text, c.file), Reason: "r"})
			d.must(err)
			all, err := d.holds.ExemptionFiles(d.Context(), d.boss, e.ID)
			d.must(err)
			got := ""
			for _, f := range all {
				if f.SHA256 == sum("d") || f.SHA256 == sum("e") {
					got += f.SHA256
				}
			}
			if got != c.want {
				d.Errorf("an exemption of %s %s covers %v", c.text, c.file, all)
			}
		}
	})
}

// TestExemptRefuses: whoever is no maintainer of the very repository exempts nothing, and each attempt is in the audit
// log.
func TestExemptRefuses(t *testing.T) {
	each(t, func(d *desk) {
		d.project("demo")
		mia := d.maintainer("mia", "main", "", access.Maintainer)
		elsewhere := d.maintainer("eli", "team", "", access.Owner)
		owner := d.maintainer("oda", "main", "demo", access.Owner)
		uploader := d.maintainer("uma", "main", "", access.Uploader)
		d.user("ria")
		ctx, n := d.Context(), holds.NewExemption{Target: d.target("demo==1.0", ""), Reason: "r"}
		others := map[string]access.Caller{
			"a reader":                       d.token("ria", access.ScopeAdmin),
			"the owner of another":           elsewhere,
			"the owner of the project":       owner,
			"an uploader of the repository":  uploader,
			"a maintainer's token to upload": d.token("mia", access.ScopeUpload),
			"a maintainer's token to read":   d.token("mia", access.ScopeRead),
			"a maintainer's limited token":   d.token("mia", access.ScopeUpload, "demo"),
		}
		before := d.serial()
		for what, who := range others {
			_, err := d.holds.Exempt(ctx, who, n)
			d.refused(what, err, fault.Denied, "maintainer of the repository")
		}
		if got := d.recorded("exemption.add", audit.Refused); len(got) != 7 || got[0].Project != "demo" ||
			got[0].Repository == "" {
			d.Errorf("the audit log has %d refusals: %+v", len(got), got)
		}
		if n := d.files.read.Load(); n != 0 {
			d.Errorf("%d reads of files for callers who may exempt nothing", n)
		}
		_, err := d.holds.Exempt(ctx, access.Guest(true), n)
		d.refused("nobody", err, fault.Unauthenticated, "")
		_, err = d.holds.Exempt(ctx, mia, holds.NewExemption{Repository: "team", Target: n.Target, Reason: "r"})
		d.refused("a repository that is hidden", err, fault.NotFound, "repository")

		for what, c := range map[string]struct {
			change func(*holds.NewExemption)
			kind   fault.Kind
			text   string
		}{
			"no reason":      {func(n *holds.NewExemption) { n.Reason = "" }, fault.Invalid, "reason"},
			"a blank reason": {func(n *holds.NewExemption) { n.Reason = " \n" }, fault.Invalid, "reason"},
			"a long reason": {
				func(n *holds.NewExemption) { n.Reason = strings.Repeat("x", 5000) }, fault.Invalid, "too long",
			},
			"181 days": {func(n *holds.NewExemption) { n.For = 181 * 24 * time.Hour }, fault.Invalid, "180 days"},
			"a second too long": {
				func(n *holds.NewExemption) { n.For = holds.MaxLife + time.Second }, fault.Invalid, "180 days",
			},
			"a negative time": {func(n *holds.NewExemption) { n.For = -time.Hour }, fault.Invalid, "180 days"},
			"no target":       {func(n *holds.NewExemption) { n.Target = holds.Target{} }, fault.Invalid, "project"},
			"a missing version": {
				func(n *holds.NewExemption) { n.Target = d.target("demo==9", "") }, fault.NotFound, "no files of demo==9",
			},
			"a missing file": {
				func(n *holds.NewExemption) { n.Target = d.target("demo", "demo-9.tar.gz") }, fault.NotFound, "demo-9.tar.gz",
			},
			"a missing project":  {func(n *holds.NewExemption) { n.Target = d.target("none", "") }, fault.NotFound, ""},
			"another repository": {func(n *holds.NewExemption) { n.Repository = "none" }, fault.NotFound, "repository"},
		} {
			n := n
			c.change(&n)
			_, err := d.holds.Exempt(ctx, mia, n)
			d.refused(what, err, c.kind, c.text)
		}
		d.files.of["demo"][0].SHA256 = ""
		_, err = d.holds.Exempt(ctx, mia, n)
		d.refused("a file without a digest", err, fault.Conflict, "demo-1.0-py3-none-any.whl")
		for i := range d.files.of["demo"] {
			d.files.of["demo"][i].SHA256, d.files.of["demo"][i].Decision.Verdict = sum("a"), policy.Deny
		}
		_, err = d.holds.Exempt(ctx, mia, n)
		d.refused("denied files", err, fault.Conflict, "denied")
		d.files.of["demo"] = []holds.File{{Filename: "demo-1.0.tar.gz", Version: "1.0", SHA256: sum("a"), Own: true}}
		_, err = d.holds.Exempt(ctx, mia, n)
		d.refused("own files", err, fault.Conflict, "own")
		if after := d.serial(); after != before {
			d.Errorf("refused exemptions moved the serial from %d to %d", before, after)
		}
		if s := d.standing(d.holds, d.rows, "demo"); s.Revision != "" || len(s.Exempt) > 0 {
			d.Errorf("Standing() after refusals = %+v", s)
		}
	})
}

func (d *desk) serial() int64 {
	d.Helper()
	n, err := d.rows.Catalog().Serial(d.Context())
	d.must(err)
	return n
}

// TestRightsEndMeanwhile: rights that end between the check and the change do not count.
func TestRightsEndMeanwhile(t *testing.T) {
	each(t, func(d *desk) {
		mia := d.maintainer("mia", "main", "", access.Maintainer)
		ada := d.maintainer("ada", "main", "", access.Maintainer)
		d.user("root2")
		d.must(d.dir.SetAdmin(d.Context(), d.boss, "root2", true))
		admin := d.token("root2", access.ScopeAdmin)
		d.must(d.Ungrant(d.Context(), d.boss, "main", packaging.ProjectName{}, "mia"))
		d.must(d.dir.DisableUser(d.Context(), d.boss, "ada"))
		d.user("root3")
		d.must(d.dir.SetAdmin(d.Context(), d.boss, "root3", true))
		d.must(d.dir.SetAdmin(d.Context(), d.boss, "root2", false))
		ctx, n := d.Context(), holds.NewExemption{Target: d.target("demo==1.0", ""), Reason: "r"}
		_, err := d.holds.Exempt(ctx, mia, n)
		d.refused("a former maintainer", err, fault.Denied, "maintainer")
		_, err = d.holds.Exempt(ctx, ada, n)
		d.refused("a disabled maintainer", err, fault.Unauthenticated, "disabled")
		_, err = d.holds.Exempt(ctx, admin, n)
		d.refused("a former administrator", err, fault.Denied, "maintainer")
		_, err = d.holds.Deny(ctx, admin, holds.NewDenial{Target: d.target("demo", ""), Reason: "r"})
		d.refused("a denial of a former administrator", err, fault.Denied, "administrator")
		d.files.back = d.clock()
		_, err = d.holds.AcceptReturn(ctx, admin, "public", d.name("demo"), "r")
		d.refused("a return that a former administrator accepts", err, fault.Denied, "administrator")
		if got := len(d.recorded("exemption.add", audit.Refused)) + len(d.recorded("denial.add", audit.Refused)) +
			len(d.recorded("upstream.accept-return", audit.Refused)); got != 5 {
			d.Errorf("the audit log has %d refusals, want 5", got)
		}
	})
}

// TestEndExemption: an exemption ends early for all processes, once, and stays in the record.
func TestEndExemption(t *testing.T) {
	each(t, func(d *desk) {
		mia := d.maintainer("mia", "main", "", access.Maintainer)
		eli := d.maintainer("eli", "team", "", access.Owner)
		ctx := d.Context()
		e, err := d.holds.Exempt(ctx, mia, holds.NewExemption{Target: d.target("demo==1.0", ""), Reason: "r"})
		d.must(err)
		was := d.standing(d.other, d.second, "demo").Revision
		_, err = d.holds.EndExemption(ctx, eli, e.ID)
		d.refused("the owner of another repository", err, fault.Denied, "maintainer")
		_, err = d.holds.EndExemption(ctx, mia, "none")
		d.refused("an unknown exemption", err, fault.NotFound, "")
		if _, err := d.holds.ExemptionFiles(ctx, eli, e.ID); !fault.Is(err, fault.NotFound) {
			d.Errorf("ExemptionFiles() for the owner of another repository = %v", err)
		}
		d.later(time.Hour)
		_, err = d.holds.EndExemption(ctx, mia, e.ID)
		d.must(err)
		if s := d.standing(d.other, d.second, "demo"); len(s.Exempt) > 0 || s.Revision == was {
			d.Errorf("Standing() after the end = %+v", s)
		}
		_, err = d.holds.EndExemption(ctx, mia, e.ID)
		d.refused("ending it again", err, fault.Conflict, "ended already")
		all, err := d.holds.Exemptions(ctx, mia, "")
		if err != nil || len(all) != 1 || all[0].EndedBy.Name != "mia" || all[0].InForce(d.now) {
			d.Errorf("Exemptions() = %+v, %v", all, err)
		}
		second, err := d.holds.Exempt(ctx, mia, holds.NewExemption{
			Target: d.target("demo==1.0", ""), Reason: "r", For: time.Hour,
		})
		d.must(err)
		d.later(time.Hour)
		_, err = d.holds.EndExemption(ctx, mia, second.ID)
		d.refused("ending one that has expired", err, fault.Conflict, "ended already")
		if got := d.recorded("exemption.end", audit.Granted); len(got) != 1 {
			d.Errorf("the audit log has %d ends", len(got))
		}
	})
}

// TestStandingForgetsExpired: of two exemptions for one content, the other counts when the first expires, without any
// change.
func TestStandingForgetsExpired(t *testing.T) {
	each(t, func(d *desk) {
		ctx := d.Context()
		mia := d.maintainer("mia", "main", "", access.Maintainer)
		n := holds.NewExemption{Target: d.target("demo==1.0", ""), Reason: "r", For: time.Hour}
		short, err := d.holds.Exempt(ctx, d.boss, n)
		d.must(err)
		n.For = 2 * time.Hour
		long, err := d.holds.Exempt(ctx, mia, n)
		d.must(err)
		for _, want := range []string{short.ID, long.ID, ""} {
			s := d.standing(d.other, d.second, "demo")
			if got := s.Exempt[short.RepositoryID][sum("a")].ID; got != want {
				d.Errorf("at %v the exemption is %q, want %q", d.now, got, want)
			}
			d.later(time.Hour)
		}
	})
}

// counting counts the transactions that read.
type counting struct {
	holds.Store
	views, rulings atomic.Int64
}

func (c *counting) View(ctx context.Context, f func(holds.Tx) error) error {
	c.views.Add(1)
	return c.Store.View(ctx, func(tx holds.Tx) error { return f(countingTx{tx, c}) })
}

type countingTx struct {
	holds.Tx
	c *counting
}

func (t countingTx) FileRulings(ctx context.Context) ([]holds.Ruling, error) {
	t.c.rulings.Add(1)
	return t.Tx.FileRulings(ctx)
}

// TestStandingIsCheap: names about which nothing was decided cost no query of their own, and a change of something else
// costs one small query for all of them. What was decided is read again only if that changed.
func TestStandingIsCheap(t *testing.T) {
	each(t, func(d *desk) {
		c := &counting{Store: d.second.Holds()}
		h := d.serve(c)
		read := func() {
			for i := range 100 {
				if s := d.standing(h, d.second, fmt.Sprintf("other-%d", i)); s.Revision != "" || s.Denials != nil {
					d.Errorf("Standing(other) = %+v", s)
				}
			}
		}
		read()
		if c.views.Load() != 1 || c.rulings.Load() != 1 {
			d.Errorf("100 names cost %d transactions, %d reads of everything, want 1 and 1", c.views.Load(), c.rulings.Load())
		}
		d.project("unrelated")
		d.must(d.AddRepository(d.Context(), d.boss, catalog.NewRepository{Name: "third"})) // moves the serial
		read()
		if c.views.Load() != 2 || c.rulings.Load() != 1 {
			d.Errorf("after an unrelated change: %d transactions, %d reads of everything, want 2 and 1", c.views.Load(),
				c.rulings.Load())
		}
		_, err := d.holds.Exempt(d.Context(), d.boss, holds.NewExemption{Target: d.target("demo==1.0", ""), Reason: "r"})
		d.must(err)
		read()
		if c.views.Load() != 3 || c.rulings.Load() != 2 {
			d.Errorf("after an exemption of another project: %d transactions, %d reads of everything, want 3 and 2",
				c.views.Load(), c.rulings.Load())
		}
		for range 5 {
			d.standing(h, d.second, "demo")
		}
		if c.views.Load() != 4 {
			d.Errorf("the files of an exemption were read %d times, want once", c.views.Load()-3)
		}
		_, err = d.holds.Deny(d.Context(), d.boss, holds.NewDenial{Target: d.target("third", ""), Reason: "r"})
		d.must(err)
		if s := d.standing(h, d.second, "demo"); len(s.Exempt) != 1 || c.views.Load() != 5 {
			d.Errorf("after a denial of another project: %d transactions, want 5", c.views.Load())
		}
	})
}

// TestAccepted: an accepted return is known to all processes.
func TestAccepted(t *testing.T) {
	each(t, func(d *desk) {
		ctx := d.Context()
		_, err := d.holds.AcceptReturn(ctx, d.boss, "public", d.name("demo"), " ")
		d.refused("no reason", err, fault.Invalid, "reason")
		_, err = d.holds.AcceptReturn(ctx, d.boss, "", d.name("demo"), "r")
		d.refused("no upstream", err, fault.Invalid, "upstream")
		mia := d.maintainer("mia", "main", "", access.Owner)
		_, err = d.holds.AcceptReturn(ctx, mia, "public", d.name("demo"), "r")
		d.refused("the owner of a repository", err, fault.Denied, "administrator")
		_, err = d.holds.Returns(ctx, mia)
		d.refused("the list for an owner", err, fault.Denied, "administrator")
		_, err = d.holds.AcceptReturn(ctx, d.boss, "nowhere", d.name("demo"), "r")
		d.refused("an unknown upstream", err, fault.NotFound, `there is no upstream "nowhere"`)
		_, err = d.holds.AcceptReturn(ctx, d.boss, "public", d.name("demo"), "r")
		d.refused("a project that was never gone", err, fault.Conflict, "there is no return to accept")
		d.files.gone = d.clock()
		_, err = d.holds.AcceptReturn(ctx, d.boss, "public", d.name("demo"), "r")
		d.refused("a project that is gone", err, fault.Conflict, "has not come back")
		if s := d.standing(d.other, d.second, "demo"); s.Revision != "" {
			d.Errorf("refusals changed what is decided: %+v", s)
		}
		d.files.gone, d.files.back = time.Time{}, d.clock()
		r, err := d.holds.AcceptReturn(ctx, d.boss, "public", d.name("demo"), "it is theirs")
		d.must(err)
		if !r.Returned.Equal(d.clock()) {
			d.Errorf("AcceptReturn() = %+v", r)
		}
		_, err = d.other.AcceptReturn(ctx, d.boss, "public", d.name("demo"), "twice")
		d.refused("a return that was accepted", err, fault.Conflict, "root already accepted the return of demo")
		s := d.standing(d.other, d.second, "demo")
		if !s.Accepted["public"].Equal(r.At) || s.Revision == "" {
			d.Errorf("Standing() = %+v", s)
		}
		d.later(time.Second)
		d.files.back = d.clock()
		_, err = d.holds.AcceptReturn(ctx, d.boss, "public", d.name("demo"), "again")
		d.must(err)
		if again := d.standing(d.other, d.second, "demo"); !again.Accepted["public"].After(r.At) ||
			again.Revision == s.Revision {
			d.Errorf("Standing() after another return = %+v", again)
		}
	})
}
