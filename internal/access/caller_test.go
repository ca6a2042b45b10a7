package access

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"pyindex/internal/fault"
)

// The repository of these tests lets members make projects; "p" is a project that the caller has to do with, "q" is
// not.
var (
	repoR    = Object{RepositoryID: "r", Members: Uploader, Public: true}
	projectP = Object{RepositoryID: "r", Members: Uploader, Public: true, ProjectID: "p"}
	projectQ = Object{RepositoryID: "r", Members: Uploader, Public: true, ProjectID: "q"}
	closedP  = Object{RepositoryID: "s", ProjectID: "p"}
)

func user(scope Scope, grants map[string]Role, projects ...string) Caller {
	c := Caller{kind: KindUser, id: "u", name: "alice", scope: scope, grants: grants}
	if len(projects) > 0 {
		c.limited, c.projects = true, set(projects)
	}
	return c
}

// TestMay states for each kind of caller the highest role that it may act in, on each object.
func TestMay(t *testing.T) {
	owner := map[string]Role{"p": Owner}
	admin := user(ScopeAdmin, nil)
	admin.admin = true
	adminUpload := admin
	adminUpload.scope = ScopeUpload
	for _, c := range []struct {
		name         string
		who          Caller
		r, p, q, off Role
		creates      bool
	}{
		{"zero", Caller{}, NoRole, NoRole, NoRole, NoRole, false},
		{"guest, closed", Guest(false), NoRole, NoRole, NoRole, NoRole, false},
		{"guest, open", Guest(true), Reader, Reader, Reader, NoRole, false},
		{"member without scope", user(NoScope, owner), NoRole, NoRole, NoRole, NoRole, false},
		{"member, read", user(ScopeRead, nil), Reader, Reader, Reader, NoRole, false},
		{"member, upload", user(ScopeUpload, nil), Reader, Reader, Reader, NoRole, true},
		{"owner, read", user(ScopeRead, owner), Reader, Reader, Reader, Reader, false},
		{"owner, upload", user(ScopeUpload, owner), Reader, Uploader, Reader, Uploader, true},
		{"owner, admin scope", user(ScopeAdmin, owner), Reader, Owner, Reader, Owner, true},
		{"limited to p", user(ScopeUpload, owner, "p"), NoRole, Uploader, NoRole, Uploader, false},
		{"limited to p without a right there", user(ScopeUpload, nil, "p"), NoRole, Reader, NoRole, NoRole, false},
		{
			"limited to nothing", func() Caller { c := user(ScopeAdmin, owner); c.limited = true; return c }(), NoRole, NoRole,
			NoRole, NoRole, false,
		},
		{
			"minted for p", workload(Caller{scope: ScopeUpload, projects: set([]string{"p"})}, Token{}), NoRole, Uploader,
			NoRole, Uploader, false,
		},
		{
			"minted with a scope it never has", workload(Caller{scope: ScopeAdmin, projects: set([]string{"p"})}, Token{}),
			NoRole, Uploader, NoRole, Uploader, false,
		},
		{"minted for nothing", workload(Caller{scope: ScopeUpload}, Token{}), NoRole, NoRole, NoRole, NoRole, false},
		{"administrator", admin, Owner, Owner, Owner, Owner, true},
		{"administrator's upload token", adminUpload, Uploader, Uploader, Uploader, Uploader, true},
		{"operator", Operator("root"), Owner, Owner, Owner, Owner, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			for i, o := range []Object{repoR, projectP, projectQ, closedP} {
				want := []Role{c.r, c.p, c.q, c.off}[i]
				for role := NoRole; role <= Owner; role++ {
					if got := c.who.May(role, o); got != (role != NoRole && role <= want) {
						t.Errorf("%s: May(%v, %+v) = %v, highest role should be %v", c.name, role, o, got, want)
					}
				}
			}
			if got := c.who.MayCreate(repoR); got != c.creates {
				t.Errorf("%s: MayCreate = %v, want %v", c.name, got, c.creates)
			}
		})
	}
	if admin.Admin() != true || adminUpload.Admin() || user(ScopeAdmin, owner).Admin() {
		t.Error("Admin is for administrators with a token of scope admin, and for nobody else")
	}
}

func TestSecretNeverPrints(t *testing.T) {
	s := NewToken()
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "token", s, "in", struct{ T Secret }{s})
	asJSON, err := json.Marshal(map[string]any{"t": s})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %s %q %x", s, s, s, s, s, s), fmt.Sprintf("%#v", struct{ T Secret }{s}),
		log.String(), string(asJSON),
	} {
		if strings.Contains(text, s.Reveal()[len(TokenPrefix):]) || strings.Contains(text, fmt.Sprintf("%x", s.Reveal())) {
			t.Errorf("a secret shows in %q", text)
		}
	}
}

func TestTokenForm(t *testing.T) {
	good := NewToken().Reveal()
	if !WellFormed(Secret(good)) {
		t.Fatalf("WellFormed(%q) = false of a fresh token", good)
	}
	if len(good) >= 85 {
		t.Errorf("a token has %d characters: leak scanners would report it to another index from 85 on", len(good))
	}
	seen := map[string]bool{}
	for range 1000 {
		seen[NewToken().Reveal()] = true
	}
	if len(seen) != 1000 {
		t.Errorf("1,000 tokens are %d different ones", len(seen))
	}
	swapped := []byte(good)
	swapped[20], swapped[21] = swapped[21]+1, swapped[20]+1
	for name, bad := range map[string]string{
		"empty": "", "short": good[:len(good)-1], "long": good + "0", "prefix alone": TokenPrefix,
		"other prefix": "pypi-xxx_" + good[len(TokenPrefix):], "blank": " " + good[1:], "upper": strings.ToUpper(good),
		"a changed character": string(swapped), "PyPI's": "pypi-AgEIcHlwaS5vcmc" + good[20:],
	} {
		t.Run(name, func(t *testing.T) {
			if WellFormed(Secret(bad)) {
				t.Errorf("%s: WellFormed(%q) = true", name, bad)
			}
		})
	}
}

func TestPassword(t *testing.T) {
	phc, err := PasswordCost{}.Hash("correct horse battery staple")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(phc, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("the usual cost is that of %s", phc)
	}
	cheap, err := PasswordCost{Passes: 1, Memory: 8}.Hash("correct horse battery staple")
	if err != nil || !strings.HasPrefix(cheap, "$argon2id$v=19$m=8,t=1,p=1$") ||
		!PasswordFits(cheap, "correct horse battery staple") || PasswordFits(cheap, "correct horse battery stapler") {
		t.Errorf("Hash at a low cost = %s, %v", cheap, err)
	}
	if !PasswordFits(phc, "correct horse battery staple") {
		t.Error("the right password does not fit")
	}
	for name, c := range map[string]struct {
		phc string
		p   Secret
	}{
		"wrong": {phc, "correct horse battery stapler"}, "empty": {phc, ""}, "no hash": {"", ""},
		"no hash, no password":  {"", "x"},
		"other algorithm":       {strings.Replace(phc, "argon2id", "argon2i", 1), "correct horse battery staple"},
		"other version":         {strings.Replace(phc, "v=19", "v=16", 1), "correct horse battery staple"},
		"memory beyond bounds":  {strings.Replace(phc, "m=19456", "m=99999999", 1), "correct horse battery staple"},
		"truncated key":         {phc[:len(phc)-10], "correct horse battery staple"},
		"something else at all": {"$$$$$", "correct horse battery staple"},
	} {
		t.Run(name, func(t *testing.T) {
			if PasswordFits(c.phc, c.p) {
				t.Errorf("%s: PasswordFits = true", name)
			}
		})
	}
	for _, bad := range []Secret{
		"", "short", Secret(strings.Repeat("x", 2000)), "eleven char", "\xff\xfe\xfd not utf-8 at all",
	} {
		if _, err := (PasswordCost{}).Hash(bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("Hash of %d bytes = %v, want invalid", len(bad.Reveal()), err)
		}
	}
}

func TestParse(t *testing.T) {
	for _, bad := range []string{"", "A", "a b", "-a", "a-", "ä", "a\n", strings.Repeat("a", 65), "a/b", "../a"} {
		if _, err := ParseUserName(bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("ParseUserName(%q) = %v, want invalid", bad, err)
		}
	}
	for _, good := range []string{"a", "alice", "a.b-c_d", "0x", strings.Repeat("a", 64)} {
		if got, err := ParseUserName(good); err != nil || got != good {
			t.Errorf("ParseUserName(%q) = %q, %v", good, got, err)
		}
	}
	for _, bad := range []string{"", "none", "Read", "write", "root"} {
		if _, err := ParseScope(bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("ParseScope(%q) = %v, want invalid", bad, err)
		}
	}
	for role := NoRole; role <= Owner; role++ {
		if got, err := ParseRole(role.String()); err != nil || got != role {
			t.Errorf("ParseRole(%q) = %v, %v", role, got, err)
		}
	}
}
