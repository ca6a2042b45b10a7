package crash_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"pyindex/internal/clienttest"
	"pyindex/internal/packaging/packagingtest"
)

// TestKillTogether is TestKill with uploads that share transactions: sixteen clients send small files of one project at
// the same moment, and the server is killed while their commits, syncs and answers overlap.
func TestKillTogether(t *testing.T) {
	const clients = 16
	s := clienttest.Serve(t, clienttest.Options{})
	s.User("alice", true)
	c := &client{t: t, s: s, token: s.Token("alice")}
	kills := clienttest.Rounds(t, 12, 120)
	random := rand.New(rand.NewPCG(2026, 23))
	var interrupted, answered int
	for round := range kills {
		var files []packagingtest.File
		for i := range clients {
			files = append(files, packagingtest.Wheel(project(round), fmt.Sprintf("1.%d", i),
				strings.Repeat("#", 4<<10)+fmt.Sprint(round, i)))
		}
		done := c.sendUntilKilled(files, clients, time.Duration(random.Int64N(int64(2*longest))))
		s.Start()
		listed := c.listed(project(round))
		for _, f := range files {
			if done[f.Name] && listed[f.Name] != f.SHA256() {
				t.Fatalf("round %d: %s was answered with 200, but is listed with digest %q", round, f.Name, listed[f.Name])
			}
		}
		interrupted, answered = interrupted+len(files)-len(done), answered+len(done)
		c.sendAgain(files)
		if n := len(c.listed(project(round))); n != clients {
			t.Errorf("project %s lists %d files, want %d", project(round), n, clients)
		}
	}
	t.Logf("%d kills, %d uploads answered before them, %d interrupted and sent again", kills, answered, interrupted)
	if interrupted < kills || answered == 0 {
		t.Errorf("the kills came too early or too late to show anything: %d interrupted, %d answered", interrupted, answered)
	}
	c.leftovers(kills*clients, 2*kills*clients) // the stages of a file and of its metadata
}
