package resolve_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/holds"
	"pyindex/internal/packaging"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/policy"
	"pyindex/internal/resolve"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/page"
	"pyindex/internal/upstream/pages"
	"pyindex/internal/upstream/upstreamtest"
)

// reader decides for the first replica.
func (w *ruling) reader() *resolve.Reader { return w.replicas[0].Reader }

// heldNow returns what the repositories of these names hold and deny now, to an administrator.
func (w *ruling) heldNow(q holds.Query, names ...string) holds.Now {
	w.t.Helper()
	return w.heldNowFor(w.replicas[0].Operator, q, names...)
}

func (w *ruling) heldNowFor(who access.Caller, q holds.Query, names ...string) holds.Now {
	w.t.Helper()
	if q.Whole = true; q.Limit == 0 {
		q.Limit = 10_000
	}
	var all []catalog.Repository
	for _, name := range names {
		r, err := w.replicas[0].Index.Repository(w.t.Context(), w.replicas[0].Operator, name)
		w.must(err)
		all = append(all, r)
	}
	out, err := w.reader().HeldNow(w.t.Context(), who, all, q)
	w.must(err)
	if out.Read != out.Known || out.Beyond != 0 {
		w.t.Errorf("HeldNow() read %d of %d projects, and left out %d", out.Read, out.Known, out.Beyond)
	}
	return out
}

// asks lets a caller read the page of a project, and waits until it is stored.
func (w *ruling) asks(tree, project string, stored func(page.Page) bool) {
	w.t.Helper()
	w.list(tree, project)
	a := w.replicas[1]
	at, err := a.Index.Stamp(w.t.Context())
	w.must(err)
	u, err := a.Upstreams.Get(w.t.Context(), at, "public")
	w.must(err)
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		h, ok, err := a.Pages.Stored(w.t.Context(), u, nameOf(w.t, project))
		w.must(err)
		if !ok {
			continue
		}
		p, err := h.Page()
		w.must(err)
		if stored == nil || stored(p) {
			return
		}
	}
	w.t.Fatalf("the page of %s is never stored", project)
}

func nameOf(t testing.TB, s string) packaging.ProjectName {
	t.Helper()
	name, err := packaging.ParseProjectName(s)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// line writes what a row says, but its files.
func line(r holds.Row) string {
	state := r.Decision.Verdict.String()
	if r.Served != "" {
		state = "exempt"
	}
	return strings.Join([]string{r.Repository, r.Project, r.Version, state, string(r.Decision.Rule)}, " ")
}

// lines returns the number of files by line.
func lines(rows []holds.Row) map[string]int {
	out := map[string]int{}
	for _, r := range rows {
		out[line(r)] += r.Files
	}
	return out
}

// agrees checks that HeldNow says the same as the decisions about the files of projects.
func (w *ruling) agrees(what string, repositories, projects []string) {
	w.t.Helper()
	rows := w.heldNow(holds.Query{}, repositories...).Rows
	got, want := map[string]int{}, map[string]int{}
	for _, r := range rows {
		if r.Served == "" {
			got[r.Repository+" "+r.Project+" "+string(r.Decision.Rule)] += r.Files
		} else {
			got[r.Repository+" "+r.Project+" "+r.Served] += r.Files
		}
	}
	for _, repository := range repositories {
		for _, project := range projects {
			files, err := w.reader().FilesOf(w.t.Context(), w.replicas[0].Operator, repository, nameOf(w.t, project))
			if catalog.IsMissing(err) {
				continue
			}
			w.must(err)
			for _, f := range files {
				switch d := f.Decision; {
				case d.Verdict != policy.Serve:
					want[repository+" "+project+" "+string(d.Rule)]++
				case d.Exemption != "":
					want[repository+" "+project+" "+d.Exemption]++
				}
			}
		}
	}
	if !maps.Equal(got, want) {
		w.t.Errorf("%s: HeldNow() = %v, the decisions are %v", what, got, want)
	}
}

// TestHeldNow: the list has what each rule decides, for each repository, and agrees with the decisions about files as
// they change by time, by settings, by people and by the upstream.
func TestHeldNow(t *testing.T) {
	w := newRuling(t)
	w.configure(func(u *upstream.Upstream) { u.StaleWhileRevalidate, u.TTL, u.NegativeTTL = 0, time.Second, time.Second })
	w.repository("team", access.Reader, "upstream:public")
	w.theirsAt("fresh", "1.0", 90*day)
	fresh := w.theirsAt("fresh", "2.0", time.Hour)
	w.theirsAt("calm", "1.0", 90*day)
	w.theirsAt("bad", "1.0", 90*day)
	w.theirsAt("bad", "1.1", 90*day)
	w.theirsAt("shunned", "1.0", 90*day)
	w.theirsAt("shunned", "2.0", 90*day)
	young, kept := w.theirsAt("shrinking", "2.0", 5*day), w.theirsAt("shrinking", "1.0", 90*day)
	projects := []string{"fresh", "calm", "bad", "shunned", "shrinking", "ours"}
	repositories := []string{"main", "team"}
	w.publish("", packagingtest.Wheel("ours", "1.0", "ours"))
	w.publish("", packagingtest.Wheel("ours", "1.1", "ours"))
	for _, project := range projects[:len(projects)-1] {
		w.asks("", project, nil)
		w.asks("/r/team", project, nil)
	}
	if now := w.heldNow(holds.Query{}, repositories...); len(now.Rows) != 0 || now.Total != 0 || len(now.Tallies) != 0 {
		t.Errorf("nothing is held, and HeldNow() = %+v", now)
	}
	check := func(what string, want map[string]int) {
		t.Helper()
		now := w.heldNow(holds.Query{}, repositories...)
		if got := lines(now.Rows); !maps.Equal(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
		if now.Total != len(now.Rows) {
			t.Errorf("%s: %d rows of %d", what, len(now.Rows), now.Total)
		}
		w.agrees(what, repositories, projects)
	}
	w.cooldown("team", 3*day)
	want := map[string]int{"team fresh 2.0 held cooldown": 1}
	check("a cooldown of one repository", want)

	w.malware["bad==1.1"] = "MAL-1"
	w.change()
	want["main bad 1.1 denied advisory"], want["team bad 1.1 denied advisory"] = 1, 1
	check("malware", want)

	w.decide("shunned", holds.Standing{Denials: []policy.Denial{{Reason: "r"}}})
	want["main shunned  denied denylist"], want["team shunned  denied denylist"] = 2, 2 // as a whole
	check("a denied project", want)

	w.decide("ours", holds.Standing{Denials: []policy.Denial{{Version: "1.1", Reason: "r"}}})
	want["main ours 1.1 denied denylist"] = 1
	check("a denied version of this index", want)

	w.public.Change("shrinking", func(p *upstreamtest.Project) {
		p.Files = slices.DeleteFunc(p.Files, func(f *upstreamtest.File) bool { return f.Name == young.Name })
	})
	time.Sleep(time.Second + 10*time.Millisecond) // the TTL
	w.asks("", "shrinking", func(p page.Page) bool { return len(p.Gone) == 1 && p.Files[0].Filename == kept.Name })
	w.wait(6 * time.Second) // no change of the index: the list looks again after some seconds
	want["main shrinking 2.0 held removed"], want["team shrinking 2.0 held removed"] = 1, 1
	check("a removed file", want)

	team, err := w.replicas[0].Index.Repository(t.Context(), w.replicas[0].Operator, "team")
	w.must(err)
	w.decide("fresh", holds.Standing{Exempt: map[string]map[string]policy.Exemption{team.ID: {
		fresh.SHA256(): {ID: "e1", Since: w.clock().Add(-time.Minute), EndsAt: w.clock().Add(time.Hour)},
	}}})
	delete(want, "team fresh 2.0 held cooldown")
	want["team fresh 2.0 exempt cooldown"] = 1
	check("an exemption", want)
	w.wait(time.Hour)
	delete(want, "team fresh 2.0 exempt cooldown")
	want["team fresh 2.0 held cooldown"] = 1
	check("the end of an exemption", want)

	w.feeds = policy.Feeds{Name: "osv", OldAt: w.clock().Add(time.Hour)}
	w.change()
	check("a feed that is not too old", want)
	w.wait(time.Hour)
	for _, row := range []string{"main bad 1.0", "team bad 1.0", "main calm 1.0", "team calm 1.0"} {
		want[row+" held feed"] = 1
	}
	want["main fresh  held feed"], want["team fresh  held feed"] = 2, 2
	delete(want, "team fresh 2.0 held cooldown") // a feed holds without an end
	want["main shrinking 1.0 held feed"], want["team shrinking 1.0 held feed"] = 1, 1
	check("a feed that is too old", want)
	w.feeds = policy.Feeds{}
	w.change()
	w.wait(3 * day)
	for k := range want {
		if strings.HasSuffix(k, " feed") || strings.HasSuffix(k, " cooldown") {
			delete(want, k)
		}
	}
	check("the end of the cooldown", want)

	w.configure(func(u *upstream.Upstream) { u.Deny = []string{"calm"} })
	want["main calm  denied name"], want["team calm  denied name"] = 0, 0
	if got := lines(w.heldNow(holds.Query{}, repositories...).Rows); !maps.Equal(got, want) {
		t.Errorf("a denied name: %v, want %v", got, want)
	}
	w.public.Change("bad", func(p *upstreamtest.Project) { p.Status, p.StatusReason = "quarantined", "looked at" })
	w.configure(func(u *upstream.Upstream) { u.Deny = nil })
	time.Sleep(time.Second + 10*time.Millisecond) // the TTL
	w.asks("", "bad", func(p page.Page) bool { return p.Status == "quarantined" })
	w.wait(6 * time.Second)
	for _, repository := range repositories {
		delete(want, repository+" calm  denied name")
		delete(want, repository+" bad 1.1 denied advisory")
		want[repository+" bad  denied status"] = 2
	}
	check("quarantine at the upstream", want)

	yes := true
	for _, name := range repositories {
		w.set(name, catalog.RepositoryChange{Observe: &yes})
		delete(want, name+" shrinking 2.0 held removed")
	}
	check("repositories that observe", want)
}

// TestHeldNowSelects: a query selects by rule and project and by place in the list, and the numbers of all rules stay.
func TestHeldNowSelects(t *testing.T) {
	w := newRuling(t)
	var projects []string
	for i := range 7 {
		project := fmt.Sprintf("p%d", i)
		projects = append(projects, project)
		w.theirsAt(project, "1.0", 90*day)
		w.theirsAt(project, "2.0", time.Hour)
		w.theirsAt(project, "2.1", 2*time.Hour)
		if i%2 == 0 {
			w.malware[project+"==1.0"] = "MAL-1"
		}
		w.asks("", project, nil)
	}
	w.cooldown("main", 3*day)
	all := w.heldNow(holds.Query{}, "main")
	if len(all.Rows) != 18 || all.Total != 18 {
		t.Fatalf("HeldNow() = %d rows of %d, want 18: %v", len(all.Rows), all.Total, lines(all.Rows))
	}
	tallies := []holds.Tally{
		{Rule: policy.RuleAdvisory, Projects: 4, Releases: 4, Files: 4},
		{Rule: policy.RuleCooldown, Projects: 7, Releases: 14, Files: 14},
	}
	if !slices.Equal(all.Tallies, tallies) {
		t.Errorf("HeldNow().Tallies = %+v, want %+v", all.Tallies, tallies)
	}
	first := []string{"main p0 1.0 denied advisory", "main p2 1.0 denied advisory"}
	for i, want := range first {
		if got := line(all.Rows[i]); got != want {
			t.Errorf("row %d is %q, want %q", i, got, want)
		}
	}
	if a, b := line(all.Rows[4]), line(all.Rows[5]); a != "main p0 2.1 held cooldown" || b != "main p0 2.0 held cooldown" {
		t.Errorf("then come %q and %q, want the newest first", a, b)
	}
	for _, limit := range []int{1, 2, 5, 17, 18} {
		var got []string
		for offset := 0; offset < all.Total; offset += limit {
			now := w.heldNow(holds.Query{Offset: offset, Limit: limit}, "main")
			if now.Total != 18 || len(now.Rows) != min(limit, 18-offset) || !slices.Equal(now.Tallies, tallies) {
				t.Errorf("%d rows from %d: %d rows of %d", limit, offset, len(now.Rows), now.Total)
			}
			for _, r := range now.Rows {
				got = append(got, line(r))
			}
		}
		for i, r := range all.Rows {
			if i >= len(got) || got[i] != line(r) {
				t.Fatalf("pages of %d rows are not the list: %v", limit, got)
			}
		}
	}
	for _, c := range []struct {
		q    holds.Query
		want int
	}{
		{holds.Query{Rule: policy.RuleAdvisory}, 4},
		{holds.Query{Rule: policy.RuleRemoved}, 0},
		{holds.Query{Rule: "unknown"}, 0},
		{holds.Query{Project: "p3"}, 2},
		{holds.Query{Project: "p"}, 18},
		{holds.Query{Project: "nowhere"}, 0},
		{holds.Query{Project: "p2", Rule: policy.RuleCooldown}, 2},
		{holds.Query{Offset: 18}, 0},
		{holds.Query{Offset: 1 << 40}, 0},
	} {
		want := c.want
		if got := w.heldNow(c.q, "main"); len(got.Rows) != want || c.q.Offset == 0 && got.Total != want {
			t.Errorf("%+v selects %d rows of %d, want %d", c.q, len(got.Rows), got.Total, want)
		}
	}
	w.agrees("all", []string{"main"}, projects)
}

// TestHeldNowHidesBases: what a repository gets from a base that the caller may not read is in no row and in no number.
func TestHeldNowHidesBases(t *testing.T) {
	w := newRuling(t)
	w.bases("main")
	w.repository("secret", access.NoRole, "upstream:public")
	w.repository("team", access.Reader, "secret")
	w.theirsAt("hidden", "1.0", time.Hour)
	w.asks("/r/team", "hidden", nil)
	w.cooldown("secret", 3*day)
	want := map[string]int{"team hidden 1.0 held cooldown": 1}
	if got := lines(w.heldNow(holds.Query{}, "team").Rows); !maps.Equal(got, want) {
		t.Errorf("to an administrator: %v", got)
	}
	a := w.replicas[0]
	w.user("mia")
	w.must(a.Index.Grant(t.Context(), a.Operator, "team", packaging.ProjectName{}, "mia", access.Maintainer))
	mia := w.caller(w.token("mia", access.ScopeAdmin))
	if now := w.heldNowFor(mia, holds.Query{}, "team"); len(now.Rows) != 0 || now.Total != 0 || len(now.Tallies) != 0 {
		t.Errorf("to a maintainer who may not read the base: %+v", now)
	}
}

// caller returns the caller of a token.
func (w *ruling) caller(token access.Secret) access.Caller {
	w.t.Helper()
	keys := access.NewKeyring(w.replicas[0].DB.Access(), access.KeyringOptions{})
	who, err := keys.Identify(w.t.Context(), "__token__", token)
	w.must(err)
	return who
}

// stock stores the pages of projects as if callers had asked for them, each with files that are old but for one.
func (w *ruling) stock(projects, files int) {
	w.t.Helper()
	a, ctx := w.replicas[0], w.t.Context()
	at, err := a.Index.Stamp(ctx)
	w.must(err)
	u, err := a.Upstreams.Get(ctx, at, "public")
	w.must(err)
	main, err := a.Index.Repository(ctx, a.Operator, "main")
	w.must(err)
	for i := range projects {
		name := nameOf(w.t, fmt.Sprintf("stocked-%d", i))
		w.store(u, name, files, w.clock())
		_, err := a.Index.ClaimUpstream(ctx, main.ID, name, u)
		w.must(err)
	}
}

// store stores a page with files that are old but for one.
func (w *ruling) store(u upstream.Upstream, name packaging.ProjectName, files int, checked time.Time) {
	w.t.Helper()
	var p page.Page
	for i := range files {
		version := fmt.Sprintf("1.%d", i)
		f := page.File{
			Filename: fmt.Sprintf("%s-%s.tar.gz", name, version), Version: version, Kind: packaging.SDist, Size: 9,
			SHA256: fmt.Sprintf("%064x", i+1), Uploaded: w.clock().Add(-90 * day), FirstSeen: w.clock().Add(-90 * day),
		}
		f.URL = "https://files.example/" + name.String() + "/" + f.Filename
		if i == files-1 {
			f.Uploaded, f.FirstSeen = w.clock().Add(-time.Hour), w.clock()
		}
		p.Files = append(p.Files, f)
	}
	row := pages.Row{Key: pages.Key{Upstream: u.Name, Name: name}, FetchedAt: checked, CheckedAt: checked}
	if _, err := w.replicas[0].Pages.Import(w.t.Context(), u, row, p); err != nil {
		w.t.Fatal(err)
	}
}

// TestHeldNowWork: the first list reads each stored page once, and later ones only what changed and what they show.
func TestHeldNowWork(t *testing.T) {
	const projects, files = 200, 30
	w := newRuling(t)
	w.stock(projects, files)
	w.cooldown("main", 3*day)
	var readPages, readFiles int64
	work := func(what string, q holds.Query, wantPages, wantFiles int64) holds.Now {
		t.Helper()
		now := w.heldNow(q, "main")
		p, f := w.reader().SurveyWork()
		if p-readPages != wantPages || f-readFiles != wantFiles {
			t.Errorf("%s: %d pages and %d files were read, want %d and %d", what, p-readPages, f-readFiles, wantPages, wantFiles)
		}
		readPages, readFiles = p, f
		return now
	}
	numbers := holds.Query{Limit: -1}
	if now := work("the first numbers", numbers, projects, projects*files); now.Total != projects {
		t.Errorf("HeldNow() = %+v", now)
	}
	work("again", numbers, 0, 0)
	work("a page of the list", holds.Query{Offset: 20, Limit: 10}, 10, 10*files)
	w.wait(6 * time.Second)
	work("some seconds later", numbers, 0, 0)
	w.publish("", packagingtest.Wheel("ours", "1.0", "ours"))
	work("after an upload", numbers, 0, 0)
	w.decide("stocked-3", holds.Standing{Denials: []policy.Denial{{Reason: "r"}}})
	work("after a decision about one project", numbers, 1, files)
	a := w.replicas[0]
	at, err := a.Index.Stamp(t.Context())
	w.must(err)
	u, err := a.Upstreams.Get(t.Context(), at, "public")
	w.must(err)
	w.store(u, nameOf(t, "stocked-5"), files+1, time.Now().Add(time.Second))
	w.wait(6 * time.Second)
	work("after a new page of one project", numbers, 1, files+1)
	w.wait(4 * day)
	if now := work("after the cooldown", numbers, projects-1, (projects-1)*files+1); now.Total != 1 {
		t.Errorf("after the cooldown: %+v", now)
	}
	if n := w.reader().SurveySize(); n != projects {
		t.Errorf("the survey has %d entries, want %d", n, projects)
	}
	w.bases("main")
	work("without the upstream", numbers, 0, 0)
	if n := w.reader().SurveySize(); n != 0 {
		t.Errorf("without the upstream, the survey has %d entries", n)
	}
}
