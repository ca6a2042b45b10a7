package policy

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"pyindex/internal/clienttest"
	"pyindex/internal/storage/postgrestest"
)

// newReplicas starts three servers on one database and one folder.
func newReplicas(t *testing.T) (w *world, replicas []*clienttest.Server) {
	t.Helper()
	postgrestest.Skip(t)
	w = newUpstream(t)
	o := clienttest.Options{
		OwnStores: true,
		Env:       []string{clienttest.Postgres(t), w.settings(), "INDEX_STORAGE_URL=file://" + t.TempDir()},
	}
	replicas = make([]*clienttest.Server, 3)
	var all sync.WaitGroup
	for i := range replicas {
		all.Go(func() { replicas[i] = clienttest.Serve(t, o) })
	}
	all.Wait()
	if t.Failed() {
		t.FailNow()
	}
	w.server = replicas[0]
	w.people()
	return w, replicas
}

// on returns the repository as another replica serves it.
func (w *tree) on(s *clienttest.Server) *tree {
	other := *w.world
	other.server = s
	return &tree{&other, w.name}
}

// says returns what each representation of release 2.0 of a project says: its page as JSON and as HTML, its file with
// the metadata, and the JSON of the release.
func (w *tree) says(project string) map[string]string {
	w.t.Helper()
	out := map[string]string{}
	name := w.wheels[project+"==2.0"].Name
	var page struct {
		Files []struct {
			Filename, URL string
			Yanked        any
		}
	}
	at := "/r/" + w.name
	if err := json.Unmarshal([]byte(w.get(at+"/simple/"+project+"/").body), &page); err != nil {
		w.t.Fatal(err)
	}
	for _, f := range page.Files {
		if f.Filename == name {
			out["page"] = fmt.Sprint(f.Yanked)
			out["file"], out["metadata"] = w.get(f.URL).status, w.get(f.URL+".metadata").status
		}
	}
	html := w.getAs(at+"/simple/"+project+"/", "text/html").body
	_, html, _ = strings.Cut(html, name+"#")
	html, _, _ = strings.Cut(html, "</a>")
	out["HTML"] = "false"
	if _, reason, yanked := strings.Cut(html, `data-yanked="`); yanked {
		out["HTML"], _, _ = strings.Cut(reason, `"`)
	}
	var release struct {
		URLs []struct {
			Yanked bool
			Reason string `json:"yanked_reason"`
		}
	}
	if err := json.Unmarshal([]byte(w.get(at+"/pypi/"+project+"/2.0/json").body), &release); err != nil {
		w.t.Fatal(err)
	}
	for _, f := range release.URLs {
		if out["JSON"] = f.Reason; !f.Yanked {
			out["JSON"] = "false"
		}
	}
	return out
}

// all fails the test unless every replica says, on its next request, that release 2.0 of a project is served, or the
// reason why it is not.
func (w *tree) all(replicas []*clienttest.Server, when, project, reason string) {
	w.t.Helper()
	for n, s := range replicas {
		says := w.on(s).says(project)
		if len(says) != 5 {
			w.t.Errorf("%s: replica %d shows %s in %d ways, want 5: %v", when, n, project, len(says), says)
		}
		for what, said := range says {
			served := said == "false" || said == "200 OK"
			if reason == "" && !served || reason != "" && !strings.HasPrefix(strings.TrimPrefix(said, "403 "), reason) {
				w.t.Errorf("%s: %s of %s on replica %d says %q, want %q", when, what, project, n, said, reason)
			}
		}
	}
}

// Every change of what is held and denied is seen on the next request on each of three replicas, although they rendered
// everything before.
func TestReplicas(t *testing.T) {
	t.Parallel()
	w, replicas := newReplicas(t)
	team := w.repository(t, "team")
	held, deniedBy := "held: cooldown until ", "denied: denylist, "+reason
	for _, project := range []string{cooling, hostile, denied} {
		team.all(replicas, "at first", project, "")
	}

	w.index("repository", "set", "team", "--cooldown", "72h")
	team.all(replicas, "with a cooldown", cooling, held)
	team.all(replicas, "with a cooldown", denied, "")
	id := word(w.index("exempt", "add", "team", cooling, "--reason", "we need it today"))
	team.all(replicas, "exempt", cooling, "")
	w.index("exempt", "remove", id)
	team.all(replicas, "no longer exempt", cooling, held)
	w.index("repository", "set", "team", "--observe")
	team.all(replicas, "observed", cooling, "")
	w.index("repository", "set", "team", "--no-observe")
	team.all(replicas, "not only observed", cooling, held)
	w.index("repository", "set", "team", "--cooldown", "0s")
	team.all(replicas, "without a cooldown", cooling, "")

	id = word(w.index("deny", "add", denied+"==2.0", "--reason", reason))
	team.all(replicas, "denied", denied, deniedBy)
	lift := word(w.index("deny", "lift", denied+"==2.0", "--file", w.wheels[denied+"==2.0"].Name, "--repository", "team",
		"--reason", "it does not"))
	team.all(replicas, "lifted", denied, "")
	w.index("deny", "remove", lift)
	team.all(replicas, "denied again", denied, deniedBy)
	w.index("deny", "remove", id)
	team.all(replicas, "no longer denied", denied, "")

	wheel := w.wheels[denied+"==2.0"]
	id = word(w.index("pin", "add", denied, wheel.Name, strings.Repeat("a", 64), "--reason", reason))
	team.all(replicas, "pinned", denied, "denied: digest")
	w.index("pin", "remove", id)
	team.all(replicas, "no longer pinned", denied, "")

	w.feed()
	team.all(replicas, "with a feed", hostile, "denied: advisory "+advisory)
	team.all(replicas, "with a feed", affected, "")
	w.index("feed", "remove", "local")
	team.all(replicas, "without the feed", hostile, "")
}

// word returns the last word of the first line that a command printed, which is the id of what it made.
func word(output string) string {
	line, _, _ := strings.Cut(output, "\n")
	words := strings.Fields(line)
	return words[len(words)-1]
}

// One replica examines a wheel, and none serves it to anybody.
func TestReplicasOfAStartupFile(t *testing.T) {
	t.Parallel()
	w, replicas := newReplicas(t)
	urgent := w.repository(t, "urgent")
	w.index("repository", "set", "urgent", "--cooldown", "8760h", "--startup-files", "known")
	for n, c := range []struct{ status, when string }{
		{"403 held: cooldown until ", "too new"},
		{"403 held: startup, starting.pth", "exempt before anyone knew what is in it"},
		{"200 OK", "exempt again"},
	} {
		if n > 0 {
			w.index("exempt", "add", "urgent", starting, "--reason", "we need it today")
		}
		if status := urgent.on(replicas[n]).text(starting, "2.0"); !strings.HasPrefix(status, c.status) {
			t.Errorf("%s: replica %d answers %q, want %q", c.when, n, status, c.status)
		}
	}
	team := w.repository(t, "team")
	team.cool()
	for n, s := range replicas {
		if status := team.on(s).text(starting, "2.0"); !strings.HasPrefix(status, "403 held: startup, starting.pth") {
			t.Errorf("replica %d answers %q", n, status)
		}
	}
}
