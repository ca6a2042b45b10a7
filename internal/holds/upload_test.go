package holds_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"pyindex/internal/assembly"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/holds"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/policy"
	"pyindex/internal/storage/blobs"
	"pyindex/internal/transfer"
	"pyindex/internal/transfer/transfertest"
)

// upload adds a file to main by an index, as an administrator.
func (d *desk) upload(x *assembly.Index, f packagingtest.File) error {
	in, err := x.Begin(d.Context(), d.boss, "", packaging.ProjectName{})
	if err != nil {
		return err
	}
	defer func() { _ = in.Discard() }()
	if _, err = in.Write(f.Bytes); err == nil {
		_, err = x.Publish(d.Context(), in, ingest.Upload{Filename: f.Name})
	}
	return err
}

func (d *desk) deny(n holds.NewDenial) holds.Ruling {
	d.Helper()
	n.Reason = "it steals tokens"
	r, err := d.holds.Deny(d.Context(), d.boss, n)
	d.must(err)
	return r
}

// TestDeniedUploads: nothing that is denied, or pinned to other content, is uploaded, and a lifted or removed denial
// counts no longer.
func TestDeniedUploads(t *testing.T) {
	each(t, func(d *desk) {
		ctx := d.Context()
		one := packagingtest.Wheel("demo", "1.0", "x = 1\n")
		two := packagingtest.Wheel("demo", "2.0", "x = 2\n")
		spelled := packagingtest.SDist("demo", "1.0", "x = 3\n")
		spelled.Name = "Demo-1.0.0.tar.gz"
		for what, c := range map[string]struct {
			n    holds.NewDenial
			hits []packagingtest.File
		}{
			"the project":       {holds.NewDenial{Target: d.target("Demo", "")}, []packagingtest.File{one, two, spelled}},
			"the version":       {holds.NewDenial{Target: d.target("demo==1", "")}, []packagingtest.File{one, spelled}},
			"another spelling":  {holds.NewDenial{Target: d.target("demo==1.0.0", "")}, []packagingtest.File{one, spelled}},
			"the file":          {holds.NewDenial{Target: d.target("demo", one.Name)}, []packagingtest.File{one}},
			"the file, spelled": {holds.NewDenial{Target: d.target("demo", "demo-1.0.tar.gz")}, []packagingtest.File{spelled}},
			"the content":       {holds.NewDenial{SHA256: one.SHA256()}, []packagingtest.File{one}},
			"content of the name": {
				holds.NewDenial{Target: d.target("demo", ""), SHA256: one.SHA256()}, []packagingtest.File{one},
			},
		} {
			r := d.deny(c.n)
			for _, f := range c.hits {
				err := d.upload(d.Index, f)
				d.refused(what+" is denied: uploading "+f.Name, err, fault.Denied, "it steals tokens")
			}
			_, err := d.holds.Undeny(ctx, d.boss, r.ID)
			d.must(err)
		}
		if _, err := d.Project(ctx, d.boss, "", d.name("demo")); !fault.Is(err, fault.NotFound) {
			d.Errorf("refused uploads made a project: %v", err)
		}
		if got := d.recorded("file.add", audit.Refused); len(got) != 11 ||
			!strings.Contains(fmt.Sprint(got[0].Detail["reason"]), "it steals tokens") {
			d.Errorf("the audit log has %d refused uploads: %+v", len(got), got)
		}
		pin, err := d.holds.Pin(ctx, d.boss, holds.NewPin{
			Project: d.name("demo"), Filename: one.Name, SHA256: two.SHA256(), Reason: "r",
		})
		d.must(err)
		d.refused("a file that is pinned otherwise", d.upload(d.Index, one), fault.Denied, two.SHA256())
		_, err = d.holds.Unpin(ctx, d.boss, pin.ID)
		d.must(err)
		_, err = d.holds.Pin(ctx, d.boss, holds.NewPin{
			Project: d.name("demo"), Filename: one.Name, SHA256: one.SHA256(), Reason: "r",
		})
		d.must(err)
		d.must(d.upload(d.Index, one))
		d.must(d.upload(d.Index, one)) // identical
		d.deny(holds.NewDenial{SHA256: one.SHA256()})
		d.refused("an identical file that was denied later", d.upload(d.Index, one), fault.Denied, "it steals tokens")
		d.deny(holds.NewDenial{Target: d.target("other", "")})
		d.must(d.upload(d.Index, two)) // others are not concerned
	})
}

// between denies content while it is stored: after the checks and before the file is added.
type between struct {
	custody.Blobs
	deny func()
}

func (b between) Keep(ctx context.Context, key string, s custody.Stage) error {
	b.deny()
	return b.Blobs.Keep(ctx, key, s)
}

// TestDeniedMeanwhile: a denial that is committed after the checks of an upload and before its file is added still
// refuses it, and nothing is left.
func TestDeniedMeanwhile(t *testing.T) {
	each(t, func(d *desk) {
		bytes, err := blobs.Open(t.Context(), "file://"+t.TempDir(), blobs.Options{})
		d.must(err)
		t.Cleanup(func() { _ = bytes.Close() })
		f := packagingtest.Wheel("demo", "1.0", "x = 1\n")
		x := assembly.New(d.second.Catalog(), between{bytes, func() { d.deny(holds.NewDenial{SHA256: f.SHA256()}) }},
			assembly.Options{Now: d.clock, Log: slog.New(slog.DiscardHandler)})
		d.refused("an upload", d.upload(x, f), fault.Denied, "it steals tokens")
		if _, err := d.Project(d.Context(), d.boss, "", d.name("demo")); !fault.Is(err, fault.NotFound) {
			d.Errorf("a refused upload made a project: %v", err)
		}
		d.must(d.upload(d.Index, packagingtest.Wheel("demo", "1.0", "x = 2\n"))) // the name is not burned
	})
}

// TestDeniedRace: of many uploads during which their project is denied, those that were added are the ones from before
// the denial, and all others are refused.
func TestDeniedRace(t *testing.T) {
	each(t, func(d *desk) {
		const uploads = 24
		added := func() int {
			n := 0
			d.must(d.rows.Catalog().View(d.Context(), func(tx catalog.Tx) error {
				r, err := tx.RepositoryByName(d.Context(), catalog.MainRepository)
				if err != nil {
					return err
				}
				p, err := tx.ProjectByName(d.Context(), r.ID, d.name("demo"))
				if err != nil {
					return err
				}
				files, err := tx.AllFiles(d.Context(), p.ID)
				n = len(files)
				return err
			}))
			return n
		}
		d.must(d.upload(d.Index, packagingtest.Wheel("demo", "0", "x = 0\n")))
		var mu sync.Mutex
		var all sync.WaitGroup
		won, begun := 1, make(chan struct{}, uploads)
		for i := range uploads {
			f := packagingtest.Wheel("demo", fmt.Sprint(i+1), "x = 1\n")
			all.Go(func() {
				begun <- struct{}{}
				err := d.upload(d.Index, f)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won++
				} else if !fault.Is(err, fault.Denied) {
					d.Errorf("an upload during the denial = %v (%v)", err, fault.KindOf(err))
				}
			})
		}
		for range uploads / 2 {
			<-begun
		}
		d.deny(holds.NewDenial{Target: d.target("demo", "")})
		before := added()
		all.Wait()
		if after := added(); after != before || after != won {
			d.Errorf("%d files were there after the denial and %d in the end; %d uploads succeeded", before, after, won)
		}
	})
}

// inOrder compares lists of files in the order of their names.
var inOrder = cmpopts.SortSlices(func(a, b transfer.Listed) bool { return a.Filename < b.Filename })

// TestPlanWithoutDigests: the plan of a source that states no digests refuses what is denied whatever its content is,
// and nothing that depends on the content. A deep plan reads it.
func TestPlanWithoutDigests(t *testing.T) {
	each(t, func(d *desk) {
		source := transfertest.New()
		files := map[string]packagingtest.File{}
		for _, v := range []string{"1.0", "2.0", "3.0", "4.0"} {
			files[v] = packagingtest.Wheel("demo", v, "x = "+v+"\n")
			source.Add(files[v], func(f *transfer.File) { f.Hashes = nil })
		}
		lifted := packagingtest.Wheel("lifted", "1.0", "x = 1\n")
		source.Add(lifted, func(f *transfer.File) { f.Hashes = nil })
		d.deny(holds.NewDenial{SHA256: files["1.0"].SHA256()})
		d.deny(holds.NewDenial{Target: d.target("demo==2", "")})
		_, err := d.holds.Pin(d.Context(), d.boss, holds.NewPin{
			Project: d.name("demo"), Filename: files["3.0"].Name, SHA256: sum("a"), Reason: "r",
		})
		d.must(err)
		d.files.of["lifted"] = []holds.File{{
			Filename: lifted.Name, Version: "1.0", SHA256: lifted.SHA256(),
			Decision: policy.Decision{Verdict: policy.Deny, Rule: policy.RuleDenylist},
		}}
		d.deny(holds.NewDenial{Target: d.target("lifted", "")})
		_, err = d.holds.Lift(d.Context(), d.boss, holds.NewLift{
			Repository: catalog.MainRepository, Target: d.target("lifted", lifted.Name), Reason: "r",
		})
		d.must(err)
		importer := &transfer.Importer{Store: d.rows.Transfer(), Index: d.Index.Index, Intake: d.Index.Intake, Who: d.boss}
		for deep, want := range map[bool][]string{
			false: {files["2.0"].Name}, true: {files["1.0"].Name, files["2.0"].Name, files["3.0"].Name},
		} {
			plan, err := importer.Plan(d.Context(), source,
				transfer.Options{Repository: catalog.MainRepository, Deep: deep})
			d.must(err)
			var got []string
			for _, f := range plan.Refused {
				got = append(got, f.Filename)
			}
			if slices.Sort(got); !slices.Equal(got, want) {
				d.Errorf("the plan (deep: %v) refuses %q, want %q", deep, got, want)
			}
		}
	})
}

// TestDeniedImports: an import leaves out what is denied or pinned otherwise, with the reason, and adds the rest.
func TestDeniedImports(t *testing.T) {
	each(t, func(d *desk) {
		ctx := d.Context()
		source := transfertest.New()
		files := map[string]packagingtest.File{}
		for _, v := range []string{"1.0", "2.0", "3.0", "4.0", "5.0"} {
			files[v] = packagingtest.Wheel("demo", v, "x = "+v+"\n")
			source.Add(files[v])
		}
		source.Add(packagingtest.Wheel("other", "1.0", "x = 1\n"))
		d.deny(holds.NewDenial{SHA256: files["1.0"].SHA256()})
		d.deny(holds.NewDenial{Target: d.target("demo==2", "")})
		d.deny(holds.NewDenial{Target: d.target("demo", files["3.0"].Name)})
		_, err := d.holds.Pin(ctx, d.boss, holds.NewPin{
			Project: d.name("demo"), Filename: files["4.0"].Name, SHA256: sum("a"), Reason: "r",
		})
		d.must(err)
		importer := &transfer.Importer{Store: d.rows.Transfer(), Index: d.Index.Index, Intake: d.Index.Intake, Who: d.boss}
		var plans []*transfer.Plan
		for _, deep := range []bool{false, true} {
			plan, err := importer.Plan(ctx, source, transfer.Options{Repository: catalog.MainRepository, Deep: deep})
			d.must(err)
			plans = append(plans, plan)
		}
		_, got, err := importer.Run(ctx, source, transfer.Options{Repository: catalog.MainRepository})
		for _, plan := range plans {
			if diff := cmp.Diff(got.RefusedList, plan.Refused, inOrder); diff != "" || plan.Add != 2 {
				d.Errorf("the plan adds %d files and refuses others than the run: %s", plan.Add, diff)
			}
		}
		if err != nil || got.Added != 2 || got.Refused != 4 {
			d.Errorf("Run() = %+v, %v", got, err)
		}
		if got.RefusedBy["denied here"] != 3 || got.RefusedBy["pinned to another digest"] != 1 {
			d.Errorf("the kinds of refusals are %v", got.RefusedBy)
		}
		for _, r := range got.RefusedList {
			if r.Kind == "denied here" && !strings.Contains(r.Reason, "it steals tokens") {
				d.Errorf("%s was refused: %s", r.Filename, r.Reason)
			}
		}
		_, again, err := importer.Run(ctx, source, transfer.Options{Repository: catalog.MainRepository})
		if err != nil || again.Added != 0 || again.Present != 2 {
			d.Errorf("Run() again = %+v, %v", again, err)
		}
	})
}
