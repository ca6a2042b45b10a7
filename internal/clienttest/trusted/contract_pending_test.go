package trusted_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// listedPublisher is a row of "index publisher list --json".
type listedPublisher struct {
	ID, Project string
	Pending     bool
}

// publishersOf are the publishers of a project, pending ones too.
func (w *workflow) publishersOf(project string) []listedPublisher {
	w.t.Helper()
	var all []listedPublisher
	out := w.Index("publisher", "list", "--json").OK(w.t).Stdout
	if err := json.Unmarshal([]byte(out), &all); err != nil {
		w.t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(p listedPublisher) bool { return p.Project != project })
}

// owners is what "index grant list" says of a project.
func (w *workflow) owners(project string) string {
	w.t.Helper()
	return w.Index("grant", "list", "--project", project).OK(w.t).Stdout
}

// untouched checks that a project that alice created belongs only to her and has no publisher.
func (w *workflow) untouched(project string) {
	w.t.Helper()
	if out := w.owners(project); !strings.Contains(out, "alice") || strings.Contains(out, "carol") {
		w.t.Errorf("the owners: %s, want alice alone", out)
	}
	if slices.ContainsFunc(w.publishersOf(project), func(p listedPublisher) bool { return !p.Pending }) {
		w.t.Error("the pending publisher was attached to a project that was there before")
	}
	if !w.listed(project, "-0.1-") {
		w.t.Error("the release of the project that took the name is gone")
	}
}

var pendingDemands = []demand{
	{"104-a pending publisher makes its project", func(w *workflow) {
		w.User("bob", false)
		project := w.pending("a", "--user", "bob")
		m := w.granted("the workflow", w.token(nil))
		if out := w.owners(project); !strings.Contains(out, "bob") || !strings.Contains(out, "owner") {
			w.t.Errorf("the owners: %s, want bob", out)
		}
		if rows := w.publishersOf(project); len(rows) != 1 || rows[0].Pending {
			w.t.Errorf("the publishers: %+v, want one that is not pending", rows)
		}
		w.uploads(m.Token, project, "1.0", http.StatusOK, "")
	}},
	{"105-a name that was taken meanwhile", func(w *workflow) {
		project := w.pending("a", "--user", "alice")
		w.make(project)
		w.refused("taken", w.token(nil), "invalid-pending-publisher", "exists already")
		w.untouched(project)
	}},
	{"107-a name that another user took ends the pending publisher", func(w *workflow) {
		w.User("carol", false)
		project := w.pending("a", "--user", "carol")
		w.make(project)
		w.refused("taken", w.token(nil), "invalid-publisher", "no project here trusts")
		w.untouched(project)
	}},
	{"106-several exchanges for one pending publisher at once", func(w *workflow) {
		project := w.pending("a")
		const jobs = 8
		statuses := make(chan int, jobs)
		for range jobs {
			token := w.token(nil)
			go func() {
				status, _, err := w.exchange(mintPath, token)
				if err != nil {
					w.t.Error(err)
				}
				statuses <- status
			}()
		}
		for range jobs {
			if status := <-statuses; status != http.StatusOK {
				w.t.Errorf("an exchange beside others: %d, want 200", status)
			}
		}
		if rows := w.publishersOf(project); len(rows) != 1 || rows[0].Pending {
			w.t.Errorf("the publishers: %+v, want one that is not pending", rows)
		}
		if out := w.Index("project", "list").OK(w.t).Stdout; strings.Count(out, project+" ") != 1 {
			w.t.Errorf("the projects: %s, want %s once", out, project)
		}
	}},
	{"109-a used token while a pending publisher waits", func(w *workflow) {
		w.pending("a")
		token := w.token(nil)
		w.granted("first", token)
		second := w.pending("b")
		w.refused("second", token, "invalid-reuse-token", "used before")
		if rows := w.publishersOf(second); len(rows) != 1 || !rows[0].Pending {
			w.t.Errorf("the publishers: %+v, want the pending one to wait still", rows)
		}
		w.granted("a new token", w.token(nil))
	}},
	{"110-two new projects of one workflow", func(w *workflow) {
		first, second := w.pending("a"), w.pending("b")
		m := w.granted("the workflow", w.token(nil))
		w.uploads(m.Token, first, "1.0", http.StatusOK, "")
		w.uploads(m.Token, second, "1.0", http.StatusOK, "")
	}},
}
