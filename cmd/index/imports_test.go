//go:build !windows

package main

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "pyindex/"

// importers says which of our packages may import an outside library; a folder stands for all below it.
var importers = map[string][]string{
	"github.com/labstack/": {"internal/server"},
	// workloads' tokens, and people's
	"github.com/coreos/go-oidc":                     {"internal/publishers/idtoken", "internal/signon"},
	"golang.org/x/oauth2":                           {"internal/signon", "internal/storage/blobs"},
	module + "internal/signon":                      {"internal/config"},
	"github.com/go-jose/":                           {"internal/publishers/idtoken"},
	"github.com/sigstore/":                          {"internal/attest"},
	"github.com/google/certificate-transparency-go": {"internal/attest"},
	"github.com/secure-systems-lab/":                {"internal/attest"},
	"gocloud.dev/":                                  {"internal/storage/blobs"},
	"github.com/aws/":                               {"internal/storage/blobs"},
	"github.com/Azure/":                             {"internal/storage/blobs"},
	"cloud.google.com/go/":                          {"internal/storage/blobs"},
	"modernc.org/":                                  {"internal/storage/db"},
	"github.com/jackc/":                             {"internal/storage/db"},
	"github.com/pressly/goose":                      {"internal/storage/db"},
	"database/sql":                                  {"internal/storage/db"},
	"github.com/alecthomas/kong": {
		"cmd/index", "internal/cli", "internal/config", "internal/manual", "internal/version",
	},
	"github.com/pelletier/go-toml": {"internal/config", "internal/lockfile"},
	"golang.org/x/crypto/acme":     {"internal/tlsserve"},
	"github.com/yuin/goldmark":     {"internal/readme"},
	"github.com/microcosm-cc/":     {"internal/readme"},
	"github.com/go-webauthn/":      {"internal/passkeys"},
	module + "internal/passkeys":   {"internal/app"},
	"github.com/wneessen/go-mail":  {"internal/mail"},
	module + "internal/mail":       {"internal/app", "internal/config"},
	// which makes requests
	module + "internal/upstream/client": {
		"internal/app", "internal/cli/upkeep", "internal/cli/upstreams", "internal/transfer/remote",
	},
	"github.com/emersion/":             {"internal/mail/mailtest"},
	"rsc.io/qr":                        {"web"},
	"github.com/aymanbagabas/go-udiff": {"web"},
	"github.com/github/go-spdx":        {"internal/packaging"},
	"golang.org/x/net/html":            {"internal/readme", "internal/upstream/page"},
	"github.com/go-json-experiment/": {
		"internal/upstream/page", "internal/upstream/pack", "internal/transfer/scan", "internal/advisory",
	},
	"golang.org/x/term":         {"internal/terminal"},
	"golang.org/x/time/rate":    {"internal/server", "internal/pictures", "internal/transfer"},
	"golang.org/x/sync/":        {"web", "internal/simpleapi/ready", "internal/pictures", "internal/browse"},
	module + "internal/attest":  {"internal/config"},
	"filippo.io/age":            {"internal/backup", "internal/cli/backups"},
	"github.com/prometheus/":    {"internal/metrics"},
	module + "internal/metrics": {"internal/app", "cmd/index"},
	// which fills databases by db/synthetic
	module + "internal/storage/": {
		"internal/app", "internal/config", "internal/cli/upkeep", "internal/storage", "bench",
	},
	module + "internal/storage/db/synthetic": {"bench"},
	module + "internal/server":               {"cmd/index", "internal/server"},
	module + "internal/app":                  {"cmd/index", "internal/cli"},
	module + "internal/config":               {"cmd/index", "internal/app", "internal/cli"},
	module + "internal/cli":                  {"cmd/index", "internal/cli"},
	module + "internal/cijob":                {"cmd/index"},
	module + "internal/tlsserve":             {"cmd/index", "internal/cli/upkeep"},
	module + "internal/publishers/idtoken":   {"internal/app", "internal/cli/upkeep", "internal/publishers/idtoken"},
}

// middle is the ring that knows packaging and our rules and nothing else; allowed are its outward imports that are no
// package of the ring: pure helpers.
var middle = []string{
	"internal/access",
	"internal/account",
	"internal/alias",
	"internal/assembly",
	"internal/audit",
	"internal/backup",
	"internal/browse",
	"internal/catalog",
	"internal/custody",
	"internal/doctor",
	"internal/fault",
	"internal/follow",
	"internal/ingest",
	"internal/lockout",
	"internal/memo",
	"internal/namelog",
	"internal/packaging",
	"internal/policy", "internal/holds", "internal/advisory", "internal/downloads",
	"internal/publishers",
	"internal/regular",
	"internal/resolve",
	"internal/roles",
	"internal/span",
	"internal/tally",
	"internal/transfer",
	"internal/upstream",
	"internal/verify",
	"internal/workload",
}

// edges speak one protocol each and reach neither storage nor each other's packages, a shared helper below one
// excepted.
var edges = []string{
	"internal/legacyupload", "internal/simpleapi", "internal/jsonapi", "internal/osvapi", "internal/rssapi",
	"internal/publishers/mintapi",
	"internal/leakapi", "internal/programs", "web",
}

// helpers are the packages outside the middle ring that an edge may import beside it.
var helpers = []string{
	"internal/route",
	"internal/readme",
	"internal/formdata",
	"internal/pictures",
	"internal/strictjson",
}

type goPackage struct {
	ImportPath, Dir  string
	GoFiles, Imports []string
}

// packages lists the packages of this module. Test files are not looked at: they may reach for real things.
func packages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Dir,GoFiles,Imports", "pyindex/...")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var all []goPackage
	for d := json.NewDecoder(out); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if err := cmd.Wait(); err != nil || len(all) < 10 {
		t.Fatalf("go list: %v, %d packages", err, len(all))
	}
	return slices.DeleteFunc(all, func(p goPackage) bool { return forTests(p.ImportPath) })
}

// forTests reports whether a package exists for tests alone, as issuertest: those reach for real things, and nothing
// else may import them.
func forTests(path string) bool {
	for part := range strings.SplitSeq(strings.TrimPrefix(path, module), "/") {
		if strings.HasSuffix(part, "test") && part != "attest" { // which only sounds so
			return strings.HasPrefix(path, module)
		}
	}
	return false
}

func TestHelpersOfTestsAreTheirs(t *testing.T) {
	for _, p := range packages(t) {
		if i := slices.IndexFunc(p.Imports, forTests); i >= 0 {
			t.Errorf("%s imports %s, which is for tests", p.ImportPath, p.Imports[i])
		}
	}
}

// within reports whether a package is one of some or lies below one.
func within(path string, some []string) bool {
	path = strings.TrimPrefix(path, module)
	return slices.ContainsFunc(some, func(s string) bool { return path == s || strings.HasPrefix(path, s+"/") })
}

func TestImportersOfLibraries(t *testing.T) {
	for _, p := range packages(t) {
		for _, imported := range p.Imports {
			for library, may := range importers {
				if imported == strings.TrimSuffix(library, "/") || strings.HasPrefix(imported, library) {
					if !within(p.ImportPath, may) {
						t.Errorf("%s imports %s, which only %v may", p.ImportPath, imported, may)
					}
				}
			}
		}
	}
}

// Imports point inward: the middle knows only itself, edges know the middle and how routes are declared.
func TestRings(t *testing.T) {
	outside := []string{
		"internal/publishers/mintapi", "internal/leakapi", "internal/publishers/idtoken", "internal/workload/accountid",
		"internal/upstream/client", "internal/transfer/remote",
	}
	for _, p := range packages(t) {
		for _, imported := range p.Imports {
			ours := strings.HasPrefix(imported, module)
			switch {
			case within(p.ImportPath, edges):
				helper := within(imported, edges) &&
					within(imported,
						[]string{"internal/simpleapi/ready", "web/ui", "web/letters", "web/auditlog"})
				own := within(imported, []string{strings.TrimPrefix(p.ImportPath, module)})
				if ours && !helper && !own && !within(imported, append(helpers, middle...)) {
					t.Errorf("edge %s imports %s", p.ImportPath, imported)
				}
			case within(p.ImportPath, outside):
			case within(p.ImportPath, middle):
				if ours && (!within(imported, middle) || within(imported, outside)) {
					t.Errorf("%s of the middle ring imports %s", p.ImportPath, imported)
				}
				if imported == "net/http" || imported == "database/sql" {
					t.Errorf("%s of the middle ring imports %s", p.ImportPath, imported)
				}
			case p.ImportPath == module+"internal/route":
				if ours && !within(imported, middle) {
					t.Errorf("%s imports %s", p.ImportPath, imported)
				}
			case within(p.ImportPath, []string{"internal/server"}):
				if ours && !within(imported, append([]string{"internal/route", "internal/server"}, middle...)) {
					t.Errorf("%s imports %s", p.ImportPath, imported)
				}
			}
		}
	}
}

// access.Operator may do everything, so nothing that a request reaches may call it: internal/app alone does, for
// commands. The other makers of callers are for the server and tests.
func TestCallersOfOperator(t *testing.T) {
	may := map[string][]string{"Operator": {"internal/app", "bench"}, "Guest": {"internal/access", "internal/server"}}
	for _, p := range packages(t) {
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, 0)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			} else if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				s, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				if x, ok := s.X.(*ast.Ident); ok && x.Name == "access" && may[s.Sel.Name] != nil &&
					!within(p.ImportPath, may[s.Sel.Name]) {
					t.Errorf("%s calls access.%s, which only %v may", p.ImportPath, s.Sel.Name, may[s.Sel.Name])
				}
				return true
			})
		}
	}
}
