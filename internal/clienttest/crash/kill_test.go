package crash_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pyindex/internal/clienttest"
	"pyindex/internal/packaging/packagingtest"
)

const (
	senders = 4
	longest = 60 * time.Millisecond // of a server's life after the uploads began
)

// TestKill kills the server at a random moment while four clients upload, 20 times, or 200 times in depth. After each
// restart every listed file is there and equals its digest, everything that was answered with 200 is listed, and
// sending the rest again succeeds. In the end nothing but stages of killed uploads is left over.
func TestKill(t *testing.T) {
	s := clienttest.Serve(t, clienttest.Options{})
	s.User("alice", true)
	c := &client{t: t, s: s, token: s.Token("alice")}
	kills := clienttest.Rounds(t, 20, 200)
	random := rand.New(rand.NewPCG(2026, 11))
	var interrupted, answered int
	for round := range kills {
		files := c.files(round)
		done := c.sendUntilKilled(files, senders, time.Duration(random.Int64N(int64(longest))))
		s.Start()
		listed := c.listed(project(round))
		for _, f := range files {
			if done[f.Name] && listed[f.Name] != f.SHA256() {
				t.Fatalf("round %d: %s was answered with 200, but is listed with digest %q", round, f.Name, listed[f.Name])
			}
		}
		interrupted, answered = interrupted+len(files)-len(done), answered+len(done)
		c.sendAgain(files)
	}
	t.Logf("%d kills, %d uploads answered before them, %d interrupted and sent again", kills, answered, interrupted)
	if interrupted < kills/4 || answered < kills/4 {
		t.Errorf("the kills came too early or too late to show anything: %d interrupted, %d answered", interrupted, answered)
	}
	for round := range kills {
		if n := len(c.listed(project(round))); n != perRound {
			t.Errorf("project %s lists %d files, want %d", project(round), n, perRound)
		}
	}
	c.leftovers(kills*perRound, kills*senders)
}

const perRound = 8

func project(round int) string { return fmt.Sprintf("crash-%d", round) }

// client uploads files and reads them back.
type client struct {
	t     *testing.T
	s     *clienttest.Server
	token string
}

// files makes a round's files: wheels of some kilobytes, one of them larger so that kills meet it half-way.
func (c *client) files(round int) []packagingtest.File {
	var files []packagingtest.File
	for i := range perRound {
		size := 4 << 10
		if i == 0 {
			size = 1 << 20
		}
		files = append(files,
			packagingtest.Wheel(project(round), fmt.Sprintf("1.%d", i), strings.Repeat("#", size)+fmt.Sprint(round, i)))
	}
	return files
}

// sendUntilKilled uploads with several senders, kills the server after a while, and returns what was answered with 200.
func (c *client) sendUntilKilled(files []packagingtest.File, senders int, after time.Duration) map[string]bool {
	done, queue := map[string]bool{}, make(chan packagingtest.File, len(files))
	for _, f := range files {
		queue <- f
	}
	close(queue)
	var mu sync.Mutex
	var all sync.WaitGroup
	for range senders {
		all.Go(func() {
			for f := range queue {
				if status, _, err := c.upload(f); err == nil && status == http.StatusOK {
					mu.Lock()
					done[f.Name] = true
					mu.Unlock()
				}
			}
		})
	}
	time.Sleep(after)
	c.s.Kill()
	all.Wait()
	return done
}

// sendAgain uploads everything once more: what is there is no change, what was interrupted succeeds now.
func (c *client) sendAgain(files []packagingtest.File) {
	for _, f := range files {
		if status, body, err := c.upload(f); err != nil || status != http.StatusOK {
			c.t.Fatalf("sending %s again: %d %s %v", f.Name, status, body, err)
		}
	}
}

func (c *client) upload(f packagingtest.File) (int, string, error) {
	body, contentType := f.Form()
	r, err := http.NewRequest("POST", c.s.URL+"/legacy/", bytes.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("Content-Type", contentType)
	r.SetBasicAuth("__token__", c.token)
	return c.do(r)
}

func (c *client) do(r *http.Request) (int, string, error) {
	answer, err := c.s.HTTP.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(text), err
}

func (c *client) get(path string) (int, string) {
	c.t.Helper()
	r, err := http.NewRequest("GET", c.s.URL+path, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Accept", "application/vnd.pypi.simple.v1+json, */*;q=0.1")
	r.SetBasicAuth("__token__", c.token)
	status, text, err := c.do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	return status, text
}

// listed returns the digests of a project's files by name, after it has fetched each file, and its metadata, and
// compared them with what the page says.
func (c *client) listed(project string) map[string]string {
	c.t.Helper()
	status, text := c.get("/simple/" + project + "/")
	if status == http.StatusNotFound {
		return nil
	}
	var page struct {
		Files []struct {
			Filename, URL string
			Hashes        map[string]string
			CoreMetadata  map[string]string `json:"core-metadata"`
		}
	}
	if err := json.Unmarshal([]byte(text), &page); err != nil || status != http.StatusOK {
		c.t.Fatalf("the page of %s: %d %v\n%s", project, status, err, text)
	}
	digests := map[string]string{}
	for _, f := range page.Files {
		digests[f.Filename] = f.Hashes["sha256"]
		c.same(f.URL, f.Hashes["sha256"])
		c.same(f.URL+".metadata", f.CoreMetadata["sha256"])
	}
	return digests
}

func (c *client) same(url, want string) {
	c.t.Helper()
	status, bytes := c.get(strings.TrimPrefix(url, c.s.URL))
	sum := sha256.Sum256([]byte(bytes))
	if got := hex.EncodeToString(sum[:]); status != http.StatusOK || got != want {
		c.t.Fatalf("%s: %d, digest %s, want %s", url, status, got, want)
	}
}

// leftovers counts the files below the blob folder: one for each upload and its metadata, and at most the given number
// of stages.
func (c *client) leftovers(uploads, most int) {
	kept, stages := 0, 0
	err := filepath.WalkDir(filepath.Join(c.s.DataDir, "blobs"), func(path string, d os.DirEntry, err error) error {
		switch {
		case err != nil || d.IsDir():
		case strings.Contains(path, "/files/"), strings.Contains(path, "/metadata/"):
			kept++
		default:
			stages++
		}
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	// The metadata of a project's wheels differs in the version alone, so no two share it.
	if want := 2 * uploads; kept != want {
		c.t.Errorf("%d blobs are kept, want %d", kept, want)
	}
	if stages > most {
		c.t.Errorf("%d stages are left, want at most %d", stages, most)
	}
}
