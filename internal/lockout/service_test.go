package lockout_test

import (
	"slices"
	"strings"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/lockout"
	"pyindex/internal/packaging"
)

// service adds a service account of a project by an owner of it, and a token.
func (w *world) service(who access.Caller, project, name string) (access.Service, access.Secret) {
	w.Helper()
	n, err := packaging.ParseProjectName(project)
	w.must(err)
	p, err := w.index.Project(w.Context(), who, "", n)
	w.must(err)
	s, err := w.dir.AddService(w.Context(), who, access.NewService{
		Name: name, Role: access.Uploader, RepositoryID: p.Repository.ID, ProjectID: p.ID, Project: n.String(),
	})
	w.must(err)
	_, secret, err := w.dir.CreateToken(w.Context(), who, access.NewAPIToken{User: s.Name, Scope: access.ScopeUpload})
	w.must(err)
	return s, secret
}

func (w *world) name(project string) packaging.ProjectName {
	w.Helper()
	n, err := packaging.ParseProjectName(project)
	w.must(err)
	return n
}

// A service account uploads to its project and to no other, creates none, and ends with its project; uploads under way
// are refused at their commit.
func TestServiceAccountUploads(t *testing.T) {
	each(t, func(w *world) {
		ctx := w.Context()
		alice, _, hers := w.user("alice", false)
		_, _, his := w.user("bob", false)
		w.upload(w.identify(hers), "demo", "1.0")
		w.upload(w.identify(his), "other", "1.0")
		owner, _ := w.session(alice)
		s, secret := w.service(owner, "demo", "deploy")
		bot := w.identify(secret)
		w.upload(bot, "demo", "2.0")
		w.want("an upload to another project", w.begin2(bot, "other", "2.0"), fault.Denied)
		w.want("a new project", w.begin2(bot, "fresh", "1.0"), fault.Denied)
		w.want("a yank", w.index.Yank(ctx, bot, "", w.name("demo"), "2.0", ""), fault.Denied)
		w.want("a deletion", w.index.DeleteProject(ctx, bot, "", w.name("demo")), fault.Denied)
		_, err := w.index.Project(ctx, bot, "", w.name("other"))
		w.want("a project without a role", err, fault.NotFound)

		w.want("its role as owner", w.index.Grant(ctx, owner, "", w.name("demo"), s.Name, access.Owner), fault.Invalid)
		w.want("its role as maintainer, by the operator",
			w.index.Grant(ctx, w.boss, "", w.name("demo"), s.Name, access.Maintainer), fault.Invalid)
		w.want("a role in bob's project", w.index.Grant(ctx, owner, "", w.name("other"), s.Name, access.Uploader),
			fault.Denied)
		w.must(w.index.Grant(ctx, w.identify(his), "", w.name("other"), s.Name, access.Uploader))
		w.upload(w.identify(secret), "other", "2.0")
		w.must(w.index.Ungrant(ctx, w.identify(his), "", w.name("other"), s.Name))
		w.want("an upload after the role ended", w.begin2(w.identify(secret), "other", "3.0"), fault.Denied)
		w.want("leaving", w.index.Leave(ctx, bot, "", w.name("demo")), fault.Denied)
		_, err = w.accounts.ResetLink(ctx, w.boss, s.Name)
		w.want("a password link", err, fault.Conflict)

		w.must(w.index.SetTrustedOnly(ctx, owner, "", w.name("demo"), true))
		w.want("an upload to a project for publishers only", w.begin2(w.identify(secret), "demo", "3.0"), fault.Denied)
		w.must(w.index.SetTrustedOnly(ctx, owner, "", w.name("demo"), false))

		late := w.begin(w.identify(secret), "demo", "4.0")
		w.must(w.index.DeleteProject(ctx, owner, "", w.name("demo")))
		w.want("an upload under way while the project was deleted", late(), fault.Denied)
		_, err = w.keys.Identify(ctx, "", secret)
		w.want("its token after its project was deleted", err, fault.Unauthenticated)
		e := w.record("project.delete")[0]
		if got, ok := e.Detail["service_accounts"].([]any); !ok || len(got) != 1 || got[0] != s.Name {
			w.Errorf("the entry of the deletion = %v, want the name of the account", e.Detail)
		}
		w.upload(w.identify(hers), "fresh", "1.0")
		_, err = w.dir.AddService(ctx, w.boss, access.NewService{Name: "deploy", Group: "none"})
		w.want("the name again, of nothing", err, fault.NotFound)
	})
}

// begin2 uploads a release, and returns the refusal of any step.
func (w *world) begin2(who access.Caller, project, version string) error {
	w.Helper()
	if _, err := w.index.Begin(w.Context(), who, "", w.name(project)); err != nil {
		return err
	}
	return w.begin(who, project, version)()
}

// A lockout of a service account ends it; one of a person ends the tokens that the person made for service accounts and
// has seen, and keeps the account itself.
func TestLockOutServiceAccounts(t *testing.T) {
	each(t, func(w *world) {
		ctx := w.Context()
		w.user("boss", true)
		mallory, _, hers := w.user("mallory", false)
		w.upload(w.identify(hers), "demo", "1.0")
		owner, _ := w.session(mallory)
		s, seen := w.service(owner, "demo", "deploy")
		_, safe, err := w.dir.CreateToken(ctx, w.boss, access.NewAPIToken{User: s.Name, Scope: access.ScopeUpload})
		w.must(err)
		r, err := w.desk.LockOut(ctx, w.boss, lockout.Request{Target: lockout.Target{Kind: lockout.User, Name: "mallory"}})
		w.must(err)
		named := func(s string) bool { return strings.Contains(s, "svc:deploy") }
		if len(r.Tokens) != 2 || !slices.ContainsFunc(r.Review, named) {
			w.Errorf("the report = %d tokens, %q; want her token, that of the account, and its name", len(r.Tokens), r.Review)
		}
		_, err = w.keys.Identify(ctx, "", seen)
		w.want("the token that she made", err, fault.Unauthenticated)
		w.upload(w.identify(safe), "demo", "2.0")

		r, err = w.desk.LockOut(ctx, w.boss, lockout.Request{
			Target: lockout.Target{Kind: lockout.User, Name: s.Name}, Quarantine: true,
		})
		w.must(err)
		if len(r.Tokens) != 1 || r.Quarantined != 1 || len(w.listed("demo")) != 1 {
			w.Errorf("the report of the account = %+v, and %v is listed", r, w.listed("demo"))
		}
		_, err = w.keys.Identify(ctx, "", safe)
		w.want("a token of the locked out account", err, fault.Unauthenticated)
	})
}

// A project whose only other role is that of a service account has no other owner.
func TestServiceAccountIsNoOwner(t *testing.T) {
	each(t, func(w *world) {
		ctx := w.Context()
		alice, _, hers := w.user("alice", false)
		w.upload(w.identify(hers), "demo", "1.0")
		owner, _ := w.session(alice)
		w.service(owner, "demo", "deploy")
		w.want("the last owner leaving", w.index.Leave(ctx, owner, "", w.name("demo")), fault.Conflict)
		p, err := w.index.Project(ctx, owner, "", w.name("demo"))
		w.must(err)
		if p.Status != catalog.Active {
			w.Errorf("status = %v", p.Status)
		}
	})
}
