package resolve_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/holds"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/upstream/page"
	"pyindex/internal/upstream/upstreamtest"
)

// deny denies files, as an administrator.
func (w *world) deny(n holds.NewDenial) {
	w.t.Helper()
	n.Reason = "it steals tokens"
	a := w.replicas[0]
	_, err := a.Holds.Deny(w.t.Context(), a.Operator, n)
	w.must(err)
}

func (w *world) target(text, filename string) holds.Target {
	w.t.Helper()
	t, err := holds.ParseTarget(text, filename)
	w.must(err)
	return t
}

// file asks a replica for a file of the public upstream.
func (w *world) file(replica int, token access.Secret, f packagingtest.File, suffix string) (status int, body string) {
	w.t.Helper()
	path := page.Path(w.public.FileURL(f.Name), f.Name, "")
	out := w.call(replica, token, http.MethodGet, "/packages/public/"+path+suffix, nil)
	if out == nil {
		return 0, "" // the connection was aborted
	}
	return out.Code, out.Body.String()
}

// TestDeniedFileInAnotherSpelling: a denial and a pin name a file, however the page that lists it spells the name.
func TestDeniedFileInAnotherSpelling(t *testing.T) {
	eachPair(t, func(w *world) {
		foreign := packagingtest.SDist("other-demo", "1.0", "theirs")
		foreign.Name = "Other_Demo-1.0.0.tar.gz"
		pinned := packagingtest.Wheel("other-demo", "2.0", "theirs")
		ours := packagingtest.Wheel("our-demo", "1.0", "ours")
		w.public.Add(foreign, pinned)
		w.publish("", ours)
		for _, f := range []packagingtest.File{foreign, pinned} {
			if status, _ := w.file(1, w.admin, f, ""); status != http.StatusOK {
				t.Fatalf("%s = %d before it is denied", f.Name, status)
			}
		}
		w.deny(holds.NewDenial{Target: w.target("other-demo", "other-demo-1.0.tar.gz")})
		w.deny(holds.NewDenial{Target: w.target("our-demo", "our_demo-1.0.0-py3-none-any.whl")})
		a := w.replicas[0]
		_, err := a.Holds.Pin(t.Context(), a.Operator, holds.NewPin{
			Project: name(t, "other-demo"), Filename: "Other_Demo-2.0.0-py3-none-any.whl", SHA256: ours.SHA256(), Reason: "r",
		})
		w.must(err)
		for replica := range w.replicas {
			for _, f := range []packagingtest.File{foreign, pinned} {
				if status, body := w.file(replica, w.admin, f, ""); status != http.StatusForbidden {
					t.Errorf("%s on replica %d = %d %.100q", f.Name, replica, status, body)
				}
			}
			out := w.call(replica, w.admin, http.MethodGet, "/packages/"+ours.SHA256()+"/"+ours.Name, nil)
			if out.Code != http.StatusForbidden {
				t.Errorf("%s on replica %d = %d", ours.Name, replica, out.Code)
			}
			out = w.call(replica, w.admin, http.MethodGet, "/simple/other-demo/", nil, "Accept", jsonPage)
			if n := strings.Count(out.Body.String(), `"yanked":"denied: `); n != 2 {
				t.Errorf("the page on replica %d has %d denied files: %s", replica, n, out.Body)
			}
		}
	})
}

// TestDeniedContentWithoutADigest: content that is denied by its digest is not served although its upstream states no
// digest, so that this index learns it only from the content.
func TestDeniedContentWithoutADigest(t *testing.T) {
	eachPair(t, func(w *world) {
		hashes := false
		a := w.replicas[0]
		w.must(a.Index.ChangeRepository(t.Context(), a.Operator, "main", catalog.RepositoryChange{RequireHashes: &hashes}))
		small := packagingtest.SDist("nameless", "1.0", "theirs")
		large := packagingtest.Wheel("nameless", "2.0", strings.Repeat("x = 1\n", 400_000))
		w.public.Add(small, large)
		w.public.Change("nameless", func(p *upstreamtest.Project) {
			for _, f := range p.Files {
				f.NoSHA256 = true
			}
		})
		w.deny(holds.NewDenial{SHA256: small.SHA256()})
		w.deny(holds.NewDenial{SHA256: large.SHA256()})
		for _, f := range []packagingtest.File{small, large} {
			for replica := range w.replicas {
				for range 2 {
					status, body := w.file(replica, w.admin, f, "")
					if bytes.Contains([]byte(body), f.Bytes) || bytes.HasSuffix([]byte(body), f.Bytes[len(f.Bytes)-20:]) {
						t.Errorf("%s on replica %d = %d with the content", f.Name, replica, status)
					}
				}
			}
			if status, body := w.file(0, w.admin, f, ""); status != http.StatusForbidden ||
				!strings.Contains(body, "denied: denylist") {
				t.Errorf("%s = %d %.100q in the end", f.Name, status, body)
			}
		}
	})
}

// TestDeniedReleaseIsHidden: if held files are hidden, a release of an own project whose only file is denied is not
// among the versions, while the others are.
func TestDeniedReleaseIsHidden(t *testing.T) {
	eachPair(t, func(w *world) {
		denied := packagingtest.Wheel("our-demo", "2.0", "denied")
		w.publish("", packagingtest.Wheel("our-demo", "1.0", "kept"))
		w.publish("", denied)
		a, hidden := w.replicas[0], catalog.ShowHidden
		w.must(a.Index.ChangeRepository(t.Context(), a.Operator, "main", catalog.RepositoryChange{ShowHeld: &hidden}))
		w.deny(holds.NewDenial{Target: w.target("our-demo", denied.Name)})
		for replica := range w.replicas {
			out := w.call(replica, w.admin, http.MethodGet, "/simple/our-demo/", nil, "Accept", jsonPage)
			if got := out.Body.String(); !strings.Contains(got, `"versions":["1.0"]`) || strings.Contains(got, denied.Name) {
				t.Errorf("the page on replica %d is %s", replica, got)
			}
		}
	})
}
