//go:build !windows

package main

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"pyindex/internal/clienttest"
)

// top is the folder of the repository.
var top = filepath.Join("..", "..")

// deployed are the files that set this program up.
func deployed(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, pattern := range []string{"docker-compose*.yml", "Dockerfile", "deploy/*", "deploy/*/*", "docs/deploying.md"} {
		found, err := filepath.Glob(filepath.Join(top, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			if info, err := os.Stat(path); err != nil || info.IsDir() {
				continue
			}
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			files[path] = string(text)
		}
	}
	if len(files) < 20 {
		t.Fatalf("only %d files to deploy with were found", len(files))
	}
	return files
}

var variable = regexp.MustCompile(`\bINDEX_[A-Z0-9_]+\b`)

// ours are variables of the files themselves and of the tests, which the program does not read.
var ours = []string{"INDEX_HOST", "INDEX_REPLICAS", "INDEX_TEST_CACHE", "INDEX_TEST_POSTGRES", "INDEX_TEST_S3"}

// TestDeployNamesSettings: every variable in what sets the program up is one that it reads, so that a setting which is
// renamed is renamed there too.
func TestDeployNamesSettings(t *testing.T) {
	known := map[string]bool{}
	parser, err := newParser(new(commands), io.Discard, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := parser.Parse([]string{"version"})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range parsed.Model.Flags {
		for _, env := range f.Envs {
			known[env] = true
		}
	}
	named := 0
	for path, text := range deployed(t) {
		for _, name := range variable.FindAllString(text, -1) {
			named++
			if !known[name] && !slices.Contains(ours, name) {
				t.Errorf("%s names %s, which is no setting", path, name)
			}
		}
	}
	if named < 30 {
		t.Errorf("only %d settings are named", named)
	}
}

// TestDeployParses: YAML is YAML, and the configuration of the service is one.
func TestDeployParses(t *testing.T) {
	for path, text := range deployed(t) {
		switch filepath.Ext(path) {
		case ".yaml", ".yml":
			for d := yaml.NewDecoder(strings.NewReader(text)); ; {
				var v any
				if err := d.Decode(&v); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					t.Errorf("%s: %v", path, err)
					break
				}
			}
		case ".toml":
			accepts(t, path, nil, "--config", path)
		}
	}
}

// accepts reports a program that does not start with these variables and arguments.
func accepts(t *testing.T, what string, env map[string]string, args ...string) {
	t.Helper()
	for name, value := range env {
		t.Setenv(name, value)
	}
	var errs bytes.Buffer
	if status := run(t.Context(), append([]string{"version"}, args...), strings.NewReader(""), io.Discard,
		&errs); status != statusDone {
		t.Errorf("index with the settings of %s: %s", what, errs.String())
	}
}

// readYAML reads a file of the repository.
func readYAML(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(top, path))
	if err == nil {
		err = yaml.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// service is what the tests look at in a service of compose.
type service struct {
	Image       string
	MemLimit    string `yaml:"mem_limit"`
	PidsLimit   int    `yaml:"pids_limit"`
	Networks    any
	Environment map[string]string
	Secrets     []string
	EnvFile     string `yaml:"env_file"`
}

// compose is what the tests look at in a file of compose.
type compose struct {
	Services map[string]service
	Secrets  map[string]struct{ File string }
}

// interpolated is a value as compose makes it where nothing is set: the default, or "".
func interpolated(value string) string {
	return regexp.MustCompile(`\$\{[A-Z_]+(:-([^}]*))?\}`).ReplaceAllString(value, "$2")
}

// TestDeployComposeSettings: the program starts with the values that the services and the pods give it.
func TestDeployComposeSettings(t *testing.T) {
	secret := write(t, "postgres://index:hush@database/index")
	for path, want := range map[string]int{"docker-compose.yml": 3, "docker-compose.single.yml": 1} {
		var file compose
		readYAML(t, path, &file)
		servers := 0
		for name, s := range file.Services {
			if s.Image != "index" {
				continue
			}
			servers++
			t.Run(path+" "+name, func(t *testing.T) { accepts(t, path, settingsIn(s.Environment, secret)) })
		}
		if servers != want {
			t.Errorf("%s has %d servers, want %d", path, servers, want)
		}
	}
}

// TestDeployKubernetesSettings is TestDeployComposeSettings for the pods.
func TestDeployKubernetesSettings(t *testing.T) {
	var config struct{ Data map[string]string }
	readYAML(t, "deploy/kubernetes/config.yaml", &config)
	if len(config.Data) < 5 {
		t.Errorf("only %d settings", len(config.Data))
	}
	accepts(t, "the ConfigMap", settingsIn(config.Data, write(t, "postgres://index:hush@database/index")))
}

// settingsIn are the program's own variables, with a secret in the place of every one that is mounted.
func settingsIn(env map[string]string, secret string) map[string]string {
	out := map[string]string{}
	for name, value := range env {
		if strings.HasPrefix(name, "INDEX_") {
			out[name] = interpolated(value)
		}
		if strings.HasSuffix(name, "_URL_FILE") {
			out[name] = secret
		}
	}
	return out
}

// TestDeploySecrets: what compose asks for is what the script makes, once, different each time, and for nobody else.
func TestDeploySecrets(t *testing.T) {
	if _, err := exec.LookPath("od"); err != nil {
		clienttest.Missing(t, "no od on this machine")
	}
	var file compose
	readYAML(t, "docker-compose.yml", &file)
	asked := map[string]bool{}
	for _, s := range file.Secrets {
		asked[s.File] = true
	}
	for _, s := range file.Services {
		if s.EnvFile != "" {
			asked[s.EnvFile] = true
		}
	}
	if len(asked) < 4 {
		t.Errorf("compose asks for %v", slices.Collect(maps.Keys(asked)))
	}
	one, two := makeSecrets(t, asked), makeSecrets(t, asked)
	for path := range asked {
		if one[path] == two[path] {
			t.Errorf("%s is the same twice", path)
		}
	}
	if url := strings.TrimSpace(one["./secrets/database-url"]); !strings.Contains(url,
		":"+strings.TrimSpace(one["./secrets/database-password"])+"@") {
		t.Error("the database's URL has another password than the database")
	}
	accepts(t, "the secrets", map[string]string{"INDEX_DATABASE_URL_FILE": write(t, one["./secrets/database-url"])})
}

// makeSecrets runs the script in a folder of its own and returns the files of the names.
func makeSecrets(t *testing.T, names map[string]bool) map[string]string {
	t.Helper()
	dir := t.TempDir()
	text, err := os.ReadFile(filepath.Join(top, "deploy", "secrets.sh"))
	if err == nil {
		err = os.Mkdir(filepath.Join(dir, "deploy"), 0o700)
	}
	script := filepath.Join(dir, "deploy", "secrets.sh")
	if err == nil {
		err = os.WriteFile(script, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "sh", script).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := exec.CommandContext(t.Context(), "sh", script).Run(); err == nil {
		t.Error("a second run makes other passwords than the data has")
	}
	if info, err := os.Stat(filepath.Join(dir, "secrets")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder of secrets: %v, %v, want mode 0700", info, err)
	}
	made := map[string]string{}
	for name := range names {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || len(text) < 40 {
			t.Errorf("%s: %d bytes, %v", name, len(text), err)
		}
		made[name] = string(text)
	}
	return made
}

// exact is an image's name with its full version, and perhaps its digest.
var exact = regexp.MustCompile(`^[a-z0-9./-]+:v?[0-9]+\.[0-9]+(\.[0-9]+)?(-[a-z0-9.]+)?(@sha256:[0-9a-f]{64})?$`)

// TestDeployPinsImages: a pull brings no other version than the one that was tried.
func TestDeployPinsImages(t *testing.T) {
	images := 0
	for _, path := range []string{"docker-compose.yml", "docker-compose.single.yml"} {
		var file compose
		readYAML(t, path, &file)
		for name, s := range file.Services {
			if s.Image == "index" {
				continue // built here
			}
			if images++; !exact.MatchString(s.Image) {
				t.Errorf("%s: %s has image %q, want a full version", path, name, s.Image)
			}
		}
	}
	for path, text := range deployed(t) {
		if filepath.Base(path) != "Dockerfile" {
			continue
		}
		for _, m := range regexp.MustCompile(`(?m)^FROM (\S+)`).FindAllStringSubmatch(text, -1) {
			if images++; m[1] != "scratch" && !exact.MatchString(m[1]) {
				t.Errorf("%s builds from %q, want a full version", path, m[1])
			}
		}
	}
	if images < 5 {
		t.Errorf("only %d images were found", images)
	}
}

// memory reads an amount as compose (512m), Kubernetes (512Mi), systemd (1G) and Go (400MiB) write it, in bytes.
func memory(t *testing.T, text string) int64 {
	t.Helper()
	m := regexp.MustCompile(`^([0-9]+)([kmgKMG])(iB|i|B)?$`).FindStringSubmatch(text)
	if m == nil {
		t.Errorf("%q is no amount of memory", text)
		return 0
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		t.Error(err)
	}
	return n << map[string]int{"k": 10, "m": 20, "g": 30}[strings.ToLower(m[2])]
}

// bounded fails unless the server collects garbage well before its memory ends.
func bounded(t *testing.T, what, limit, collect string) {
	t.Helper()
	if most, soft := memory(t, limit), memory(t, collect); soft < most/2 || soft > most*9/10 {
		t.Errorf("%s: GOMEMLIMIT %s with a bound of %s, want half to nine tenths of it", what, collect, limit)
	}
}

// TestDeployBoundsMemory: whatever goes wrong in a process ends it and not the machine.
func TestDeployBoundsMemory(t *testing.T) {
	for _, path := range []string{"docker-compose.yml", "docker-compose.single.yml"} {
		var file compose
		readYAML(t, path, &file)
		for name, s := range file.Services {
			if s.MemLimit == "" || s.PidsLimit == 0 {
				t.Errorf("%s: %s has no bound on memory or processes", path, name)
			} else if s.Image == "index" {
				bounded(t, path+" "+name, s.MemLimit, s.Environment["GOMEMLIMIT"])
			}
		}
	}
	unit := deployed(t)[filepath.Join(top, "deploy", "systemd", "index.service")]
	setting := func(name string) string {
		m := regexp.MustCompile(`(?m)^` + name + `=(\S+)$`).FindStringSubmatch(unit)
		if m == nil {
			t.Errorf("the unit has no %s", name)
			return "1m"
		}
		return m[1]
	}
	bounded(t, "the unit", setting("MemoryMax"), setting("Environment=GOMEMLIMIT"))
	if n, err := strconv.Atoi(setting("TasksMax")); err != nil || n < 100 {
		t.Errorf("TasksMax = %d, %v", n, err)
	}
	var pods struct {
		Spec struct {
			Template struct {
				Spec struct {
					Containers []struct {
						Env       []struct{ Name, Value string }
						Resources struct{ Limits map[string]string }
					}
				}
			}
		}
	}
	readYAML(t, "deploy/kubernetes/deployment.yaml", &pods)
	for _, c := range pods.Spec.Template.Spec.Containers {
		bounded(t, "the pod", c.Resources.Limits["memory"], c.Env[0].Value)
	}
}

// TestDeployTrustsTheBalancerAlone: no file lets a whole network say who a client is.
func TestDeployTrustsTheBalancerAlone(t *testing.T) {
	var config struct{ Data map[string]string }
	readYAML(t, "deploy/kubernetes/config.yaml", &config)
	if got, ok := config.Data["INDEX_TRUSTED_PROXIES"]; !ok || got != "" {
		t.Errorf("the pods trust %q, want a value that must be filled in", got)
	}
	var file compose
	readYAML(t, "docker-compose.yml", &file)
	balancer, err := netip.ParseAddr(file.Services["balancer"].address())
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range file.Services {
		if s.Image != "index" {
			continue
		}
		if p, err := netip.ParsePrefix(s.Environment["INDEX_TRUSTED_PROXIES"]); err != nil || !p.IsSingleIP() ||
			p.Addr() != balancer {
			t.Errorf("%s trusts %v, %v, want the balancer at %s alone", name, p, err, balancer)
		}
	}
}

// address is the fixed address of a service, "" if it has none.
func (s service) address() string {
	networks, _ := s.Networks.(map[string]any)
	inside, _ := networks["inside"].(map[string]any)
	address, _ := inside["ipv4_address"].(string)
	return address
}

// TestDeployBalancersKeepTLS: both balancers end TLS, and tell browsers to stay with it.
func TestDeployBalancersKeepTLS(t *testing.T) {
	for _, name := range []string{"Caddyfile", "nginx.conf"} {
		if text := deployed(t)[filepath.Join(top, "deploy", "balancer",
			name)]; !regexp.MustCompile(`(?m)^\s*(add_)?header .*Strict-Transport-Security "max-age=31536000"`).MatchString(
			text,
		) {
			t.Errorf("%s sends no Strict-Transport-Security", name)
		}
	}
}

func TestBrowsersKeepTLS(t *testing.T) {
	for base, want := range map[string]bool{
		"https://pypi.example.com": true, "https://pypi.example.com:8443/x": true, "https://intranet": true,
		"http://pypi.example.com": false,
		"https://localhost:8443":  false, "https://a.localhost": false, "https://127.0.0.1": false,
		"https://[::1]:8443": false, "https://10.0.0.1": false,
	} {
		u, err := url.Parse(base)
		if err != nil {
			t.Fatal(err)
		}
		if got := browsersKeepTLS(u); got != want {
			t.Errorf("browsersKeepTLS(%s) = %v, want %v", base, got, want)
		}
	}
}
