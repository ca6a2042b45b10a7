package catalog_test

import (
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pyindex/internal/access"
	"pyindex/internal/assembly"
	"pyindex/internal/catalog"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging/packagingtest"
)

// notary is an Attester that returns the test's answer and records its input.
type notary struct {
	told     []ingest.Attested
	keep     []catalog.Attestation
	warnings []string
	err      error
}

func (n *notary) Attest(a ingest.Attested) ([]catalog.Attestation, []string, error) {
	n.told = append(n.told, a)
	return n.keep, n.warnings, n.err
}

// newAttested returns a world whose index uses n as Attester.
func newAttested(t *testing.T, n *notary) *world {
	w := newWorld(t, ingest.Policy{}, catalog.Limits{})
	w.Index = assembly.New(w.db.Catalog(), w.blobs, assembly.Options{Log: slog.New(slog.DiscardHandler), Attester: n})
	return w
}

// with returns an upload option that sets the attestations field.
func with(sent ...string) func(*ingest.Upload) {
	return func(u *ingest.Upload) { u.Attestations = sent }
}

var (
	proof = catalog.Attestation{
		Predicate: "a", Document: "{}", Verified: true, Publisher: map[string]any{"kind": "GitHub"},
	}
	claim = catalog.Attestation{Predicate: "b", Document: "[]"}
)

// provenance requests the provenance of demo 1.0's wheel.
func (w *world) provenance(who access.Caller, version, filename string) ([]catalog.Attestation, error) {
	return w.Provenance(w.t.Context(), who, "", name(w.t, "demo"), version, filename)
}

func TestAttested(t *testing.T) {
	n := &notary{keep: []catalog.Attestation{proof, claim}, warnings: []string{"mind"}}
	w := newAttested(t, n)
	f := packagingtest.Wheel("demo", "1.0", "x")
	got, err := w.upload(w.admin, f, with("[1]"))
	if err != nil || !got.File.Attested || !slices.Contains(got.Warnings, "mind") {
		t.Fatalf("Publish = %+v, %v, want an attested file and the warning", got, err)
	}
	told := n.told[0]
	if !slices.Equal(told.Sent, []string{"[1]"}) || told.Filename.String() != f.Name || told.SHA256 != f.SHA256() ||
		told.Uploader != access.KindOperator {
		t.Errorf("the attester got %+v", told)
	}
	all, err := w.provenance(w.admin, "1.0", f.Name)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]catalog.Attestation{proof}, all); d != "" {
		t.Errorf("Provenance (-want +got):\n%s", d)
	}
	again, err := w.upload(w.admin, f, with("[2]"))
	if err != nil || again.Created || len(n.told) != 1 || len(again.Warnings) != 1 ||
		!strings.Contains(again.Warnings[0], "attestations were ignored") {
		t.Errorf("the same file again = %+v, %v, %d calls, want a warning and no call", again, err, len(n.told))
	}
	if err := w.DeleteRelease(t.Context(), w.admin, "", name(t, "demo"), "1.0"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.provenance(w.admin, "1.0", f.Name); !fault.Is(err, fault.NotFound) {
		t.Errorf("Provenance of a deleted file = %v, want fault.NotFound", err)
	}
}

// TestUnverifiedIsNotShown: stored but unverified attestations are in the rows and nowhere else.
func TestUnverifiedIsNotShown(t *testing.T) {
	w := newAttested(t, &notary{keep: []catalog.Attestation{claim}})
	f := packagingtest.Wheel("demo", "1.0", "x")
	got, err := w.upload(w.admin, f, with("[1]"))
	if err != nil || got.File.Attested {
		t.Fatalf("Publish = %+v, %v, want a file that is not attested", got, err)
	}
	if all, err := w.provenance(w.admin, "1.0", f.Name); !fault.Is(err, fault.NotFound) {
		t.Errorf("Provenance = %v, %v, want fault.NotFound", all, err)
	}
	err = w.db.Catalog().View(t.Context(), func(tx catalog.Tx) error {
		kept, err := tx.Attestations(t.Context(), got.File.ID)
		if d := cmp.Diff([]catalog.Attestation{claim}, kept); d != "" {
			t.Errorf("kept (-want +got):\n%s", d)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestAttesterRefuses: a refused upload leaves nothing behind, and its name remains available.
func TestAttesterRefuses(t *testing.T) {
	n := &notary{keep: []catalog.Attestation{proof}, err: fault.New(fault.Invalid, "false")}
	w := newAttested(t, n)
	f := packagingtest.Wheel("demo", "1.0", "x")
	if _, err := w.upload(w.admin, f, with("[1]")); !fault.Is(err, fault.Invalid) || fault.Message(err) != "false" {
		t.Fatalf("Publish = %v, want the attester's refusal", err)
	}
	if _, err := w.Project(t.Context(), w.admin, "", name(t, "demo")); !fault.Is(err, fault.NotFound) {
		t.Errorf("a refused upload created the project: %v", err)
	}
	if _, _, err := w.blobs.Open(t.Context(), custody.FileKey(f.SHA256())); !fault.Is(err, fault.NotFound) {
		t.Errorf("a refused upload left its content: %v", err)
	}
	n.err = nil
	if got, err := w.upload(w.admin, f, with("[1]")); err != nil || !got.Created {
		t.Errorf("the next one = %+v, %v", got, err)
	}
}

// TestAttesterRepeatsItself: two attestations of one predicate cannot be stored, so the upload fails.
func TestAttesterRepeatsItself(t *testing.T) {
	w := newAttested(t, &notary{keep: []catalog.Attestation{proof, proof}})
	if _, err := w.upload(w.admin, packagingtest.Wheel("demo", "1.0", "x"), with("[1]")); err == nil {
		t.Error("Publish took two attestations of one predicate")
	}
	if _, err := w.Project(t.Context(), w.admin, "", name(t, "demo")); !fault.Is(err, fault.NotFound) {
		t.Errorf("a failed upload created the project: %v", err)
	}
}

// TestNoAttester: an index without an Attester discards attestations and warns their senders.
func TestNoAttester(t *testing.T) {
	w := newWorld(t, ingest.Policy{}, catalog.Limits{})
	got, err := w.upload(w.admin, packagingtest.Wheel("demo", "1.0", "x"), with("[1]"))
	if err != nil || got.File.Attested || !strings.Contains(strings.Join(got.Warnings, "\n"), "not kept") {
		t.Errorf("Publish = %+v, %v, want a warning", got, err)
	}
	got, err = w.upload(w.admin, packagingtest.Wheel("demo", "1.1", "x1"))
	if err != nil || strings.Contains(strings.Join(got.Warnings, "\n"), "attestations") {
		t.Errorf("Publish without any = %+v, %v, want no such warning", got, err)
	}
}

// TestProvenanceAsked: provenance is not found if one part of the address is wrong or the caller may not see the file.
func TestProvenanceAsked(t *testing.T) {
	w := newAttested(t, &notary{keep: []catalog.Attestation{proof}})
	f := packagingtest.Wheel("demo", "1.0", "x")
	if _, err := w.upload(w.admin, f, with("[1]")); err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"1.1", "", "1.0+a", "junk"} {
		if _, err := w.provenance(w.admin, version, f.Name); !fault.Is(err, fault.NotFound) {
			t.Errorf("Provenance of version %q = %v, want fault.NotFound", version, err)
		}
	}
	if _, err := w.provenance(w.admin, "1.0", "Demo-1.0-py3-none-any.whl"); !fault.Is(err, fault.NotFound) {
		t.Errorf("Provenance of another spelling = %v, want fault.NotFound", err)
	}
	if _, err := w.Provenance(t.Context(), w.admin, "", name(t, "other"), "1.0", f.Name); !fault.Is(err, fault.NotFound) {
		t.Errorf("Provenance below another project = %v, want fault.NotFound", err)
	}
	if _, err := w.provenance(access.Caller{}, "1.0", f.Name); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("Provenance for an anonymous caller = %v, want fault.Unauthenticated", err)
	}
	if _, err := w.provenance(w.admin, "1.0.0", f.Name); err != nil {
		t.Errorf("Provenance of version 1.0.0 = %v, want that of 1.0", err)
	}
}
