package resolve

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"pyindex/internal/policy"
	"pyindex/internal/upstream/page"
)

// TestJudgeGone: the files that left a page are decided about together as each is alone.
func TestJudgeGone(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	r := rand.New(rand.NewPCG(1, 2))
	some := func(n int, prefix string) (out []page.File) {
		for i := range n {
			seen := now.Add(-time.Duration(r.IntN(2000)) * time.Hour)
			f := page.File{
				Filename: fmt.Sprintf("demo-%s%d.whl", prefix, i), Version: fmt.Sprint(r.IntN(5)), FirstSeen: seen,
				URL: fmt.Sprintf("https://files.example/%s%d/demo.whl", prefix, i), SHA256: fmt.Sprintf("%064d", i),
			}
			if r.IntN(4) > 0 {
				f.Uploaded = seen.Add(-time.Duration(r.IntN(40)) * time.Hour)
			}
			out = append(out, f)
		}
		return out
	}
	verdicts := map[policy.Verdict]int{}
	for range 300 {
		p := page.Page{Files: some(r.IntN(12), "a"), Gone: some(1+r.IntN(8), "b")}
		for i := range p.Gone {
			p.Gone[i].LastSeen = now.Add(-time.Duration(r.IntN(500)) * time.Hour)
		}
		v := &View{ruled: &ruled{standing: nothing, ways: []policy.Settings{{
			Direct: true, Cooldown: time.Duration(r.IntN(2000)) * time.Hour,
			KeepRemoved: []policy.Removed{"", policy.KeepAll, policy.KeepNone}[r.IntN(3)],
		}}}}
		v.Upstream.TrustTimes = r.IntN(2) == 0
		judged, rules := v.judgeGone(&p), v.rulesOf(p)
		for i := range p.Gone {
			got := rules.Decide(&judged[i], now)
			want := v.decideOne(p, p.Gone[i], p.Gone[i].Path(""), now)
			verdicts[want.Verdict]++
			if got != want {
				t.Fatalf("%s of %+v: %+v, want %+v", p.Gone[i].Filename, p, got, want)
			}
		}
	}
	if verdicts[policy.Serve] < 50 || verdicts[policy.Hold] < 50 {
		t.Errorf("the cases are one-sided: %v", verdicts)
	}
}
