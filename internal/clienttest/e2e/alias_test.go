package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pyindex/internal/clienttest"
)

// TestAliases: pip and uv install with the configuration that they had for another index, of each kind; the index shows
// that they do.
func TestAliases(t *testing.T) {
	t.Parallel()
	old := []string{
		"/root/pypi/+simple/", "/repository/pypi-local/simple/", "/api/pypi/acme-local/simple/",
		"/api/v4/projects/20/packages/pypi/simple/",
	}
	var setting []string
	for _, path := range old {
		setting = append(setting, "path="+path+",repository=main")
	}
	s := open(t, clienttest.Options{Env: []string{"INDEX_ALIASES=" + strings.Join(setting, ";")}})
	files := append(clienttest.Sample(t, "setuptools", "1.0"), clienttest.Sample(t, "hatch", "2.0")...)
	s.publish(t, files...)
	for i, path := range old {
		dir := t.TempDir()
		configuration := filepath.Join(dir, "pip.conf")
		url := s.With(s.read, path)
		if i%2 == 1 {
			url = strings.TrimSuffix(url, "/") // as many people write it
		}
		if err := os.WriteFile(configuration, fmt.Appendf(nil, "[global]\nindex-url = %s\n", url), 0o600); err != nil {
			t.Fatal(err)
		}
		pips := clienttest.Pips(t)
		for _, pip := range append(pips[:1:1], pips[len(pips)-1]) {
			target := t.TempDir()
			pip.Set("PIP_CONFIG_FILE="+configuration).Run(t, target, "install", "--target", target, "acme-counter").OK(t)
			counts(t, pip, target)
		}
		target := t.TempDir()
		toml := filepath.Join(dir, "uv.toml")
		if err := os.WriteFile(toml, fmt.Appendf(nil, "[[index]]\nname = \"old\"\nurl = %q\ndefault = true\n", url),
			0o600); err != nil {
			t.Fatal(err)
		}
		pip := clienttest.NewestPip(t)
		clienttest.UV(t).Set("UV_CONFIG_FILE="+toml).Run(t, target, "pip", "install", "--target", target, "--python",
			pip.Interpreter(), "acme-counter").OK(t)
		counts(t, pip, target)
	}
	var list []struct {
		Path, Repository string
		Requests         int64
		Client           string `json:"last_client"`
	}
	for range 50 { // counts are written every second
		if err := json.Unmarshal([]byte(s.Index("alias", "list", "--json").OK(t).Stdout), &list); err != nil {
			t.Fatal(err)
		}
		if len(list) == len(old) && list[len(list)-1].Requests > 0 && strings.HasPrefix(list[len(list)-1].Client, "uv/") {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	for _, a := range list {
		if a.Requests < 6 || !strings.HasPrefix(a.Client, "uv/") || a.Repository != "main" {
			t.Errorf("index alias list shows %+v", a)
		}
	}
	if len(list) != len(old) {
		t.Errorf("index alias list shows %+v", list)
	}
}
