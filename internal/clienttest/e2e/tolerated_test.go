package e2e

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pyindex/internal/clienttest"
	"pyindex/internal/packaging/packagingtest"
)

// TestToleratedInstalls: what the index accepts with a warning installs, with pip and uv or, where the warning says so,
// with uv alone. An sdist below "./", which pip cannot build, is refused in both its forms.
func TestToleratedInstalls(t *testing.T) {
	t.Parallel()
	s := open(t, clienttest.Options{})
	dir := t.TempDir()
	pip, uv, builder := clienttest.NewestPip(t), clienttest.UV(t), clienttest.Builder(t)

	for _, c := range []struct{ file, warn string }{
		{toleratedWheel(t, dir, "acme-dep", "0.29.1", "", false), ""},
		{toleratedWheel(t, dir, "acme-dep", "0.29", "", false), ""},
		{
			toleratedWheel(t, dir, "acme-twice", "1.0", "Requires-Python: >=3.8\nRequires-Python: >=3.8\n", true),
			"same value\n",
		},
		{toleratedWheel(t, dir, "acme-legacy", "1.0", "Requires-Dist: acme-dep (<=0.29.*)\n", false), "(uv does)"},
		{
			toleratedSDist(t, dir, "acme-stray", "",
				"Download-URL: https://x.example/v1\n.tar.gz\nRequires-Dist: no-such-project\n"),
			`after the line ".tar.gz"`,
		},
		{toleratedSDist(t, dir, "acme-bad", "", "Requires-Dist: acme-dep (latest)\n"), "in PKG-INFO"},
	} {
		if status, body := s.post(t, c.file); status != http.StatusOK || !strings.Contains(body, c.warn) ||
			c.warn == "" && body != "" {
			t.Fatalf("POST %s = %d %q, want 200 with %q", filepath.Base(c.file), status, body, c.warn)
		}
	}

	pipInstall := func(project string) (clienttest.Result, string) {
		target := t.TempDir()
		return builder.Python(t, target, "-m", "pip", "install", "--target", target, "--no-build-isolation", "--index-url",
			s.simple(), project), target
	}
	uvInstall := func(project string) (clienttest.Result, string) {
		target := t.TempDir()
		return uv.Run(t, target, "pip", "install", "--python", builder.Interpreter(), "--target", target,
			"--no-build-isolation", "--index-url", s.simple(), project), target
	}
	for _, project := range []string{"acme-twice", "acme-stray", "acme-bad"} {
		for name, install := range map[string]func(string) (clienttest.Result, string){"pip": pipInstall, "uv": uvInstall} {
			r, target := install(project)
			r.OK(t)
			if _, err := os.Stat(filepath.Join(target, strings.ReplaceAll(project, "-", "_")+".py")); err != nil {
				t.Errorf("%s installed %s without its module: %v", name, project, err)
			}
		}
	}
	target := t.TempDir()
	pip.Run(t, target, "install", "--target", target, "--index-url", s.simple(), "acme-twice").OK(t)
	pip.Run(t, target, "install", "--target", target, "--index-url", s.simple(), "acme-legacy").Refused(t, "acme-legacy")
	r, target := uvInstall("acme-legacy")
	r.OK(t)
	if _, err := os.Stat(filepath.Join(target, "acme_dep-0.29.dist-info")); err != nil {
		t.Errorf("uv did not install acme-dep 0.29 beside acme-legacy: %v", err)
	}

	for _, root := range []string{"", "./"} {
		file := toleratedSDist(t, dir, "acme-dot"+strings.Repeat("-folder", len(root)/2), "./"+root, "")
		if status, body := s.post(t, file); status != http.StatusBadRequest || !strings.Contains(body, `begins with "./"`) {
			t.Errorf("POST %s = %d %q, want 400 about ./", filepath.Base(file), status, body)
		}
		builder.Python(t, dir, "-m", "pip", "install", "--target", t.TempDir(), "--no-build-isolation", "--no-deps",
			file).Refused(t, "does not appear to be a Python project")
	}
}

// post sends a file as a form with as little as possible, without reading it.
func (s *site) post(t *testing.T, file string) (status int, body string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	base := filepath.Base(file)
	parts := strings.Split(strings.TrimSuffix(base, ".tar.gz"), "-")
	f := packagingtest.File{Name: base, Project: parts[0], Version: parts[1], Kind: "sdist", Bytes: b}
	if strings.HasSuffix(base, ".whl") {
		f.Kind = "bdist_wheel"
	}
	form, kind := f.Form()
	r, err := http.NewRequest("POST", s.legacy(), bytes.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("__token__", s.upload)
	r.Header.Set("Content-Type", kind)
	answer, err := s.HTTP.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	read, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(read)
}

// toleratedWheel writes a wheel with one module and more lines of METADATA. Its module may occur twice.
func toleratedWheel(t *testing.T, dir, project, version, lines string, twice bool) string {
	t.Helper()
	under := strings.ReplaceAll(project, "-", "_")
	info := under + "-" + version + ".dist-info/"
	members := [][2]string{
		{under + ".py", "x = 1\n"},
		{info + "METADATA", "Metadata-Version: 2.1\nName: " + project + "\nVersion: " + version + "\n" + lines},
		{info + "WHEEL", "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n"},
		{info + "RECORD", under + ".py,,\n" + info + "METADATA,,\n" + info + "WHEEL,,\n" + info + "RECORD,,\n"},
	}
	if twice {
		members = append(members, members[0])
	}
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, m := range members {
		w, err := z.Create(m[0])
		if err == nil {
			_, err = w.Write([]byte(m[1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return written(t, filepath.Join(dir, under+"-"+version+"-py3-none-any.whl"), out.Bytes())
}

// toleratedSDist writes an sdist of setuptools with more lines of PKG-INFO. dots precedes all names; "././" stands for
// "./" with a member of that name.
func toleratedSDist(t *testing.T, dir, project, dots, lines string) string {
	t.Helper()
	under := strings.ReplaceAll(project, "-", "_")
	prefix := strings.Replace(dots, "././", "./", 1)
	top := prefix + under + "-1.0/"
	members := [][2]string{
		{top + "PKG-INFO", "Metadata-Version: 2.1\nName: " + project + "\nVersion: 1.0\n" + lines},
		{
			top + "setup.py", "from setuptools import setup\n" +
				"setup(name='" + project + "', version='1.0', py_modules=['" + under + "'])\n",
		},
		{top + under + ".py", "x = 1\n"},
	}
	if prefix != dots {
		members = append([][2]string{{prefix, ""}}, members...)
	}
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for _, m := range members {
		h := &tar.Header{Name: m[0], Mode: 0o755, Size: int64(len(m[1])), Typeflag: tar.TypeReg}
		if strings.HasSuffix(m[0], "/") {
			h.Typeflag = tar.TypeDir
		}
		err := w.WriteHeader(h)
		if err == nil {
			_, err = w.Write([]byte(m[1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return written(t, filepath.Join(dir, under+"-1.0.tar.gz"), out.Bytes())
}

func written(t *testing.T, file string, b []byte) string {
	t.Helper()
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
