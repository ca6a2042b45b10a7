package upstreams

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pyindex/internal/clienttest"
)

// installer is a real client that installs requirements into a new folder through one URL.
type installer struct {
	name    string
	install func(t *testing.T, w *world, requirements []string) (site string, r clienttest.Result)
}

// installers are pips of three generations (one that reads HTML alone, one that reads JSON, and the newest), uv, poetry
// and pdm. pip and uv repeat a failed request once: more often would hide failures, and wait between them.
func installers(t *testing.T) []installer {
	t.Helper()
	var all []installer
	for _, pip := range clienttest.Generations(t) {
		pip = pip.Set("PIP_RETRIES=1")
		all = append(all, installer{
			pip.Name,
			func(t *testing.T, w *world, requirements []string) (string, clienttest.Result) {
				to := t.TempDir()
				list := write(t, to, "requirements.txt", strings.Join(requirements, "\n")+"\n")
				target := filepath.Join(to, "target")
				return target, pip.Run(t, to, "install", "--no-cache-dir", "--no-compile", "--target", target, "--index-url",
					w.simple(), "-r", list)
			},
		})
	}
	return append(all,
		installer{"uv", uvInstall},
		installer{"poetry", poetryInstall},
		installer{"pdm", pdmInstall},
	)
}

func uvInstall(t *testing.T, w *world, requirements []string) (string, clienttest.Result) {
	uv, to := clienttest.UV(t).Set("UV_HTTP_RETRIES=1"), t.TempDir()
	list := write(t, to, "requirements.txt", strings.Join(requirements, "\n")+"\n")
	target := filepath.Join(to, "target")
	return target, uv.Run(t, to, "pip", "install", "--python", uv.Interpreter(), "--target", target, "--index-url",
		w.simple(), "-r", list)
}

// project writes a pyproject.toml with requirements and the lines of a tool.
func project(t *testing.T, c *clienttest.Client, requirements []string, tool string) string {
	t.Helper()
	dir := t.TempDir()
	version := strings.TrimSpace(c.Python(t, dir, "-c", "import sys; print('%d.%d' % sys.version_info[:2])").OK(t).Stdout)
	var quoted []string
	for _, r := range requirements {
		quoted = append(quoted, fmt.Sprintf("%q", r))
	}
	write(t, dir, "pyproject.toml", fmt.Sprintf("[project]\nname = \"consumer\"\nversion = \"1.0\"\n"+
		"requires-python = \">=%s\"\ndependencies = [%s]\n%s", version, strings.Join(quoted, ", "), tool))
	return dir
}

func poetryInstall(t *testing.T, w *world, requirements []string) (string, clienttest.Result) {
	poetry := clienttest.Poetry(t).Set("POETRY_HTTP_BASIC_ACME_USERNAME=__token__",
		"POETRY_HTTP_BASIC_ACME_PASSWORD="+w.token,
		"POETRY_VIRTUALENVS_CREATE=true")
	dir := project(t, poetry, requirements, fmt.Sprintf("[tool.poetry]\npackage-mode = false\n"+
		"[[tool.poetry.source]]\nname = \"acme\"\nurl = %q\npriority = \"primary\"\n", w.url+w.tree+"/simple/"))
	if r := poetry.Run(t, dir, "lock", "--no-interaction"); r.Code != 0 {
		return "", r
	}
	return siteOf(dir), poetry.Run(t, dir, "install", "--no-interaction", "--no-root")
}

func pdmInstall(t *testing.T, w *world, requirements []string) (string, clienttest.Result) {
	pdm := clienttest.PDM(t)
	dir := project(t, pdm, requirements, fmt.Sprintf("[tool.pdm]\ndistribution = false\n"+
		"[[tool.pdm.source]]\nname = \"pypi\"\nurl = %q\nverify_ssl = false\n", w.simple()))
	if r := pdm.Run(t, dir, "venv", "create", "--with-pip=false", pdm.Interpreter()); r.Code != 0 {
		if r = pdm.Run(t, dir, "venv", "create", pdm.Interpreter()); r.Code != 0 {
			return "", r
		}
	}
	if r := pdm.Run(t, dir, "lock"); r.Code != 0 {
		return "", r
	}
	return siteOf(dir), pdm.Run(t, dir, "sync", "--no-self")
}

// siteOf is the pattern of a project's own environment.
func siteOf(dir string) string {
	return filepath.Join(dir, ".venv", "lib", "python3*", "site-packages")
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// installed reads the distributions in a folder: normalized name and version of each .dist-info.
func installed(t *testing.T, site string) map[string]string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(site, "*.dist-info"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, f := range found {
		name, version, _ := strings.Cut(strings.TrimSuffix(filepath.Base(f), ".dist-info"), "-")
		out[strings.ToLower(strings.ReplaceAll(strings.ReplaceAll(name, "_", "-"), ".", "-"))] = version
	}
	return out
}

// byteForByte compares what is installed with the wheels that the upstream serves, member by member, and returns the
// number of wheels that are installed.
func byteForByte(t *testing.T, pattern string) int {
	t.Helper()
	sites, _ := filepath.Glob(pattern)
	if len(sites) != 1 {
		t.Fatalf("%s: %d folders", pattern, len(sites))
	}
	n := 0
	for _, p := range clienttest.WellKnown(t) {
		if !strings.HasSuffix(p.Name, ".whl") {
			continue
		}
		parts := strings.Split(p.Name, "-")
		if info, _ := filepath.Glob(filepath.Join(sites[0], parts[0]+"-"+parts[1]+".dist-info")); len(info) == 1 {
			n++
			sameMembers(t, sites[0], p.Path)
		}
	}
	return n
}

// sameMembers compares the members of a wheel, but for those that installers write themselves.
func sameMembers(t *testing.T, site, wheel string) {
	t.Helper()
	z, err := zip.OpenReader(wheel)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	for _, f := range z.File {
		if strings.HasSuffix(f.Name, "/") || strings.HasSuffix(f.Name, ".dist-info/RECORD") ||
			strings.Contains(f.Name, ".data/") {
			continue
		}
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		want, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(site, filepath.FromSlash(f.Name))); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %s differs from the wheel: %v", filepath.Base(wheel), f.Name, err)
			return
		}
	}
}
