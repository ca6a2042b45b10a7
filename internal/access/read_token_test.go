package access

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestReaderMay states what a token that was minted for reading may do on each object.
func TestReaderMay(t *testing.T) {
	inR := Object{RepositoryID: "r", Members: Uploader}
	for _, c := range []struct {
		name  string
		reads Reads
		from  Caller // what the rows of the token said
		sees  []Object
	}{
		{"nothing", Reads{}, Caller{}, nil},
		{"nothing, by a row that says admin", Reads{}, Caller{admin: true, scope: ScopeAdmin}, nil},
		{"nothing, by empty ids", Reads{Repositories: []string{""}, Projects: []string{""}}, Caller{}, nil},
		{"a repository", Reads{Repositories: []string{"r"}}, Caller{}, []Object{repoR, projectP, projectQ, inR}},
		{
			"a repository, by a row that says admin",
			Reads{Repositories: []string{"r"}},
			Caller{admin: true, scope: ScopeAdmin},
			[]Object{repoR, projectP, projectQ, inR},
		},
		{"another repository", Reads{Repositories: []string{"s"}}, Caller{}, []Object{closedP}},
		{"a project", Reads{Projects: []string{"q"}}, Caller{}, []Object{projectQ}},
		{"a project with a repository's id", Reads{Projects: []string{"r"}}, Caller{}, nil},
		{"a repository with a project's id", Reads{Repositories: []string{"p"}}, Caller{}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			who := reader(c.from, Token{Scope: ScopeAdmin}, c.reads)
			for _, o := range []Object{repoR, projectP, projectQ, closedP, inR, {}, {ProjectID: "p"}} {
				want := false
				for _, s := range c.sees {
					want = want || s == o
				}
				for role := NoRole; role <= Owner; role++ {
					if got := who.May(role, o); got != (want && role == Reader) {
						t.Errorf("%s: May(%v, %+v) = %v", c.name, role, o, got)
					}
				}
				if who.MayCreate(o) {
					t.Errorf("%s: MayCreate(%+v) = true", c.name, o)
				}
			}
			if who.Admin() || who.Uploads() || !who.Limited() || who.Kind() != KindReader || !who.Known() {
				t.Errorf("%s: admin %v, uploads %v, limited %v, kind %v", c.name, who.Admin(), who.Uploads(), who.Limited(),
					who.Kind())
			}
		})
	}
}

// TestReaderNeverGrows: whatever rules and rows are put together, a reader sees what its rules name, and of that no
// more than a person of the same grants would.
func TestReaderNeverGrows(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	ids := []string{"", "a", "b", "c"}
	some := func() (out []string) {
		for _, id := range ids {
			if random.IntN(2) == 0 {
				out = append(out, id)
			}
		}
		return out
	}
	for range 2000 {
		reads := Reads{Repositories: some(), Projects: some()}
		row := Caller{
			admin: random.IntN(2) == 0, scope: Scope(random.IntN(4)), limited: random.IntN(2) == 0, guest: random.IntN(2) == 0,
		}
		who := reader(row, Token{Scope: Scope(random.IntN(4))}, reads)
		for _, repository := range ids {
			for _, project := range ids {
				o := Object{
					RepositoryID: repository, ProjectID: project, Members: Role(random.IntN(5)), Public: random.IntN(2) == 0,
				}
				checkReader(t, who, reads, o)
			}
		}
	}
}

func checkReader(t *testing.T, who Caller, reads Reads, o Object) {
	t.Helper()
	has := func(in []string, id string) bool {
		for _, s := range in {
			if s == id && id != "" {
				return true
			}
		}
		return false
	}
	named := has(reads.Repositories, o.RepositoryID) || has(reads.Projects, o.ProjectID)
	if got := who.May(Reader, o); got != named {
		t.Errorf("May(reader, %+v) of %+v = %v, want %v", o, reads, got, named)
	}
	for role := Uploader; role <= Owner; role++ {
		if who.May(role, o) {
			t.Errorf("May(%v, %+v) of %+v = true", role, o, reads)
		}
	}
	if who.MayCreate(o) || who.Admin() || who.Uploads() {
		t.Errorf("of %+v: creates %v, admin %v, uploads %v", reads, who.MayCreate(o), who.Admin(), who.Uploads())
	}
}

// TestReadsDoNotLeakIntoOthers: what makes a reader see a repository is nothing to callers of other kinds.
func TestReadsDoNotLeakIntoOthers(t *testing.T) {
	minted := workload(Caller{scope: ScopeUpload, projects: set([]string{"p"})}, Token{})
	limited := user(ScopeAdmin, map[string]Role{"r": Owner}, "p")
	for name, who := range map[string]Caller{"minted for uploads": minted, "a person's limited token": limited} {
		t.Run(name, func(t *testing.T) {
			if len(who.repositories) != 0 || who.May(Reader, repoR) || who.May(Reader, projectQ) {
				t.Errorf("%s sees beyond its project: %s", name, fmt.Sprint(who.repositories))
			}
		})
	}
}
