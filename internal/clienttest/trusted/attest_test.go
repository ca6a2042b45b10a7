package trusted_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pyindex/internal/attest/attesttest"
	"pyindex/internal/clienttest"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/publishers/idtoken/issuertest"
)

// attestedJob is a job beside a Sigstore that its server trusts.
type attestedJob struct {
	*job
	sigstore *attesttest.Sigstore
}

// newAttestedJob starts a server with more settings in the section of attestations. ROOT in them is the trusted root.
func newAttestedJob(t *testing.T, settings string) *attestedJob {
	t.Helper()
	issuer, sigstore := issuertest.New(t, issuertest.Options{}), attesttest.New(t)
	settings = strings.ReplaceAll(settings, "ROOT", fmt.Sprintf("%q", sigstore.TrustedRoot()))
	text := fmt.Sprintf("[attestations]\n%s\n[[oidc.issuers]]\nkind = \"github\"\nissuer = %q\nca_file = %q\n", settings,
		issuer.URL, issuer.CAFile(t))
	config := filepath.Join(t.TempDir(), "index.toml")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := clienttest.Serve(t, clienttest.Options{TLS: true, Env: []string{"INDEX_CONFIG=" + config}})
	s.User("alice", true)
	return &attestedJob{&job{Server: s, t: t, issuer: issuer, bundle: bundle(t, s.CA, issuer.CAFile(t))}, sigstore}
}

// statement is what the job would sign about a file: the issuer is a GitHub Enterprise Server's.
func (j *attestedJob) statement(filename, sha256 string) attesttest.Statement {
	w := attesttest.At(j.issuer.URL, j.issuer.URL, "acme/widgets", "release.yml", "4242")
	w.Ref, w.Config = "refs/tags/v1.0", strings.Replace(w.Config, w.Ref, "refs/tags/v1.0", 1)
	return attesttest.Statement{Job: w, Subjects: []attesttest.Subject{{Name: filename, SHA256: sha256}}}
}

// send uploads a file with the field of attestations, and without it where there is none.
func (j *attestedJob) send(token string, f packagingtest.File, attestations ...string) (int, string) {
	j.t.Helper()
	var extra [][2]string
	for _, a := range attestations {
		extra = append(extra, [2]string{"attestations", a})
	}
	status, body := j.upload(token, f, extra...)
	return status, string(body)
}

// minted registers the workflow for a project and returns a token of a job of it.
func (j *attestedJob) minted(project string) string {
	j.t.Helper()
	j.trust(project, "--pending")
	_, m := j.mint("/_/oidc/mint-token", j.identity(j.audience()))
	return m.Token
}

// links are the provenance URLs of a project's page, by file name; "" where a file has none.
func (j *attestedJob) links(project string) map[string]string {
	j.t.Helper()
	r, err := http.NewRequest("GET", j.URL+"/simple/"+project+"/", nil)
	if err != nil {
		j.t.Fatal(err)
	}
	r.Header.Set("Accept", "application/vnd.pypi.simple.v1+json")
	r.SetBasicAuth("__token__", j.Token("alice", "--scope", "read"))
	answer, err := j.HTTP.Do(r)
	if err != nil {
		j.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	var doc struct {
		Files []struct{ Filename, Provenance string }
	}
	if err := json.NewDecoder(answer.Body).Decode(&doc); err != nil && answer.StatusCode == 200 {
		j.t.Fatal(err)
	}
	links := map[string]string{}
	for _, f := range doc.Files {
		links[f.Filename] = f.Provenance
	}
	return links
}

// proven returns the provenance object at a URL.
func (j *attestedJob) proven(url string) map[string]any {
	j.t.Helper()
	status, body := j.get(j.HTTP, url, j.Token("alice", "--scope", "read"))
	var doc map[string]any
	if err := json.Unmarshal(body, &doc); err != nil || status != http.StatusOK {
		j.t.Fatalf("GET %s = %d %s", url, status, body)
	}
	return doc
}

// TestAttested: what a job signs and publishes is served as provenance, where the pages say.
func TestAttested(t *testing.T) {
	j := newAttestedJob(t, "trusted_root = ROOT")
	f := packagingtest.Wheel("proven", "1.0", "x")
	attestation := j.sigstore.Attest(j.statement(f.Name, f.SHA256()))
	if status, body := j.send(j.minted("proven"), f, attesttest.JSON(attestation)); status != http.StatusOK || body != "" {
		t.Fatalf("the upload: %d %q, want 200 and nothing to say", status, body)
	}
	links := j.links("proven")
	want := map[string]string{f.Name: j.URL + "/integrity/proven/1.0/" + f.Name + "/provenance"}
	if d := cmp.Diff(want, links); d != "" {
		t.Fatalf("provenance on the page (-want +got):\n%s", d)
	}
	var sent []any
	if err := json.Unmarshal([]byte(attesttest.JSON(attestation)), &sent); err != nil {
		t.Fatal(err)
	}
	object := map[string]any{"version": 1.0, "attestation_bundles": []any{map[string]any{
		"publisher": map[string]any{
			"kind": "GitHub", "repository": "acme/widgets", "workflow": "release.yml", "environment": "release",
			"claims": map[string]any{"iss": j.issuer.URL},
		},
		"attestations": sent,
	}}}
	if d := cmp.Diff(object, j.proven(links[f.Name])); d != "" {
		t.Errorf("the provenance (-want +got):\n%s", d)
	}
	if status, _ := j.get(j.HTTP, links[f.Name], ""); status != http.StatusUnauthorized {
		t.Errorf("nobody reads the provenance of a closed index: %d, want 401", status)
	}
}

// TestAttestedFalsely: a job's false attestations refuse the upload, and leave nothing of it.
func TestAttestedFalsely(t *testing.T) {
	j := newAttestedJob(t, "trusted_root = ROOT")
	token := j.minted("false")
	f := packagingtest.Wheel("false", "1.0", "x")
	signed := func(by *attesttest.Sigstore, change func(*attesttest.Statement)) string {
		x := j.statement(f.Name, f.SHA256())
		change(&x)
		return attesttest.JSON(by.Attest(x))
	}
	for name, sent := range map[string][]string{
		"wrong digest": {signed(j.sigstore,
			func(x *attesttest.Statement) { x.Subjects[0].SHA256 = strings.Repeat("0", 64) })},
		"wrong file": {signed(j.sigstore,
			func(x *attesttest.Statement) { x.Subjects[0].Name = "false-1.1-py3-none-any.whl" })},
		"two subjects": {signed(j.sigstore,
			func(x *attesttest.Statement) { x.Subjects = append(x.Subjects, x.Subjects...) })},
		"other workflow": {signed(j.sigstore,
			func(x *attesttest.Statement) { x.Config = strings.Replace(x.Config, "release", "test", 1) })},
		"other repository": {signed(j.sigstore, func(x *attesttest.Statement) { x.Repository += "2" })},
		"expired":          {signed(j.sigstore, func(x *attesttest.Statement) { x.Age = time.Hour / 2 })},
		"other authority":  {signed(j.sigstore.OtherAuthority(), func(*attesttest.Statement) {})},
		"not logged":       {signed(j.sigstore, func(x *attesttest.Statement) { x.NoSCT = true })},
		"empty":            {"[]"},
		"junk":             {"junk"},
		"too long":         {strings.Repeat("[", 1<<20)},
		"twice":            {"[]", "[]"},
	} {
		t.Run(name, func(t *testing.T) {
			status, body := j.send(token, f, sent...)
			if status != http.StatusBadRequest || !strings.Contains(body, "Invalid attestations supplied during upload: ") {
				t.Errorf("%s: %d %s, want 400", name, status, body)
			}
			if j.listed("false", f.Name) {
				t.Fatalf("%s: the file was refused and is listed", name)
			}
		})
	}
	if status, body := j.send(token, f, signed(j.sigstore, func(*attesttest.Statement) {})); status != http.StatusOK {
		t.Errorf("true ones after the false: %d %s, want 200", status, body)
	}
}

// TestAttestedByNobody checks that an upload with an API token is neither rejected nor shown as attested.
func TestAttestedByNobody(t *testing.T) {
	for name, settings := range map[string]string{
		"with a root": "trusted_root = ROOT", "without": "", "ignored": `policy = "ignore"`,
	} {
		t.Run(name, func(t *testing.T) {
			j := newAttestedJob(t, settings)
			token := j.Token("alice", "--scope", "upload")
			for version, sent := range map[string]func(packagingtest.File) string{
				"1.0": func(f packagingtest.File) string {
					return attesttest.JSON(j.sigstore.Attest(j.statement(f.Name, f.SHA256())))
				},
				"1.1": func(packagingtest.File) string { return "junk" },
				"1.2": func(packagingtest.File) string { return "[]" },
			} {
				f := packagingtest.Wheel("said", version, "x")
				if status, body := j.send(token, f, sent(f)); status != http.StatusOK ||
					!strings.Contains(body, "the attestations were") {
					t.Errorf("version %s: %d %q, want 200 and a warning", version, status, body)
				}
				if link, ok := j.links("said")[f.Name]; link != "" || !ok {
					t.Errorf("version %s: listed %v, provenance %q, want none", version, ok, link)
				}
				if status, _ := j.get(j.HTTP, j.URL+"/integrity/said/"+version+"/"+f.Name+"/provenance",
					token); status != http.StatusNotFound {
					t.Errorf("version %s: provenance = %d, want 404", version, status)
				}
			}
		})
	}
}

// TestAttestationRequired: nothing comes in without.
func TestAttestationRequired(t *testing.T) {
	j := newAttestedJob(t, "policy = \"require\"\ntrusted_root = ROOT")
	token, f := j.minted("needy"), packagingtest.Wheel("needy", "1.0", "x")
	good := attesttest.JSON(j.sigstore.Attest(j.statement(f.Name, f.SHA256())))
	for name, c := range map[string]struct {
		token string
		sent  []string
	}{
		"none": {token, nil}, "API token without": {j.Token("alice", "--scope", "upload"), nil},
		"API token with": {j.Token("alice", "--scope", "upload"), []string{good}},
	} {
		t.Run(name, func(t *testing.T) {
			if status, body := j.send(c.token, f, c.sent...); status != http.StatusBadRequest ||
				!strings.Contains(body, "requires") {
				t.Errorf("%s: %d %s, want 400", name, status, body)
			}
		})
	}
	if status, body := j.send(token, f, good); status != http.StatusOK {
		t.Errorf("a job with: %d %s, want 200", status, body)
	}
}

// attestFiles writes an attestation beside each file, as the tools that sign do.
func (j *attestedJob) attestFiles(files []string) {
	j.t.Helper()
	for _, path := range files {
		content, err := os.ReadFile(path)
		if err != nil {
			j.t.Fatal(err)
		}
		o := j.sigstore.Attest(j.statement(filepath.Base(path), packagingtest.File{Bytes: content}.SHA256()))
		text := attesttest.JSON(o)
		if err := os.WriteFile(path+".publish.attestation", []byte(text[1:len(text)-1]), 0o600); err != nil {
			j.t.Fatal(err)
		}
	}
}

// own copies files to the test's own folder, because the test adds to them.
func own(t *testing.T, files []string) []string {
	t.Helper()
	dir, out := t.TempDir(), []string{}
	for _, path := range files {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(dir, filepath.Base(path))
		if err := os.WriteFile(to, content, 0o600); err != nil {
			t.Fatal(err)
		}
		out = append(out, to)
	}
	return out
}

// TestUVAttests: uv attaches what lies beside the files, unasked, whatever the credential.
func TestUVAttests(t *testing.T) {
	j := newAttestedJob(t, "trusted_root = ROOT")
	// publish gives uv a folder of files with their attestations, as its default is.
	publish := func(version string, args ...string) []string {
		files := own(t, clienttest.Sample(t, "setuptools", version))
		j.attestFiles(files)
		args = append(args, "--publish-url", j.URL+"/legacy/", filepath.Join(filepath.Dir(files[0]), "*"))
		clienttest.UV(t).Set(j.env()...).Run(t, "", append([]string{"publish"}, args...)...).OK(t)
		return files
	}
	j.trust("acme-greeter", "--pending")
	links := func(files []string) []string {
		all, out := j.links("acme-greeter"), []string{}
		for _, path := range files {
			out = append(out, all[filepath.Base(path)])
		}
		return out
	}
	for _, link := range links(publish("1.0", "--trusted-publishing", "always")) {
		if link == "" {
			t.Fatal("a job's file has no provenance")
		}
		j.proven(link)
	}
	for _, link := range links(publish("2.0", "--trusted-publishing", "never", "--username", "__token__", "--password",
		j.Token("alice", "--scope", "upload"))) {
		if link != "" {
			t.Errorf("an API token's file has provenance %s", link)
		}
	}
	if said := strings.Count(j.Log(), "status=400"); said > 0 {
		t.Errorf("%d uploads were refused", said)
	}
}
