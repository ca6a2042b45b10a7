package catalog_test

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/assembly"
	"pyindex/internal/catalog"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/storage/blobs"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
)

// hooked calls kept after the content of a file is stored, and before its row is written.
type hooked struct {
	custody.Blobs
	kept func()
}

func (h *hooked) Keep(ctx context.Context, key string, s custody.Stage) error {
	err := h.Blobs.Keep(ctx, key, s)
	if h.kept != nil {
		h.kept()
	}
	return err
}

// incident is an index with two processes: the first receives uploads, and the second revokes rights.
type incident struct {
	*assembly.Index
	t        *testing.T
	url      string // of the database
	rows     *db.DB // of the first
	blobs    *hooked
	keys     *access.Keyring
	dir      *access.Directory    // of the second
	other    *assembly.Index      // of the second
	registry *publishers.Registry // of the second
	boss     access.Caller
	n        int
	late     atomic.Int64 // how far the clock was advanced
}

func newIncident(t *testing.T, url string) *incident {
	t.Helper()
	rows, second := storagetest.OpenDB(t, url, db.Options{}), storagetest.OpenDB(t, url, db.Options{})
	bytes, err := blobs.Open(t.Context(), "file://"+t.TempDir(), blobs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bytes.Close() })
	i := &incident{t: t, url: url, rows: rows, blobs: &hooked{Blobs: bytes}, boss: access.Operator("test")}
	clock := func() time.Time { return time.Now().Add(time.Duration(i.late.Load())) }
	quiet := slog.New(slog.DiscardHandler)
	i.Index = assembly.New(rows.Catalog(), i.blobs, assembly.Options{Now: clock, Log: quiet})
	i.keys = access.NewKeyring(rows.Access(), access.KeyringOptions{Now: clock})
	i.other = assembly.New(second.Catalog(), i.blobs, assembly.Options{Now: clock, Log: quiet})
	i.dir = access.NewDirectory(second.Access(), access.DirectoryOptions{Now: clock})
	i.registry = publishers.New(second.Publishers(), nil, publishers.Options{Now: clock})
	return i
}

func (i *incident) must(err error) {
	i.t.Helper()
	if err != nil {
		i.t.Fatal(err)
	}
}

// sender uploads to a project; its fields identify all rights that can be revoked.
type sender struct {
	who                             access.Caller
	user, tokenID, publisherID, old string // old is the session's id
	secret                          access.Secret
	project                         packaging.ProjectName
}

// as creates a project and a sender with one kind of credential for it.
func (i *incident) as(kind string) sender {
	i.t.Helper()
	ctx := i.t.Context()
	i.n++
	s := sender{user: fmt.Sprintf("user%d", i.n), project: name(i.t, fmt.Sprintf("thing%d", i.n))}
	i.must(i.deliver(i.boss, s.project, "0.1", nil))
	_, err := i.dir.AddUser(ctx, i.boss, access.NewUser{Name: s.user})
	i.must(err)
	if kind != "minted" {
		i.must(i.other.Grant(ctx, i.boss, "", s.project, s.user, access.Uploader))
	}
	switch kind {
	case "token", "bound":
		n := access.NewAPIToken{
			User: s.user, Scope: access.ScopeUpload, Expires: time.Hour, Repository: catalog.MainRepository,
		}
		if kind == "bound" {
			n.Projects = []string{s.project.String()}
		}
		t, secret, err := i.dir.CreateToken(ctx, i.boss, n)
		i.must(err)
		s.tokenID, s.secret = t.ID, secret
	case "minted":
		s = i.mint(s)
	case "session":
		u, err := i.dir.User(ctx, i.boss, s.user)
		i.must(err)
		session, cookie, err := i.dir.BeginSession(ctx, access.Caller{}, access.NewSession{UserID: u.ID})
		i.must(err)
		s.old = session.ID
		s.who, err = i.keys.Session(ctx, cookie)
		i.must(err)
		return s
	}
	s.who, err = i.keys.Identify(ctx, "__token__", s.secret)
	i.must(err)
	return s
}

// mint gives the sender a minted token, as an exchange would.
func (i *incident) mint(s sender) sender {
	i.t.Helper()
	ctx, now := i.t.Context(), time.Now()
	id, err := i.dir.User(ctx, i.boss, s.user)
	i.must(err)
	s.publisherID, s.tokenID, s.secret = "publisher of "+s.user, "minted for "+s.user, access.NewToken()
	i.must(i.rows.Publishers().Update(ctx, func(tx publishers.Tx) error {
		r, err := tx.RepositoryByName(ctx, catalog.MainRepository)
		if err != nil {
			return err
		}
		p, err := tx.ProjectByName(ctx, r.ID, s.project)
		if err != nil {
			return err
		}
		pub, err := tx.PutPublisher(ctx,
			publishers.Publisher{
				ID:        s.publisherID,
				Issuer:    "https://issuer",
				Provider:  "github",
				Lookup:    s.user,
				Fields:    map[string]string{"owner": s.user},
				CreatedAt: now,
				CreatedBy: id.ID,
			})
		if err != nil {
			return err
		}
		if err := tx.Attach(ctx,
			publishers.Attached{Publisher: pub, ProjectID: p.ID, Project: p.Name.String(), AddedAt: now}); err != nil {
			return err
		}
		t := access.Token{
			ID: s.tokenID, Kind: access.TokenMinted, Hash: access.HashToken(s.secret), Scope: access.ScopeUpload, Limited: true,
			CreatedAt: now, ExpiresAt: now.Add(15 * time.Minute), Publisher: "workflow of " + s.user,
		}
		if err := tx.InsertToken(ctx, t); err != nil {
			return err
		}
		return tx.InsertTokenProject(ctx, access.TokenProject{TokenID: t.ID, ProjectID: p.ID, PublisherID: pub.ID})
	}))
	return s
}

// steps are the points of an upload at which something may happen, in order.
var steps = []string{"before the head", "between the halves", "after the body", "before the commit"}

// deliver uploads a release, and calls at[step] when the upload reaches that step.
func (i *incident) deliver(who access.Caller, project packaging.ProjectName, version string,
	at map[string]func(),
) error {
	i.t.Helper()
	happen := func(step string) {
		if f := at[step]; f != nil {
			f()
		}
	}
	f := packagingtest.Wheel(project.String(), version, project.String()+version)
	ctx := i.t.Context()
	happen(steps[0])
	in, err := i.Begin(ctx, who, "", project)
	if err != nil {
		return err
	}
	defer func() { _ = in.Discard() }()
	if _, err := in.Write(f.Bytes[:len(f.Bytes)/2]); err != nil {
		return err
	}
	happen(steps[1])
	if _, err := in.Write(f.Bytes[len(f.Bytes)/2:]); err != nil {
		return err
	}
	happen(steps[2])
	i.blobs.kept = func() { happen(steps[3]) }
	defer func() { i.blobs.kept = nil }()
	_, err = i.Publish(ctx, in, ingest.Upload{
		Filename: f.Name, Kind: packaging.Kind(f.Kind), Digests: ingest.Digests{SHA256: f.SHA256()},
		Form: packaging.Metadata{MetadataVersion: "2.1", Name: f.Project, Version: f.Version},
	})
	return err
}

// files counts the listed files of a project.
func (i *incident) files(project packaging.ProjectName) int {
	i.t.Helper()
	c, err := i.Contents(i.t.Context(), i.boss, "", project)
	i.must(err)
	return len(c.Files)
}

// ends are the ways to end the right to upload, by affected credential, with the text of the refusal.
var ends = []struct {
	name, kinds, says string
	do                func(i *incident, s sender) error
}{
	{
		"token revoked", "token bound", "revoked",
		func(i *incident, s sender) error { return i.dir.RevokeToken(i.t.Context(), i.boss, s.tokenID) },
	},
	{
		"token expired", "token bound", "expired",
		func(i *incident, _ sender) error { i.late.Add(int64(2 * time.Hour)); return nil },
	},
	{"token reported as leaked", "token bound minted", "revoked", func(i *incident, s sender) error {
		return i.dir.Leaked(i.t.Context(), access.Caller{}, []access.Leak{{Token: s.secret}})
	}},
	{
		"account disabled", "token bound session", "disabled",
		func(i *incident, s sender) error { return i.dir.DisableUser(i.t.Context(), i.boss, s.user) },
	},
	{"role taken away", "token bound session", "does not have permission", func(i *incident, s sender) error {
		return i.other.Ungrant(i.t.Context(), i.boss, "", s.project, s.user)
	}},
	{"role lowered", "token bound session", "does not have permission", func(i *incident, s sender) error {
		return i.other.Grant(i.t.Context(), i.boss, "", s.project, s.user, access.Reader)
	}},
	{"only publishers allowed", "token bound session", "trusted publishers alone", func(i *incident, s sender) error {
		return i.other.SetTrustedOnly(i.t.Context(), i.boss, "", s.project, true)
	}},
	{"project archived", "token bound session minted", "archived", func(i *incident, s sender) error {
		return i.other.SetStatus(i.t.Context(), i.boss, "", s.project, catalog.Archived, "")
	}},
	{"minted token burned", "minted", "revoked", func(i *incident, s sender) error {
		return exchange.New(i.registry, nil, exchange.Options{}).Burn(i.t.Context(), access.Caller{}, s.secret)
	}},
	{"publisher removed", "minted", "add it to the project's publishers", func(i *incident, s sender) error {
		return i.registry.Remove(i.t.Context(), i.boss, s.publisherID)
	}},
	{"minted token long expired", "minted", "expired", func(i *incident, _ sender) error {
		i.late.Add(int64(15*time.Minute + access.MintedGrace))
		return nil
	}},
	{
		"sessions ended", "session", "sign in",
		func(i *incident, s sender) error { return i.dir.EndSessionsOf(i.t.Context(), i.boss, s.user) },
	},
	{
		"session ended by its owner", "session", "sign in",
		func(i *incident, s sender) error { return i.dir.EndSession(i.t.Context(), s.who, s.old) },
	},
	{
		"session expired", "session", "sign in",
		func(i *incident, _ sender) error { i.late.Add(int64(access.SessionLifetime)); return nil },
	},
}

// If a right ends in another process at any step of an upload, the upload is refused with the reason, and nothing is
// listed.
func TestRightsThatEndDuringAnUploadEndIt(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		i := newIncident(t, fresh(t))
		for _, end := range ends {
			for _, kind := range strings.Fields(end.kinds) {
				for _, step := range steps {
					s := i.as(kind)
					before := i.late.Load()
					err := i.deliver(s.who, s.project, "1.0", map[string]func(){step: func() { i.must(end.do(i, s)) }})
					if !fault.Is(err, fault.Denied) && !fault.Is(err, fault.Unauthenticated) ||
						!strings.Contains(fault.Message(err), end.says) {
						t.Errorf("%s %s, by %s: the upload ended with %v, want a refusal with %q", end.name, step, kind, err,
							end.says)
					}
					if end.name == "project archived" {
						i.must(i.other.SetStatus(t.Context(), i.boss, "", s.project, catalog.Active, ""))
					}
					if n := i.files(s.project); n != 1 {
						t.Errorf("%s %s, by %s: the project lists %d files, want the one from before", end.name, step, kind, n)
					}
					i.late.Store(before)
				}
			}
		}
	})
}

// Changes that do not affect the sender's right do not affect the upload, and neither does the expiry of a minted token
// within its grace period.
func TestRightsThatStandLetAnUploadFinish(t *testing.T) {
	stay := map[string]func(i *incident, s sender) error{
		"nothing": func(*incident, sender) error { return nil },
		"another's token": func(i *incident, _ sender) error {
			return i.dir.RevokeToken(i.t.Context(), i.boss, i.as("token").tokenID)
		},
		"another's account": func(i *incident, _ sender) error {
			return i.dir.DisableUser(i.t.Context(), i.boss, i.as("token").user)
		},
		"another's sessions": func(i *incident, _ sender) error {
			return i.dir.EndSessionsOf(i.t.Context(), i.boss, i.as("session").user)
		},
		"a higher role": func(i *incident, s sender) error {
			return i.other.Grant(i.t.Context(), i.boss, "", s.project, s.user, access.Owner)
		},
		"another publisher": func(i *incident, _ sender) error {
			return i.registry.Remove(i.t.Context(), i.boss, i.as("minted").publisherID)
		},
		"a few minutes": func(i *incident, s sender) error {
			if s.publisherID != "" {
				i.late.Add(int64(15*time.Minute + access.MintedGrace - 10*time.Second))
			}
			return nil
		},
	}
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		i := newIncident(t, fresh(t))
		for what, do := range stay {
			for _, kind := range []string{"token", "bound", "minted", "session"} {
				s := i.as(kind)
				err := i.deliver(s.who, s.project, "1.0", map[string]func(){steps[1]: func() { i.must(do(i, s)) }})
				if n := i.files(s.project); err != nil || n != 2 {
					t.Errorf("%s, by %s: the upload ended with %v and the project lists %d files, want 2", what, kind, err, n)
				}
				i.late.Store(0)
			}
		}
	})
}

// A revoked token does not even reveal that the identical file exists.
func TestRevokedTokenIsNotToldOfIdenticalFiles(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		i := newIncident(t, fresh(t))
		s := i.as("token")
		i.must(i.deliver(s.who, s.project, "1.0", nil))
		i.must(i.deliver(s.who, s.project, "1.0", nil))
		err := i.deliver(s.who, s.project, "1.0",
			map[string]func(){steps[2]: func() { i.must(i.dir.RevokeToken(t.Context(), i.boss, s.tokenID)) }})
		if !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("uploading the identical file with a revoked token = %v, want unauthenticated", err)
		}
	})
}

// Of many uploads that race with a revocation, none is listed after the revocation returned unless it was listed
// before.
func TestNoUploadIsListedAfterTheRevocationReturned(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		i := newIncident(t, fresh(t))
		for range 3 {
			s := i.as("token")
			var began, ended sync.WaitGroup
			var accepted atomic.Int64
			go1 := make(chan struct{})
			for n := range 24 {
				began.Add(1)
				ended.Go(func() {
					began.Done()
					<-go1
					f := packagingtest.Wheel(s.project.String(), fmt.Sprintf("2.%d", n), fmt.Sprint(n))
					in, err := i.Begin(t.Context(), s.who, "", s.project)
					if err != nil {
						return
					}
					defer func() { _ = in.Discard() }()
					_, _ = in.Write(f.Bytes)
					_, err = i.Publish(t.Context(), in, ingest.Upload{
						Filename: f.Name, Kind: packaging.Kind(f.Kind), Digests: ingest.Digests{SHA256: f.SHA256()},
						Form: packaging.Metadata{MetadataVersion: "2.1", Name: f.Project, Version: f.Version},
					})
					if err == nil {
						accepted.Add(1)
					} else if !fault.Is(err, fault.Unauthenticated) {
						t.Errorf("an upload that raced ended with %v, want unauthenticated", err)
					}
				})
			}
			began.Wait()
			close(go1)
			i.must(i.dir.RevokeToken(t.Context(), i.boss, s.tokenID))
			listed := i.files(s.project)
			ended.Wait()
			if after := i.files(s.project); after != listed || int64(after) != 1+accepted.Load() {
				t.Errorf("%d files when the revocation returned, %d in the end, %d uploads accepted", listed, after,
					accepted.Load())
			}
		}
	})
}

// changes are all exported methods that change something on behalf of a caller, called on a project that the caller
// owns.
var changes = map[string]func(x *assembly.Index, ctx context.Context, who access.Caller, p packaging.ProjectName) error{
	"Yank": func(x *assembly.Index, ctx context.Context, who access.Caller, p packaging.ProjectName) error {
		return x.Yank(ctx, who, "", p, "0.1", "")
	},
	"Unyank": func(x *assembly.Index, ctx context.Context, who access.Caller, p packaging.ProjectName) error {
		return x.Unyank(ctx, who, "", p, "0.1")
	},
	"YankFile": func(x *assembly.Index, ctx context.Context, who access.Caller, p packaging.ProjectName) error {
		return x.YankFile(ctx, who, "", p, p.String()+"-0.1-py3-none-any.whl", "")
	},
	"UnyankFile": func(x *assembly.Index, ctx context.Context, who access.Caller, p packaging.ProjectName) error {
		return x.UnyankFile(ctx, who, "", p, p.String()+"-0.1-py3-none-any.whl")
	},
	"ReleaseName": func(x *assembly.Index, ctx context.Context, who access.Caller, p packaging.ProjectName) error {
		return x.ReleaseName(ctx, who, "", p)
	},
	"SetStatus": func(x *assembly.Index, ctx context.Context, who access.Caller, p packaging.ProjectName) error {
		return x.SetStatus(ctx, who, "", p, catalog.Deprecated, "")
	},
	"SetLimits": func(x *assembly.Index, ctx context.Context, who access.Caller, p packaging.ProjectName) error {
		return x.SetLimits(ctx, who, "", p, catalog.Limits{})
	},
	"SetTrustedOnly": func(x *assembly.Index, ctx context.Context, who access.Caller, p packaging.ProjectName) error {
		return x.SetTrustedOnly(ctx, who, "", p, false)
	},
	"SetStartupFiles": func(x *assembly.Index, ctx context.Context, who access.Caller, p packaging.ProjectName) error {
		return x.SetStartupFiles(ctx, who, "", p, true)
	},
	"Grant": func(x *assembly.Index, ctx context.Context, who access.Caller, p packaging.ProjectName) error {
		return x.Grant(ctx, who, "", p, "friend", access.Reader)
	},
	"Ungrant": func(x *assembly.Index, ctx context.Context, who access.Caller, p packaging.ProjectName) error {
		return x.Ungrant(ctx, who, "", p, "friend")
	},
	"Leave": func(x *assembly.Index, ctx context.Context, who access.Caller, p packaging.ProjectName) error {
		return x.Leave(ctx, who, "", p)
	},
	"GrantGroup": func(x *assembly.Index, ctx context.Context, who access.Caller, p packaging.ProjectName) error {
		return x.GrantGroup(ctx, who, "", p, "team", access.Reader)
	},
	"UngrantGroup": func(x *assembly.Index, ctx context.Context, who access.Caller, p packaging.ProjectName) error {
		return x.UngrantGroup(ctx, who, "", p, "team")
	},
	"AddRepository": func(x *assembly.Index, ctx context.Context, who access.Caller, p packaging.ProjectName) error {
		return x.AddRepository(ctx, who, catalog.NewRepository{Name: p.String()})
	},
	"SetRepository": func(x *assembly.Index, ctx context.Context, who access.Caller, p packaging.ProjectName) error {
		return x.SetRepository(ctx, who, p.String(), access.NoRole, false)
	},
	"ChangeRepository": func(x *assembly.Index, ctx context.Context, who access.Caller, p packaging.ProjectName) error {
		readers := catalog.RepositoryReader
		return x.ChangeRepository(ctx, who, p.String(), catalog.RepositoryChange{UpstreamReaders: &readers})
	},
	"SetBases": func(x *assembly.Index, ctx context.Context, who access.Caller, p packaging.ProjectName) error {
		return x.SetBases(ctx, who, p.String(), []catalog.Base{{Repository: "main"}})
	},
	"Declare": func(x *assembly.Index, ctx context.Context, who access.Caller, p packaging.ProjectName) error {
		_, err := x.Declare(ctx, who, catalog.Declared{Repositories: []catalog.DeclaredRepository{{Name: p.String()}}})
		return err
	},
	"SetOrigin": func(x *assembly.Index, ctx context.Context, who access.Caller, p packaging.ProjectName) error {
		return x.SetOrigin(ctx, who, catalog.NewRuling{Name: p, Origin: catalog.Both, Reason: "r"})
	},
	"ClaimNames": func(x *assembly.Index, ctx context.Context, who access.Caller, p packaging.ProjectName) error {
		_, err := x.ClaimNames(ctx, who, "", "r", []catalog.ClaimedName{{Name: p}})
		return err
	},
	"Import": func(x *assembly.Index, ctx context.Context, who access.Caller, p packaging.ProjectName) error {
		_, err := x.Import(ctx, who, ingest.Batch{Project: p})
		return err
	},
	"Reserve": func(x *assembly.Index, ctx context.Context, who access.Caller, p packaging.ProjectName) error {
		_, err := x.Reserve(ctx, who, catalog.NewReservation{Pattern: p.String(), Reason: "r"})
		return err
	},
	"Unreserve": func(x *assembly.Index, ctx context.Context, who access.Caller, p packaging.ProjectName) error {
		return x.Unreserve(ctx, who, "", p.String())
	},
	"RemoveRepository": func(x *assembly.Index, ctx context.Context, who access.Caller, p packaging.ProjectName) error {
		return x.RemoveRepository(ctx, who, p.String())
	},
	"QuarantineFile": func(x *assembly.Index, ctx context.Context, who access.Caller, p packaging.ProjectName) error {
		return x.QuarantineFile(ctx, who, "", p, p.String()+"-0.1-py3-none-any.whl", "")
	},
	"ReleaseFile": func(x *assembly.Index, ctx context.Context, who access.Caller, p packaging.ProjectName) error {
		return x.ReleaseFile(ctx, who, "", p, p.String()+"-0.1-py3-none-any.whl")
	},
	"DeleteFile": func(x *assembly.Index, ctx context.Context, who access.Caller, p packaging.ProjectName) error {
		return x.DeleteFile(ctx, who, "", p, p.String()+"-0.2-py3-none-any.whl")
	},
	"DeleteRelease": func(x *assembly.Index, ctx context.Context, who access.Caller, p packaging.ProjectName) error {
		return x.DeleteRelease(ctx, who, "", p, "0.1")
	},
	"DeleteProject": func(x *assembly.Index, ctx context.Context, who access.Caller, p packaging.ProjectName) error {
		return x.DeleteProject(ctx, who, "", p)
	},
}

// unchanging are the exported methods with a caller that change nothing, change something only through another method,
// or have their own test above.
var unchanging = strings.Fields(`Activity Backfill Bases Begin CheckDaily CheckGroup CheckStored CheckUser Collaborators Collisions Compare Contacts Contents Days Dependents Downloads File FileAt FindStrays Formerly GroupGrants Grants History ImportedFiles Limits
	Link Listing ListedAt ListingState Managed ManagedContents ManagedPage ManagedRelease ManagedReleases
	ManagedSettings MayGrant MayUpload NameStandings Names NearLimits Open Origin Overview Present Project ProjectAt Provenance Publish Quarantine Record Release ReleaseFiles Releases Repositories Repository RepositoryAt Reservations RulingIn Rulings Search Shown StageImport Suggested Sweep Usage Visible WalkActivity WalkRecord`)

// Each exported method that changes something refuses a caller whose token was revoked, or whose account lost the
// required right, after authentication. It succeeds if nothing was revoked.
func TestEveryChangeReadsRightsAgain(t *testing.T) {
	caller := reflect.TypeFor[access.Caller]()
	for _, of := range []reflect.Type{reflect.TypeFor[*assembly.Index](), reflect.TypeFor[*custody.Keeper]()} {
		for m := range of.Methods() {
			takes := false
			for i := range m.Type.NumIn() {
				takes = takes || m.Type.In(i) == caller
			}
			if takes && changes[m.Name] == nil && !slices.Contains(unchanging, m.Name) {
				t.Errorf("%s.%s takes a caller and is in neither list of this test", of, m.Name)
			}
		}
	}
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		i, ctx := newIncident(t, fresh(t)), t.Context()
		_, err := i.dir.AddUser(ctx, i.boss, access.NewUser{Name: "friend"})
		i.must(err)
		_, err = i.dir.AddGroup(ctx, i.boss, "team", "")
		i.must(err)
		for what, change := range changes {
			ready := func() (string, access.Token, access.Caller, packaging.ProjectName) {
				i.n++
				user, p := fmt.Sprintf("boss%d", i.n), name(t, fmt.Sprintf("thing%d", i.n))
				i.must(i.deliver(i.boss, p, "0.1", nil))
				i.must(i.deliver(i.boss, p, "0.2", nil))
				_, err := i.dir.AddUser(ctx, i.boss, access.NewUser{Name: user, Admin: true})
				i.must(err)
				i.must(i.other.Grant(ctx, i.boss, "", p, user, access.Reader))
				switch what {
				case "Ungrant":
					i.must(i.other.Grant(ctx, i.boss, "", p, "friend", access.Reader))
				case "UngrantGroup":
					i.must(i.other.GrantGroup(ctx, i.boss, "", p, "team", access.Reader))
				case "ReleaseFile":
					i.must(i.other.QuarantineFile(ctx, i.boss, "", p, p.String()+"-0.1-py3-none-any.whl", ""))
				case "ReleaseName":
					i.must(i.other.DeleteProject(ctx, i.boss, "", p))
				case "Unreserve":
					_, err := i.other.Reserve(ctx, i.boss, catalog.NewReservation{Pattern: p.String(), Reason: "r"})
					i.must(err)
				case "SetRepository", "ChangeRepository", "SetBases", "RemoveRepository":
					i.must(i.other.AddRepository(ctx, i.boss, catalog.NewRepository{Name: p.String()}))
				}
				tok, secret, err := i.dir.CreateToken(ctx, i.boss, access.NewAPIToken{User: user, Scope: access.ScopeAdmin})
				i.must(err)
				who, err := i.keys.Identify(ctx, "", secret)
				i.must(err)
				return user, tok, who, p
			}
			_, _, who, p := ready()
			if err := change(i.Index, ctx, who, p); err != nil {
				t.Errorf("%s by an administrator = %v", what, err)
			}
			_, tok, who, p := ready()
			i.must(i.dir.RevokeToken(ctx, i.boss, tok.ID))
			if err := change(i.Index, ctx, who, p); !fault.Is(err, fault.Unauthenticated) {
				t.Errorf("%s by a revoked token = %v, want unauthenticated", what, err)
			}
			user, _, who, p := ready()
			i.must(i.dir.SetAdmin(ctx, i.boss, user, false))
			if err := change(i.Index, ctx, who, p); !fault.Is(err, fault.Denied) && what != "Leave" {
				t.Errorf("%s by a former administrator = %v, want denied", what, err)
			}
		}
	})
}
