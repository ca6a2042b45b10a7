package manual

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

type program struct {
	Listen string `help:"Where it's served…" env:"INDEX_LISTEN"`
	Level  string `enum:"debug,info" default:"info" name:"level"`
	User   struct {
		Add struct {
			Name  string `arg:""`
			Admin bool   `help:"May do everything."`
		} `cmd:"" help:".add an account"`
		List struct{} `cmd:"" help:"List."`
	} `cmd:"" help:"Accounts."`
	Doctor struct {
		Local struct {
			JSON bool `name:"json"`
		} `cmd:"" default:"withargs"`
		Publish struct{} `cmd:""`
	} `cmd:""`
	Secret struct{} `cmd:"" hidden:""`
	Shell  struct {
		Name string `arg:"" enum:"bash,zsh"`
	} `cmd:""`
}

func model(t *testing.T) *kong.Application {
	t.Helper()
	k, err := kong.New(new(program), kong.Name("index"), kong.Description("A Python index."))
	if err != nil {
		t.Fatal(err)
	}
	return k.Model
}

func text(write func(*strings.Builder)) string {
	var b strings.Builder
	write(&b)
	return b.String()
}

// TestBash completes command lines in a real bash.
func TestBash(t *testing.T) {
	script := text(func(b *strings.Builder) { bash(b, model(t).Node) })
	for line, want := range map[string]string{
		"index ":               "user doctor shell --help --listen --level",
		"index us":             "user",
		"index user ":          "add list --help --listen --level",
		"index user add --l":   "--listen --level",
		"index user add --h":   "--help",
		"index --level ":       "debug info",
		"index user --level d": "debug",
		"index --listen ":      "",
		"index shell ":         "bash zsh --help --listen --level",
		"index shell z":        "zsh",
		"index user add --a":   "--admin",
		"index doctor --j":     "--json",
		"index --listen x us":  "user",
		"index sec":            "",
	} {
		words := strings.Split(line, " ")
		run := script + "\nCOMP_WORDS=(" + strings.Join(words[:len(words)-1], " ") + " '" + words[len(words)-1] +
			"')\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_index\necho \"${COMPREPLY[*]}\"\n"
		out, err := exec.Command("bash", "-c", run).CombinedOutput()
		got := strings.Fields(string(out))
		if err != nil || len(got) != len(strings.Fields(want)) {
			t.Fatalf("%q completes to %q, %v, want %q", line, out, err, want)
		}
		for _, w := range strings.Fields(want) {
			if !strings.Contains(" "+strings.Join(got, " ")+" ", " "+w+" ") {
				t.Errorf("%q completes to %q, want %q", line, got, want)
			}
		}
	}
}

func TestFish(t *testing.T) {
	got := text(func(b *strings.Builder) { fish(b, model(t).Node) })
	for _, want := range []string{
		`complete -c index -n '__index_at ""' -f -a user -d 'Accounts.'`,
		`complete -c index -l listen -r -d 'Where it\'s served…'`,
		`complete -c index -l level -x -a 'debug info'`,
		`complete -c index -n '__index_at "shell"' -f -a zsh`,
		`complete -c index -n '__index_at "user add"' -l admin`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the script lacks %s:\n%s", want, got)
		}
	}
	if strings.Contains(got, "secret") {
		t.Error("the script names a hidden command")
	}
}

// TestPage checks the manual page, and what a formatter says of it if one is installed.
func TestPage(t *testing.T) {
	got := text(func(b *strings.Builder) { page(b, model(t)) })
	for _, want := range []string{
		".TH INDEX 1", `index \- a Python index`, ".SS user add <name>\n\\&.add an account", ".B \\-\\-admin",
		`Where it\(aqs served\[u2026]`, "INDEX_LISTEN", ".SS doctor",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks %q:\n%s", want, got)
		}
	}
	path := filepath.Join(t.TempDir(), "index.1")
	if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tool := range [][]string{{"mandoc", "-Tlint", "-Wwarning"}, {"groff", "-man", "-Tutf8", "-ww", "-z"}} {
		if _, err := exec.LookPath(tool[0]); err != nil {
			t.Logf("%s is not installed: the text alone was checked", tool[0])
			continue
		}
		if out, err := exec.Command(tool[0], append(tool[1:], path)...).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", tool[0], err, out)
		}
	}
}
