package attest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/attest"
	"pyindex/internal/attest/attesttest"
	"pyindex/internal/catalog"
)

// TestPolicies: refused uploads and stored attestations under each policy, with and without a trusted root.
func TestPolicies(t *testing.T) {
	s := attesttest.New(t)
	root := s.TrustedRoot()
	good := attesttest.JSON(s.Attest(right()))
	bad := attesttest.JSON(s.OtherAuthority().Attest(right()))
	const (
		nothing    = "nothing"
		unverified = "unverified"
		verified   = "verified"
		no         = "refused"
	)
	for _, c := range []struct {
		policy attest.Policy
		root   string
		who    access.Kind
		sent   []string
		want   string
		says   string // in the warning or refusal; "" for no warning
	}{
		{attest.Ignore, root, access.KindPublisher, []string{good}, nothing, "ignores"},
		{attest.Ignore, root, access.KindPublisher, []string{"junk"}, nothing, "ignores"},
		{attest.Ignore, "", access.KindUser, nil, nothing, ""},
		{"", "", access.KindUser, []string{good}, nothing, "ignores"},

		{attest.VerifyIfPresent, root, access.KindPublisher, nil, nothing, ""},
		{attest.VerifyIfPresent, root, access.KindPublisher, []string{good}, verified, ""},
		{attest.VerifyIfPresent, root, access.KindPublisher, []string{bad}, no, "leaf certificate"},
		{attest.VerifyIfPresent, root, access.KindPublisher, []string{"junk"}, no, "cannot be read"},
		{attest.VerifyIfPresent, root, access.KindUser, nil, nothing, ""},
		{attest.VerifyIfPresent, root, access.KindUser, []string{good}, unverified, "API token"},
		{attest.VerifyIfPresent, root, access.KindUser, []string{bad}, unverified, "API token"},
		{attest.VerifyIfPresent, root, access.KindUser, []string{"junk"}, nothing, "not kept"},
		{attest.VerifyIfPresent, root, access.KindOperator, []string{good}, unverified, "API token"},
		{attest.VerifyIfPresent, "", access.KindPublisher, []string{good}, unverified, "no trusted root"},
		{attest.VerifyIfPresent, "", access.KindPublisher, []string{bad}, unverified, "no trusted root"},
		{attest.VerifyIfPresent, "", access.KindPublisher, []string{"junk"}, nothing, "not kept"},
		{attest.VerifyIfPresent, "", access.KindUser, []string{good}, unverified, "no trusted root"},
		{attest.VerifyIfPresent, "", access.KindUser, []string{good, good}, nothing, "sent 2 times"},

		{attest.Require, root, access.KindPublisher, []string{good}, verified, ""},
		{attest.Require, root, access.KindPublisher, nil, no, "none were sent"},
		{attest.Require, root, access.KindPublisher, []string{bad}, no, "leaf certificate"},
		{attest.Require, root, access.KindUser, nil, no, "through a trusted publisher"},
		{attest.Require, root, access.KindUser, []string{good}, no, "through a trusted publisher"},
		{attest.Require, root, access.KindUser, []string{"junk"}, no, "requires verified ones"},
		{attest.Require, root, access.KindOperator, nil, nothing, ""},
	} {
		t.Run(strings.Join([]string{string(c.policy), string(c.who), c.want, c.says}, " "), func(t *testing.T) {
			v, err := attest.New(attest.Options{Policy: c.policy, TrustedRoot: c.root, Kind: kinds})
			if err != nil {
				t.Fatal(err)
			}
			u := upload(t, c.sent...)
			if u.Uploader = c.who; c.who != access.KindPublisher {
				u.Claims = nil
			}
			if c.want == no {
				refused(t, v, u, c.says)
				return
			}
			keep, warnings, err := v.Attest(u)
			if err != nil || outcome(keep) != c.want {
				t.Fatalf("Attest = %+v, %v, want %s", keep, err, c.want)
			}
			if text := strings.Join(warnings, "\n"); len(warnings) > 1 || (text == "") != (c.says == "") ||
				!strings.Contains(text, c.says) {
				t.Errorf("Attest warns %q, want %q", warnings, c.says)
			}
		})
	}
}

func outcome(keep []catalog.Attestation) string {
	switch {
	case len(keep) == 0:
		return "nothing"
	case keep[0].Verified:
		return "verified"
	case keep[0].Publisher != nil:
		return "unverified with a publisher"
	}
	return "unverified"
}

// TestIdentities: the certificate contents required by the claims of each kind of issuer.
func TestIdentities(t *testing.T) {
	s := attesttest.New(t)
	v := verifier(t, s, attest.VerifyIfPresent)
	const (
		ghes   = "https://ghes.example/_services/token"
		ghe    = "https://token.actions.acme.ghe.com"
		gitlab = "https://gitlab.example"
		google = "https://accounts.google.com"
	)
	gitlabJob := attesttest.Job{
		Issuer: gitlab, Repository: gitlab + "/acme/tools/widgets",
		Config: gitlab + "/acme/tools/widgets//.gitlab-ci.yml@refs/heads/main",
		Ref:    "refs/heads/main", SHA: sha, OwnerID: "7",
	}
	gitlabClaims := map[string]any{
		"iss": gitlab, "project_path": "acme/tools/widgets", "namespace_id": "7", "ref_path": "refs/heads/main", "sha": sha,
		"repository":        nil,
		"ci_config_ref_uri": "gitlab.example/acme/tools/widgets//.gitlab-ci.yml@refs/heads/main",
	}
	with := func(c map[string]any, name string, v any) map[string]any {
		changed := map[string]any{name: v}
		for n, w := range c {
			if n != name {
				changed[n] = w
			}
		}
		return changed
	}
	at := func(issuer, place string) map[string]any {
		return with(with(gitlabClaims, "iss", issuer), "ci_config_ref_uri",
			place+"/acme/tools/widgets//.gitlab-ci.yml@refs/heads/main")
	}
	jobAt := func(issuer, site string) attesttest.Job {
		j := gitlabJob
		j.Issuer, j.Repository = issuer, site+"/acme/tools/widgets"
		j.Config = j.Repository + "//.gitlab-ci.yml@refs/heads/main"
		return j
	}
	for name, c := range map[string]struct {
		claims map[string]any
		job    attesttest.Job
		want   string // "verified", "unverified", or part of the refusal
	}{
		"GHES": {
			map[string]any{"iss": ghes},
			attesttest.At(ghes, "https://ghes.example", "acme/widgets", "release.yml", "4242"),
			"verified",
		},
		"GHES, signed on github": {
			map[string]any{"iss": ghes}, attesttest.GitHub("acme/widgets", "release.yml", "4242"), "issuer",
		},
		"GHES, repository of dotcom": {
			map[string]any{"iss": ghes},
			attesttest.At(ghes, "https://github.com", "acme/widgets", "release.yml", "4242"),
			"source repository",
		},
		"ghe.com": {
			map[string]any{"iss": ghe},
			attesttest.At(ghe, "https://acme.ghe.com", "acme/widgets", "release.yml", "4242"),
			"verified",
		},
		"reusable of another": {
			map[string]any{"job_workflow_ref": "acme/ci/.github/workflows/release.yml@refs/heads/main"},
			right().Job,
			"unverified",
		},
		"file with an at": {
			map[string]any{"job_workflow_ref": "acme/widgets/.github/workflows/a.yml@b.yml@refs/heads/main"},
			attesttest.GitHub("acme/widgets", "a.yml@b.yml", "4242"), "verified",
		},
		"file cut short": {
			map[string]any{"job_workflow_ref": "acme/widgets/.github/workflows/a.yml@b.yml@refs/heads/main"},
			attesttest.GitHub("acme/widgets", "a.yml", "4242"), "build config",
		},
		"no repository":        {map[string]any{"repository": nil}, right().Job, "unverified"},
		"no ref and no commit": {map[string]any{"ref": "", "sha": ""}, right().Job, "unverified"},
		"nothing after the at": {map[string]any{
			"ref": "", "sha": "", "job_workflow_ref": "acme/widgets/.github/workflows/release.yml@",
		}, right().Job, "unverified"},
		"no file": {
			map[string]any{"job_workflow_ref": "acme/widgets/.github/workflows/@refs/heads/main"},
			attesttest.GitHub("acme/widgets", "", "4242"), "unverified",
		},
		"owner alone": {map[string]any{
			"repository": "acme", "job_workflow_ref": "acme/.github/workflows/release.yml@refs/heads/main",
		}, attesttest.GitHub("acme", "release.yml", "4242"), "unverified"},
		"three parts": {map[string]any{
			"repository": "acme/a/b", "job_workflow_ref": "acme/a/b/.github/workflows/release.yml@refs/heads/main",
		}, attesttest.GitHub("acme/a/b", "release.yml", "4242"), "unverified"},
		"GitLab": {gitlabClaims, gitlabJob, "verified"},
		"GitLab under a path": {
			at("https://acme.example/gitlab", "acme.example/gitlab"),
			jobAt("https://acme.example/gitlab", "https://acme.example/gitlab"), "verified",
		},
		"GitLab with an issuer of its own": {
			at("https://storage.example/bucket", "gitlab.internal.example/git"),
			jobAt("https://storage.example/bucket", "https://gitlab.internal.example/git"), "verified",
		},
		"GitLab, file at the issuer": {
			at("https://storage.example/bucket", "storage.example/bucket"),
			jobAt("https://storage.example/bucket", "https://gitlab.internal.example/git"), "unverified",
		},
		"GitLab, certificate of the issuer": {
			at("https://storage.example/bucket", "gitlab.internal.example/git"),
			jobAt("https://storage.example/bucket", "https://storage.example/bucket"), "source repository",
		},
		"GitLab, other project": {with(with(gitlabClaims, "project_path", "acme/evil"), "ci_config_ref_uri",
			"gitlab.example/acme/evil//.gitlab-ci.yml@refs/heads/main"), gitlabJob, "source repository"},
		"GitLab, other file": {with(gitlabClaims, "ci_config_ref_uri",
			"gitlab.example/acme/tools/widgets//other.yml@refs/heads/main"), gitlabJob, "build config"},
		"GitLab, other namespace":  {with(gitlabClaims, "namespace_id", "8"), gitlabJob, "source repository owner"},
		"GitLab, no configuration": {with(gitlabClaims, "ci_config_ref_uri", nil), gitlabJob, "unverified"},
		"GitLab, foreign file": {with(gitlabClaims, "ci_config_ref_uri",
			"gitlab.example/acme/ci//.gitlab-ci.yml@refs/heads/main"), gitlabJob, "unverified"},
		"Google": {
			map[string]any{"iss": google, "email": "ci@acme.example"},
			attesttest.Job{Issuer: google, Email: "ci@acme.example"},
			"verified",
		},
		"Google, other account": {
			map[string]any{"iss": google, "email": "ci@acme.example"},
			attesttest.Job{Issuer: google, Email: "evil@acme.example"},
			"subject",
		},
		"Google, other issuer": {
			map[string]any{"iss": google, "email": "ci@acme.example"},
			attesttest.Job{Issuer: ghes, Email: "ci@acme.example"},
			"issuer",
		},
		"Google, no account": {
			map[string]any{"iss": google}, attesttest.Job{Issuer: google, Email: "ci@acme.example"}, "unverified",
		},
		"generic":                 {map[string]any{"iss": "https://ci.example"}, right().Job, "unverified"},
		"issuer that was removed": {map[string]any{"iss": "https://gone.example"}, right().Job, "unverified"},
		"no issuer":               {map[string]any{"iss": nil}, right().Job, "unverified"},
	} {
		t.Run(name, func(t *testing.T) {
			x := right()
			x.Job = c.job
			u := upload(t, attesttest.JSON(s.Attest(x)))
			u.Claims = claims(c.claims)
			if c.want != "verified" && c.want != "unverified" {
				refused(t, v, u, "certificate's "+c.want)
				return
			}
			keep, warnings, err := v.Attest(u)
			if err != nil || outcome(keep) != c.want || (len(warnings) > 0) != (c.want == "unverified") {
				t.Fatalf("Attest = %+v, %q, %v, want %s", keep, warnings, err, c.want)
			}
			if c.want == "verified" && keep[0].Publisher["claims"].(map[string]any)["iss"] != u.Claims["iss"] {
				t.Errorf("the publisher is %v", keep[0].Publisher)
			}
		})
	}
}

// TestUnverifiableRequired: if attestations are required, unverifiable ones are refused.
func TestUnverifiableRequired(t *testing.T) {
	s := attesttest.New(t)
	u := upload(t, attesttest.JSON(s.Attest(right())))
	u.Claims = claims(map[string]any{"iss": "https://ci.example"})
	refused(t, verifier(t, s, attest.Require), u, "no certificate could be compared")
}

// TestPrivateSigstore: an authority without a certificate log is trusted only if the configuration allows it.
func TestPrivateSigstore(t *testing.T) {
	s := attesttest.New(t)
	x := right()
	x.NoSCT = true
	v, err := attest.New(attest.Options{
		Policy: attest.VerifyIfPresent, TrustedRoot: s.TrustedRootWithoutCT(), WithoutSCT: true, Kind: kinds,
	})
	if err != nil {
		t.Fatal(err)
	}
	if keep, _, err := v.Attest(upload(t, attesttest.JSON(s.Attest(x)))); err != nil || outcome(keep) != "verified" {
		t.Errorf("Attest = %+v, %v, want verified", keep, err)
	}
	x.Job = attesttest.GitHub("evil/widgets", "release.yml", "4242")
	refused(t, v, upload(t, attesttest.JSON(s.Attest(x))), "source repository")
}

func TestBadRoots(t *testing.T) {
	s := attesttest.New(t)
	write := func(text string) string {
		path := filepath.Join(t.TempDir(), "root.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const media = `{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"`
	for name, c := range map[string]struct {
		o    attest.Options
		says string
	}{
		"required without":     {attest.Options{Policy: attest.Require}, "trusted root is needed"},
		"no file":              {attest.Options{TrustedRoot: filepath.Join(t.TempDir(), "none")}, "no such file"},
		"a folder":             {attest.Options{TrustedRoot: t.TempDir()}, "directory"},
		"no JSON":              {attest.Options{TrustedRoot: write("hello")}, "not a trusted root"},
		"other JSON":           {attest.Options{TrustedRoot: write("{}")}, "not a trusted root"},
		"empty":                {attest.Options{TrustedRoot: write(media + "}")}, "no certificate authority"},
		"too long":             {attest.Options{TrustedRoot: write(strings.Repeat(" ", 1<<20+1))}, "longer than"},
		"no CT log":            {attest.Options{TrustedRoot: s.TrustedRootWithoutCT()}, "attestations.sct"},
		"public without proof": {attest.Options{TrustedRoot: s.Public().TrustedRoot(), WithoutSCT: true}, "public Sigstore"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.o.Policy == "" {
				c.o.Policy = attest.VerifyIfPresent
			}
			if _, err := attest.New(c.o); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("New = %v, want %q", err, c.says)
			}
		})
	}
	if _, err := attest.New(attest.Options{
		Policy: attest.VerifyIfPresent, TrustedRoot: s.Public().TrustedRoot(),
	}); err != nil {
		t.Errorf("New with a root that is the public instance's = %v", err)
	}
}
