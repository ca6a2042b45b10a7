package lockout_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/account/onetime"
	"pyindex/internal/account/outbox"
	"pyindex/internal/account/signin"
	"pyindex/internal/assembly"
	"pyindex/internal/audit"
	"pyindex/internal/browse"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/ingest"
	"pyindex/internal/lockout"
	"pyindex/internal/packaging"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/publishers"
	"pyindex/internal/storage/blobs"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
	"pyindex/internal/workload"
)

// world is an index of two processes: people work at the first, and the desk is at the second.
type world struct {
	*testing.T
	rows     *db.DB
	index    *assembly.Index
	dir      *access.Directory
	keys     *access.Keyring
	accounts *account.Accounts
	registry *publishers.Registry
	desk     *lockout.Desk
	boss     access.Caller
}

func each(t *testing.T, f func(w *world)) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		url := fresh(t)
		rows, second := storagetest.OpenDB(t, url, db.Options{}), storagetest.OpenDB(t, url, db.Options{})
		bytes, err := blobs.Open(t.Context(), "file://"+t.TempDir(), blobs.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = bytes.Close() })
		w := &world{
			T: t, rows: rows, boss: access.Operator("test"),
			index: assembly.New(rows.Catalog(), bytes, assembly.Options{Log: slog.New(slog.DiscardHandler)}),
			dir:   access.NewDirectory(rows.Access(), access.DirectoryOptions{}),
			keys:  access.NewKeyring(rows.Access(), access.KeyringOptions{}),
			accounts: account.New(rows.Accounts(),
				signin.New(rows.SignIn(), outbox.New(rows.Outbox(), outbox.Options{}), signin.Options{}), account.Options{}),
			registry: publishers.New(rows.Publishers(), []*workload.Kind{workload.GitHub}, publishers.Options{}),
		}
		w.desk = lockout.New(second.Lockouts(), lockout.Options{Sentence: w.registry.Sentence})
		f(w)
	})
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) want(what string, err error, k fault.Kind) {
	w.Helper()
	if !fault.Is(err, k) {
		w.Errorf("%s = %v, want %v", what, err, k)
	}
}

func (w *world) user(name string, admin bool) (access.User, access.Token, access.Secret) {
	w.Helper()
	u, err := w.dir.AddUser(w.Context(), w.boss, access.NewUser{Name: name, Admin: admin})
	w.must(err)
	t, s, err := w.dir.CreateToken(w.Context(), w.boss, access.NewAPIToken{User: name, Scope: access.ScopeAdmin})
	w.must(err)
	return u, t, s
}

func (w *world) session(u access.User) (access.Caller, access.Secret) {
	w.Helper()
	_, cookie, err := w.dir.BeginSession(w.Context(), access.Caller{}, access.NewSession{UserID: u.ID})
	w.must(err)
	who, err := w.keys.Session(w.Context(), cookie)
	w.must(err)
	return who, cookie
}

func (w *world) identify(s access.Secret) access.Caller {
	w.Helper()
	who, err := w.keys.Identify(w.Context(), "", s)
	w.must(err)
	return who
}

// begin begins the upload of a release, and returns what finishes it.
func (w *world) begin(who access.Caller, project, version string) (finish func() error) {
	w.Helper()
	f := packagingtest.Wheel(project, version, project+version)
	name, err := packaging.ParseProjectName(project)
	w.must(err)
	in, err := w.index.Begin(w.Context(), who, "", name)
	w.must(err)
	_, err = in.Write(f.Bytes[:100])
	w.must(err)
	return func() error {
		defer func() { _ = in.Discard() }()
		if _, err := in.Write(f.Bytes[100:]); err != nil {
			return err
		}
		_, err := w.index.Publish(context.WithoutCancel(w.Context()), in, ingest.Upload{Filename: f.Name})
		return err
	}
}

func (w *world) upload(who access.Caller, project, version string) {
	w.Helper()
	w.must(w.begin(who, project, version)())
}

// record returns what was recorded of an action.
func (w *world) record(action string) (out []audit.Entry) {
	w.Helper()
	h, err := w.index.Record(w.Context(), w.boss, browse.HistoryFilter{Actions: []string{action}, Limit: 50})
	w.must(err)
	return h.Entries
}

func (w *world) listed(project string) (names []string) {
	w.Helper()
	name, err := packaging.ParseProjectName(project)
	w.must(err)
	c, err := w.index.Contents(w.Context(), w.boss, "", name)
	w.must(err)
	for _, f := range c.Files {
		names = append(names, f.Version)
	}
	return names
}

var fields = map[string]string{"owner": "acme", "repository": "widgets", "workflow": "release.yml", "owner_id": "42"}

// Accounts that a user invited stay, so the report names those that are active.
func TestLockOutNamesInvitedAccounts(t *testing.T) {
	each(t, func(w *world) {
		ctx := w.Context()
		w.user("boss", true)
		mallory, _, _ := w.user("mallory", true)
		who, _ := w.session(mallory)
		for _, name := range []string{"puppet", "former"} {
			_, secret, err := w.accounts.Invite(ctx, who, account.NewInvitation{Name: name, Admin: name == "puppet"})
			w.must(err)
			_, err = w.accounts.Accept(ctx, access.Guest(true), onetime.Invite, secret,
				account.Accepted{Name: name, Password: "winter garden copper"})
			w.must(err)
		}
		w.must(w.dir.DisableUser(ctx, w.boss, "former"))
		r, err := w.desk.LockOut(ctx, w.boss, lockout.Request{Target: lockout.Target{Kind: lockout.User, Name: "mallory"}})
		w.must(err)
		want := "The administrator puppet was invited by mallory and stays active. To lock it out too: index lockout user puppet"
		if !slices.Contains(r.Review, want) || strings.Contains(fmt.Sprint(r.Review), "former") {
			w.Errorf("to review are %q, want %q and nothing about accounts that are disabled", r.Review, want)
		}
	})
}

// Locking a user out ends all that is theirs and nothing of anybody else's, once, with one entry; and nothing but the
// account comes back when that is enabled.
func TestLockOutUser(t *testing.T) {
	each(t, func(w *world) {
		ctx := w.Context()
		mallory, _, secret := w.user("mallory", true)
		other, _, otherSecret := w.user("other", true)
		who, _ := w.session(mallory)
		_, otherCookie := w.session(other)
		w.upload(w.identify(secret), "widgets", "1.0")
		w.upload(w.identify(secret), "widgets", "2.0")
		w.upload(w.identify(otherSecret), "gadgets", "1.0")
		byToken, bySession := w.begin(w.identify(secret), "widgets", "3.0"), w.begin(who, "widgets", "4.0")
		byOther := w.begin(w.identify(otherSecret), "gadgets", "2.0")
		_, invited, err := w.accounts.Invite(ctx, who, account.NewInvitation{Name: "puppet", Admin: true})
		w.must(err)
		_, kept, err := w.accounts.Invite(ctx, w.identify(otherSecret), account.NewInvitation{Name: "friend"})
		w.must(err)
		reset, err := w.accounts.ResetLink(ctx, w.boss, "mallory")
		w.must(err)
		planted, err := w.accounts.ResetLink(ctx, who, "other") // by which they could come back as somebody else
		w.must(err)
		_, err = w.registry.Add(ctx, who,
			publishers.AddRequest{Provider: "github", Project: "later", Fields: fields, Pending: true})
		w.must(err)
		_, err = w.registry.Add(ctx, who, publishers.AddRequest{Provider: "github", Project: "widgets", Fields: fields})
		w.must(err)

		target := lockout.Target{Kind: lockout.User, Name: "mallory"}
		preview, err := w.desk.Preview(ctx, w.boss, target, time.Time{})
		w.must(err)
		if _, err := w.keys.Identify(ctx, "", secret); err != nil {
			w.Errorf("looking changes something: %v", err)
		}
		r, err := w.desk.LockOut(ctx, w.boss, lockout.Request{Target: target, Quarantine: true, Reason: "stolen"})
		w.must(err)
		if got := fmt.Sprint(len(r.Tokens), r.Sessions, r.Links, r.Invitations, r.Pending, len(r.Uploads), r.Quarantined,
			r.Unowned, len(r.Review)); got != "1 1 2 1 [later] 2 2 [widgets] 3" {
			w.Errorf("the report says %s", got)
		}
		const parts = "The account is disabled. 1 token is revoked. 1 session is ended. 2 links for signing in or a new password stop working. 1 invitation is withdrawn. 1 pending publisher is removed: later. Uploads in progress are rejected."
		for what, x := range map[string]lockout.Report{"preview": preview, "report": r} {
			if got := strings.Join(x.Parts(), " "); got != parts {
				w.Errorf("the %s says %s, want %s", what, got, parts)
			}
		}
		if preview.Unquarantined() != 2 {
			w.Errorf("the preview counts %d uploads that are not in quarantine, want 2", preview.Unquarantined())
		}
		if r.Unquarantined() != 0 || r.Uploads[0].QuarantineReason != "stolen" {
			w.Errorf("the report does not mark its uploads as quarantined: %+v", r.Uploads)
		}

		_, err = w.keys.Identify(ctx, "", secret)
		w.want("the token", err, fault.Unauthenticated)
		w.want("an upload under way, by token", byToken(), fault.Unauthenticated)
		w.want("an upload under way, in a browser", bySession(), fault.Unauthenticated)
		w.want("a change under way", w.dir.DisableUser(ctx, who, "other"), fault.Unauthenticated)
		for what, link := range map[string]access.Secret{
			"the link to a new password": reset, "the link that they made": planted,
		} {
			_, err := w.accounts.Look(ctx, onetime.Reset, link)
			w.want(what, err, fault.NotFound)
		}
		_, err = w.accounts.Look(ctx, onetime.Invite, invited)
		w.want("the invitation", err, fault.NotFound)
		if names := w.listed("widgets"); len(names) > 0 {
			w.Errorf("releases %v are listed, want none", names)
		}

		w.must(byOther())
		if _, err := w.keys.Session(ctx, otherCookie); err != nil {
			w.Errorf("somebody else's session ended: %v", err)
		}
		if _, err := w.accounts.Look(ctx, onetime.Invite, kept); err != nil {
			w.Errorf("somebody else's invitation ended: %v", err)
		}
		if names := w.listed("gadgets"); !slices.Equal(names, []string{"1.0", "2.0"}) {
			w.Errorf("somebody else's releases are %v", names)
		}

		all := w.record("lockout.user")
		if len(all) != 1 || all[0].Outcome != audit.Granted || all[0].Subject != "mallory" ||
			all[0].Detail["disabled"] != true || all[0].Detail["pending_publishers"] == nil || all[0].Detail["tokens"] == nil {
			w.Errorf("the record has %+v, want one act with its parts", all)
		}
		w.must(w.dir.EnableUser(ctx, w.boss, "mallory"))
		_, err = w.keys.Identify(ctx, "", secret)
		w.want("the token, once the account is enabled again", err, fault.Unauthenticated)
		again, err := w.desk.LockOut(ctx, w.boss, lockout.Request{Target: target, Quarantine: true})
		w.must(err)
		if len(again.Tokens)+again.Sessions+again.Links+again.Invitations+len(again.Pending)+again.Quarantined > 0 {
			w.Errorf("locking out again finds %+v", again)
		}
	})
}

// Locking a publisher out ends its links, its minted tokens, what is pending and what reads by the same rule.
func TestLockOutPublisher(t *testing.T) {
	each(t, func(w *world) {
		ctx := w.Context()
		_, _, secret := w.user("owner", true)
		who := w.identify(secret)
		for _, p := range []string{"widgets", "gadgets"} {
			w.upload(who, p, "1.0")
		}
		add := func(project string, pending bool, f map[string]string) publishers.Added {
			a, err := w.registry.Add(ctx, w.boss,
				publishers.AddRequest{Provider: "github", Project: project, Fields: f, Pending: pending})
			w.must(err)
			return a
		}
		other := map[string]string{"owner": "acme", "repository": "widgets", "workflow": "other.yml", "owner_id": "42"}
		pub := add("widgets", false, fields)
		add("gadgets", false, fields)
		stays := add("gadgets", false, other)
		add("later", true, fields)
		reader, err := w.registry.AddReader(ctx, w.boss,
			publishers.ReaderRequest{Provider: "github", Projects: []string{"gadgets"}, Fields: fields})
		w.must(err)
		mint := func(publisherID, readerID, project string) access.Secret {
			s, now := access.NewToken(), time.Now()
			w.must(w.rows.Publishers().Update(ctx, func(tx publishers.Tx) error {
				r, err := tx.RepositoryByName(ctx, catalog.MainRepository)
				if err != nil {
					return err
				}
				name, _ := packaging.ParseProjectName(project)
				p, err := tx.ProjectByName(ctx, r.ID, name)
				if err != nil {
					return err
				}
				t := access.Token{
					ID: "minted " + publisherID + readerID + project, Kind: access.TokenMinted, Hash: access.HashToken(s),
					Scope: access.ScopeUpload, Limited: true,
					CreatedAt: now, ExpiresAt: now.Add(time.Hour), Publisher: pub.Sentence,
				}
				if readerID != "" {
					t.Scope = access.ScopeRead
				}
				if err := tx.InsertToken(ctx, t); err != nil {
					return err
				}
				if _, err := tx.NextSerial(ctx); err != nil {
					return err
				}
				if readerID != "" {
					return tx.InsertTokenReader(ctx, t.ID, readerID)
				}
				return tx.InsertTokenProject(ctx, access.TokenProject{TokenID: t.ID, ProjectID: p.ID, PublisherID: publisherID})
			}))
			return s
		}
		minted, reads, kept := mint(pub.ID, "", "widgets"), mint("", reader.ID, "gadgets"), mint(stays.ID, "", "gadgets")
		w.upload(w.identify(minted), "widgets", "2.0")
		underWay := w.begin(w.identify(minted), "widgets", "3.0")
		w.identify(reads)

		for _, id := range []string{"", "nothing", reader.ID + "x"} {
			_, err := w.desk.LockOut(ctx, w.boss, lockout.Request{Target: lockout.Target{Kind: lockout.Publisher, Name: id}})
			w.want("locking out "+id, err, fault.NotFound)
		}
		r, err := w.desk.LockOut(ctx, w.boss,
			lockout.Request{Target: lockout.Target{Kind: lockout.Publisher, Name: pub.ID}, Quarantine: true})
		w.must(err)
		slices.Sort(r.Projects)
		if got := fmt.Sprint(len(r.Tokens), r.Projects, r.Pending, r.Readers, len(r.Uploads),
			r.Quarantined); got != "2 [gadgets widgets] [later] 1 1 1" {
			w.Errorf("the report says %s", got)
		}
		const parts = "2 tokens are revoked. The publisher is removed from gadgets, widgets. 1 pending publisher is removed: later. 1 reader is removed. Uploads in progress are rejected."
		if got := strings.Join(r.Parts(), " "); got != parts {
			w.Errorf("the report says %s, want %s", got, parts)
		}
		for what, s := range map[string]access.Secret{"the minted token": minted, "the reader's token": reads} {
			_, err := w.keys.Identify(ctx, "", s)
			w.want(what, err, fault.Unauthenticated)
		}
		w.want("an upload under way", underWay(), fault.Unauthenticated)
		if names := w.listed("widgets"); !slices.Equal(names, []string{"1.0"}) {
			w.Errorf("releases %v are listed, want those of before", names)
		}
		w.upload(w.identify(kept), "gadgets", "2.0")
		if n := len(w.record("publisher.remove")); n != 2 {
			w.Errorf("the histories of %d projects say that the publisher is gone, want 2", n)
		}
	})
}

// Locking out a publisher of a repository ends it there, with its tokens and their uploads, and that of no other
// workload. Its uploads are quarantined, also those that name another publisher of the same token.
func TestLockOutRepositoryPublisher(t *testing.T) {
	each(t, func(w *world) {
		ctx := w.Context()
		ann, _, secret := w.user("ann", true)
		who := w.identify(secret)
		other := map[string]string{"owner": "acme", "repository": "widgets", "workflow": "other.yml", "owner_id": "42"}
		add := func(names, owner string, f map[string]string) publishers.Added {
			a, err := w.registry.Add(ctx, who,
				publishers.AddRequest{Provider: "github", Wide: true, Names: names, Creates: true, User: owner, Fields: f})
			w.must(err)
			return a
		}
		pub := add("acme", "ann", fields)
		add("beta", "", fields)
		stays := add("acme", "", other)
		mint := func(ids ...string) access.Secret {
			s, now := access.NewToken(), time.Now()
			w.must(w.rows.Publishers().Update(ctx, func(tx publishers.Tx) error {
				t := access.Token{
					ID: "minted " + strings.Join(ids, " "), Kind: access.TokenMinted, Hash: access.HashToken(s),
					Scope: access.ScopeUpload, Limited: true, CreatedAt: now, ExpiresAt: now.Add(time.Hour),
					Publisher: "another publisher of the same token",
				}
				if err := tx.InsertToken(ctx, t); err != nil {
					return err
				}
				for _, id := range ids {
					all, err := tx.RepositoryPublishers(ctx, id, "")
					if err != nil {
						return err
					}
					for _, l := range all {
						if err := tx.InsertTokenNames(ctx, t.ID, l.ID); err != nil {
							return err
						}
					}
				}
				_, err := tx.NextSerial(ctx)
				return err
			}))
			return s
		}
		minted, kept := mint(pub.ID), mint(stays.ID)
		w.upload(w.identify(minted), "acme-one", "1.0")
		underWay := w.begin(w.identify(minted), "acme-two", "1.0")
		r, err := w.desk.Preview(ctx, w.boss, lockout.Target{Kind: lockout.User, Name: "ann"}, time.Time{})
		w.must(err)
		for _, want := range []string{
			"may publish acme-* in main, because ann added it: publisher " + pub.ID,
			"may publish beta-* in main, because ann added it: publisher " + pub.ID,
			"which has acme-* in main, would belong to ann",
		} {
			if !strings.Contains(strings.Join(r.Review, "\n"), want) {
				w.Errorf("the preview for %s does not say %q:\n%s", ann.Name, want, strings.Join(r.Review, "\n"))
			}
		}
		r, err = w.desk.LockOut(ctx, w.boss,
			lockout.Request{Target: lockout.Target{Kind: lockout.Publisher, Name: pub.ID}, Quarantine: true})
		w.must(err)
		if got := fmt.Sprint(len(r.Tokens), r.Projects, len(r.Uploads),
			r.Quarantined); got != "1 [acme-* in main beta-* in main] 1 1" {
			w.Errorf("the report says %s", got)
		}
		_, err = w.keys.Identify(ctx, "", minted)
		w.want("the minted token", err, fault.Unauthenticated)
		w.want("an upload under way", underWay(), fault.Unauthenticated)
		if names := w.listed("acme-one"); len(names) != 0 {
			w.Errorf("releases %v are listed, want none", names)
		}
		w.upload(w.identify(kept), "acme-three", "1.0")
		var gone []string
		for _, e := range w.record("publisher.remove") {
			gone = append(gone, fmt.Sprint(e.Project, e.Detail["names"]))
		}
		if slices.Sort(gone); !slices.Equal(gone, []string{"acme-*", "beta-*"}) {
			w.Errorf("removals of %v are recorded", gone)
		}
	})
}

// Locking a token out ends it, and no other of the same account.
func TestLockOutToken(t *testing.T) {
	each(t, func(w *world) {
		ctx := w.Context()
		_, token, secret := w.user("ann", true)
		_, other, err := w.dir.CreateToken(ctx, w.boss, access.NewAPIToken{User: "ann", Scope: access.ScopeAdmin})
		w.must(err)
		w.upload(w.identify(secret), "widgets", "1.0")
		w.upload(w.identify(other), "widgets", "2.0")
		underWay := w.begin(w.identify(secret), "widgets", "3.0")
		r, err := w.desk.LockOut(ctx, w.boss,
			lockout.Request{Target: lockout.Target{Kind: lockout.Token, Name: token.ID}, Quarantine: true})
		w.must(err)
		if len(r.Tokens) != 1 || r.Quarantined != 1 || len(r.Uploads) != 1 {
			w.Errorf("the report says %+v", r)
		}
		w.want("an upload under way", underWay(), fault.Unauthenticated)
		w.upload(w.identify(other), "widgets", "4.0")
		if names := w.listed("widgets"); !slices.Equal(names, []string{"2.0", "4.0"}) {
			w.Errorf("releases %v are listed, want those of the other token", names)
		}
	})
}

// However many files somebody uploaded, all of them go into quarantine, in one act; the report names the newest and
// counts the rest.
func TestLockOutQuarantinesEveryUpload(t *testing.T) {
	each(t, func(w *world) {
		ctx := w.Context()
		_, _, secret := w.user("mallory", false)
		w.upload(w.identify(secret), "evil", "1.0")
		w.upload(w.identify(secret), "junk", "1.0")
		const more = catalog.MaxUploads + 5
		w.must(w.rows.Catalog().Update(ctx, func(tx catalog.Tx) error {
			r, err := tx.RepositoryByName(ctx, catalog.MainRepository)
			if err != nil {
				return err
			}
			name, _ := packaging.ParseProjectName("junk")
			p, err := tx.ProjectByName(ctx, r.ID, name)
			if err != nil {
				return err
			}
			files, err := tx.AllFiles(ctx, p.ID)
			if err != nil {
				return err
			}
			for i := range more {
				f := files[0]
				f.ID, f.Filename, f.NameKey = fmt.Sprint("junk", i), fmt.Sprintf("junk-1.0-%d-py3-none-any.whl", i+1),
					fmt.Sprintf("%s|%d", f.NameKey, i)
				f.UploadedAt = f.UploadedAt.Add(time.Duration(i+1) * time.Millisecond)
				if err := tx.InsertFile(ctx, f, packaging.Metadata{}); err != nil {
					return err
				}
			}
			return nil
		}))
		request := lockout.Request{
			Target: lockout.Target{Kind: lockout.User, Name: "mallory"}, Quarantine: true, Reason: "stolen",
		}
		preview, err := w.desk.Preview(ctx, w.boss, request.Target, time.Time{})
		w.must(err)
		r, err := w.desk.LockOut(ctx, w.boss, request)
		w.must(err)
		for what, got := range map[string]lockout.Report{"the preview": preview, "the report": r} {
			if len(got.Uploads) != catalog.MaxUploads || got.Uploaded != more+2 {
				w.Errorf("%s names %d uploads of %d, want %d of %d", what, len(got.Uploads), got.Uploaded, catalog.MaxUploads,
					more+2)
			}
		}
		if r.Quarantined != more+2 {
			w.Errorf("%d files were put into quarantine, want %d", r.Quarantined, more+2)
		}
		if names := w.listed("evil"); len(names) > 0 {
			w.Errorf("the oldest upload is still listed: %v", names)
		}
		if all := w.record("lockout.user"); len(all) != 1 || fmt.Sprint(all[0].Detail["quarantined"]) != fmt.Sprint(more+2) {
			w.Errorf("the record has %d acts, want one with %d files: %+v", len(all), more+2, all)
		}
		again, err := w.desk.LockOut(ctx, w.boss, request)
		w.must(err)
		if again.Quarantined != 0 {
			w.Errorf("locking out again puts %d files into quarantine, want none", again.Quarantined)
		}
		name, _ := packaging.ParseProjectName("evil")
		_, err = w.index.ReleaseFiles(ctx, w.identify(func() access.Secret { _, _, s := w.user("nosy", false); return s }()),
			"", name)
		w.want("releasing, by a member", err, fault.Denied)
		if n, err := w.index.ReleaseFiles(ctx, w.boss, "", name); n != 1 || err != nil || len(w.listed("evil")) != 1 {
			w.Errorf("ReleaseFiles() = %d, %v, want the 1 file of the project however many newer ones are in quarantine", n, err)
		}
	})
}

// Only an administrator whose rights still stand locks out, not themselves and not the last one; refusals are recorded.
func TestLockOutRefuses(t *testing.T) {
	each(t, func(w *world) {
		ctx := w.Context()
		boss, bossToken, bossSecret := w.user("boss", true)
		w.user("member", false)
		_, _, memberSecret := w.user("nosy", false)
		admin, member := w.identify(bossSecret), w.identify(memberSecret)
		target := lockout.Target{Kind: lockout.User, Name: "member"}
		try := func(who access.Caller, t lockout.Target) error {
			_, err := w.desk.LockOut(ctx, who, lockout.Request{Target: t})
			return err
		}
		w.want("by nobody", try(access.Caller{}, target), fault.Denied)
		w.want("by a member", try(member, target), fault.Denied)
		w.want("oneself", try(admin, lockout.Target{Kind: lockout.User, Name: "boss"}), fault.Conflict)
		w.want("nobody of that name", try(admin, lockout.Target{Kind: lockout.User, Name: "nothing"}), fault.NotFound)
		w.want("no such kind", try(admin, lockout.Target{Kind: "group", Name: "boss"}), fault.Invalid)
		_, err := w.desk.Preview(ctx, member, target, time.Time{})
		w.want("looking, by a member", err, fault.Denied)
		if n := len(w.record("lockout.user")); n != 2 {
			w.Errorf("%d refusals are recorded, want 2", n)
		}
		w.must(w.dir.RevokeToken(ctx, w.boss, bossToken.ID))
		w.want("by a token that was revoked", try(admin, target), fault.Unauthenticated)
		session, _ := w.session(boss)
		w.must(w.dir.SetAdmin(ctx, w.boss, "nosy", true))
		w.must(w.dir.SetAdmin(ctx, w.boss, "boss", false))
		w.want("by somebody who administers no longer", try(session, target), fault.Denied)
		if u, err := w.dir.User(ctx, w.boss, "member"); err != nil || !u.Active() {
			w.Errorf("the account is not active after refusals: %v", err)
		}
	})
}

// Of many who lock the same user out at once, all succeed, and each part ends once.
func TestLockOutTogether(t *testing.T) {
	each(t, func(w *world) {
		u, _, _ := w.user("mallory", false)
		for range 3 {
			w.session(u)
		}
		var all sync.WaitGroup
		var mu sync.Mutex
		tokens, sessions := 0, 0
		for range 8 {
			all.Go(func() {
				r, err := w.desk.LockOut(w.Context(), w.boss,
					lockout.Request{Target: lockout.Target{Kind: lockout.User, Name: "mallory"}})
				if err != nil {
					w.Error(err)
				}
				mu.Lock()
				tokens, sessions = tokens+len(r.Tokens), sessions+r.Sessions
				mu.Unlock()
			})
		}
		all.Wait()
		if tokens != 1 || sessions != 3 {
			w.Errorf("%d tokens and %d sessions ended, want 1 and 3", tokens, sessions)
		}
	})
}

// A lockout that ends nothing says so, and neither changes nor records anything.
func TestLockOutAgainChangesNothing(t *testing.T) {
	each(t, func(w *world) {
		ctx := w.Context()
		w.user("mallory", false)
		_, plain, _ := w.user("carol", false)
		for _, c := range []struct {
			target       lockout.Target
			first, again string
		}{
			{
				lockout.Target{Kind: lockout.Token, Name: plain.ID},
				"1 token is revoked. Uploads in progress are rejected.",
				"The token is already revoked. Nothing is left to end.",
			},
			{
				lockout.Target{Kind: lockout.User, Name: "mallory"},
				"The account is disabled. 1 token is revoked. Uploads in progress are rejected.",
				"The account is already disabled. Nothing is left to end.",
			},
		} {
			act := func() (lockout.Report, string) {
				r, err := w.desk.LockOut(ctx, w.boss, lockout.Request{Target: c.target, Quarantine: true})
				w.must(err)
				return r, strings.Join(r.Parts(), " ")
			}
			if r, got := act(); got != c.first || r.Nothing() {
				w.Errorf("locking out %v says %q, want %q", c.target, got, c.first)
			}
			before, err := w.rows.Catalog().Serial(ctx)
			w.must(err)
			if r, got := act(); got != c.again || !r.Nothing() {
				w.Errorf("locking out %v again says %q, want %q", c.target, got, c.again)
			}
			if after, err := w.rows.Catalog().Serial(ctx); err != nil || after != before {
				w.Errorf("locking out %v again changes something: %v", c.target, err)
			}
			if n := len(w.record("lockout." + string(c.target.Kind))); n != 1 {
				w.Errorf("locking out %v twice is recorded %d times, want once", c.target, n)
			}
		}
		// An account that was enabled can be locked out again.
		w.must(w.dir.EnableUser(ctx, w.boss, "mallory"))
		r, err := w.desk.LockOut(ctx, w.boss, lockout.Request{Target: lockout.Target{Kind: lockout.User, Name: "mallory"}})
		w.must(err)
		if r.Nothing() || len(r.Tokens) > 0 {
			w.Errorf("locking out an account that was enabled says %v", r.Parts())
		}
	})
}

// What was uploaded is put into quarantine also by a lockout that ends nothing else.
func TestLockOutAgainQuarantines(t *testing.T) {
	each(t, func(w *world) {
		ctx := w.Context()
		_, _, secret := w.user("mallory", true)
		w.upload(w.identify(secret), "widgets", "1.0")
		target := lockout.Target{Kind: lockout.User, Name: "mallory"}
		_, err := w.desk.LockOut(ctx, w.boss, lockout.Request{Target: target, Force: true})
		w.must(err)
		r, err := w.desk.LockOut(ctx, w.boss, lockout.Request{Target: target, Quarantine: true})
		w.must(err)
		if !r.Nothing() || r.Quarantined != 1 || len(w.listed("widgets")) > 0 {
			w.Errorf("the report says %v and %d in quarantine", r.Parts(), r.Quarantined)
		}
		for _, e := range w.record("lockout.user")[:1] {
			if e.Detail["disabled"] != nil || e.Detail["quarantined"] == nil {
				w.Errorf("the record says %v, want the quarantine alone", e.Detail)
			}
		}
	})
}

// The only active administrator is locked out with force, by the operator alone. Nobody looks at or does it to
// themselves.
func TestLockOutOfTheOnlyAdministrator(t *testing.T) {
	each(t, func(w *world) {
		ctx := w.Context()
		_, _, secret := w.user("boss", true)
		target := lockout.Target{Kind: lockout.User, Name: "boss"}
		for _, force := range []bool{false, true} {
			_, err := w.desk.LockOut(ctx, w.identify(secret), lockout.Request{Target: target, Force: force})
			w.want("oneself", err, fault.Conflict)
		}
		_, err := w.desk.Preview(ctx, w.identify(secret), target, time.Time{})
		w.want("looking at oneself", err, fault.Conflict)
		if err == nil || !strings.Contains(err.Error(), "index lockout user boss") {
			w.Errorf("looking at oneself = %v, want the command that helps", err)
		}
		_, err = w.desk.LockOut(ctx, w.boss, lockout.Request{Target: target})
		w.want("without force", err, fault.Conflict)
		if _, err := w.keys.Identify(ctx, "", secret); err != nil {
			w.Errorf("the refused lockout ended the token: %v", err)
		}
		r, err := w.desk.LockOut(ctx, w.boss, lockout.Request{Target: target, Force: true})
		w.must(err)
		if !r.LastAdmin || len(r.Tokens) != 1 {
			w.Errorf("the report says %+v", r)
		}
	})
}

// A report names the projects that nobody else active owns, in person or by a group, and says that roles stay.
func TestLockOutNamesProjectsWithoutOwner(t *testing.T) {
	each(t, func(w *world) {
		ctx := w.Context()
		_, _, boss := w.user("boss", true)
		for _, name := range []string{"mallory", "amy", "gone", "idle"} {
			w.user(name, false)
		}
		team, err := w.dir.AddGroup(ctx, w.boss, "team", "")
		w.must(err)
		w.must(w.dir.AddMember(ctx, w.boss, team.Name, "idle"))
		grant := func(project, user string, role access.Role) {
			name, err := packaging.ParseProjectName(project)
			w.must(err)
			w.must(w.index.Grant(ctx, w.boss, "", name, user, role))
		}
		admin := w.identify(boss)
		for _, p := range []string{"alone", "shared", "left", "grouped", "mine-not"} {
			w.upload(admin, p, "1.0")
			name, err := packaging.ParseProjectName(p)
			w.must(err)
			if p != "mine-not" {
				grant(p, "mallory", access.Owner)
			}
			w.must(w.index.Ungrant(ctx, w.boss, "", name, "boss"))
		}
		grant("mine-not", "mallory", access.Maintainer)
		grant("shared", "amy", access.Owner)
		grant("left", "gone", access.Owner)
		name, err := packaging.ParseProjectName("grouped")
		w.must(err)
		w.must(w.index.GrantGroup(ctx, w.boss, "", name, team.Name, access.Owner))
		w.must(w.dir.DisableUser(ctx, w.boss, "gone"))
		r, err := w.desk.Preview(ctx, w.boss, lockout.Target{Kind: lockout.User, Name: "mallory"}, time.Time{})
		w.must(err)
		if !slices.Equal(r.Unowned, []string{"alone", "left"}) {
			w.Errorf("projects without another owner are %v, want alone and left", r.Unowned)
		}
		text := strings.Join(r.Review, " ")
		for _, want := range []string{"mallory keeps all roles", "No other active user owns alone, left."} {
			if !strings.Contains(text, want) {
				w.Errorf("the review does not say %q: %s", want, text)
			}
		}
	})
}

// A token without a description is named by its owner and id.
func TestLockOutNamesTokens(t *testing.T) {
	each(t, func(w *world) {
		ctx := w.Context()
		_, bare, _ := w.user("carol", false)
		named, _, err := w.dir.CreateToken(ctx, w.boss,
			access.NewAPIToken{User: "carol", Scope: access.ScopeRead, Description: "laptop"})
		w.must(err)
		for id, want := range map[string]string{
			bare.ID:  "an API token of carol without a description (ID " + bare.ID + ")",
			named.ID: `the API token "laptop" of carol`,
		} {
			r, err := w.desk.Preview(ctx, w.boss, lockout.Target{Kind: lockout.Token, Name: id}, time.Time{})
			if err != nil || r.Sentence != want || r.Account != "carol" {
				w.Errorf("the sentence of %s = %q of %s, %v; want %q", id, r.Sentence, r.Account, err, want)
			}
		}
	})
}
