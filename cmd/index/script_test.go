//go:build !windows

package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"index": main})
}

// TestScripts runs the program as people do, a script for each group of commands.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			var held []net.Listener // both at once, so that they differ
			for _, name := range []string{"ADDR", "ADDR2"} {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					return err
				}
				e.Setenv(name, l.Addr().String())
				held = append(held, l)
			}
			return errors.Join(held[0].Close(), held[1].Close())
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"wheel": cmdWheel, "await": cmdAwait, "get": cmdGet, "readenv": cmdReadenv, "mode": cmdMode, "damage": cmdDamage,
			"json": cmdJSON, "misused": ends(statusMisused), "refused": ends(statusRefused),
		},
	})
}

// cmdWheel makes a minimal wheel: wheel NAME VERSION [TEXT]. TEXT changes its bytes.
func cmdWheel(ts *testscript.TestScript, neg bool, args []string) {
	_, err := makeWheel(ts.MkAbs("."), args[0], args[1], strings.Join(args[2:], " "))
	ts.Check(err)
}

// makeWheel writes a minimal wheel into a folder and returns its path.
func makeWheel(dir, project, version, text string) (path string, err error) {
	name := strings.ReplaceAll(project, "-", "_")
	info := name + "-" + version + ".dist-info/"
	files := [][2]string{
		{name + ".py", "# " + text + "\n"},
		{info + "METADATA", fmt.Sprintf("Metadata-Version: 2.1\nName: %s\nVersion: %s\n\n", project, version)},
		{info + "WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"},
	}
	var record strings.Builder
	for _, f := range files {
		sum := sha256.Sum256([]byte(f[1]))
		fmt.Fprintf(&record, "%s,sha256=%s,%d\n", f[0], base64.RawURLEncoding.EncodeToString(sum[:]), len(f[1]))
	}
	fmt.Fprintf(&record, "%sRECORD,,\n", info)
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range append(files, [2]string{info + "RECORD", record.String()}) {
		if err := store(z, f[0], f[1]); err != nil {
			return "", err
		}
	}
	path = filepath.Join(dir, name+"-"+version+"-py3-none-any.whl")
	return path, errors.Join(z.Close(), os.WriteFile(path, b.Bytes(), 0o600))
}

// store adds a member with its size in front, as wheel builders do.
func store(z *zip.Writer, name, text string) error {
	w, err := z.CreateRaw(&zip.FileHeader{
		Name: name, Method: zip.Store, CRC32: crc32.ChecksumIEEE([]byte(text)),
		CompressedSize64: uint64(len(text)), UncompressedSize64: uint64(len(text)),
	})
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	return err
}

// anyone asks without looking at certificates: await is about whether a server answers, not about who it is.
var anyone = &http.Client{
	Timeout:   5 * time.Second,
	Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true},
}

// cmdAwait waits until a server answers at an address: await URL.
func cmdAwait(ts *testscript.TestScript, neg bool, args []string) {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		r, err := anyone.Get(args[0])
		if err == nil {
			r.Body.Close()
			return
		}
	}
	ts.Fatalf("nothing answers at %s", args[0])
}

// cmdGet asks for a page with a token and wants a status: get STATUS URL [TOKEN]. The body is written to the file
// "body".
func cmdGet(ts *testscript.TestScript, neg bool, args []string) {
	r, err := http.NewRequest("GET", args[1], nil)
	ts.Check(err)
	if len(args) > 2 {
		r.SetBasicAuth("__token__", args[2])
	}
	got, err := http.DefaultClient.Do(r)
	ts.Check(err)
	defer got.Body.Close()
	b, err := io.ReadAll(got.Body)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("body"), b, 0o600))
	if fmt.Sprint(got.StatusCode) != args[0] {
		ts.Fatalf("GET %s = %d, want %s\n%s", args[1], got.StatusCode, args[0], b)
	}
}

// cmdReadenv sets a variable to the first line of a file, as "stdout" of the command before, or to the first value of a
// key in it: readenv NAME FILE [KEY].
func cmdReadenv(ts *testscript.TestScript, neg bool, args []string) {
	line, _, _ := strings.Cut(ts.ReadFile(args[1]), "\n")
	if len(args) > 2 {
		_, rest, found := strings.Cut(ts.ReadFile(args[1]), `"`+args[2]+`": "`)
		if line, _, _ = strings.Cut(rest, `"`); !found {
			ts.Fatalf("there is no %q in %s", args[2], args[1])
		}
	}
	ts.Setenv(args[0], line)
}

// cmdMode wants a file's permissions: mode 0600 FILE.
func cmdMode(ts *testscript.TestScript, neg bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[0] {
		ts.Fatalf("%s has mode %s, want %s", filepath.Base(args[1]), got, args[0])
	}
}

// ends runs the program and wants an exit status and one line that holds a text: refused TEXT ARGS... For misused,
// lines with the usage may follow, and the last line names the command's --help.
func ends(status int) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		want := fmt.Sprintf("exit status %d", status)
		err := ts.Exec("index", args[1:]...)
		if err == nil || err.Error() != want {
			ts.Fatalf("index %v ended with %v, want %s", args[1:], err, want)
		}
		text := ts.ReadFile("stderr")
		first, rest, _ := strings.Cut(text, "\n")
		if !strings.Contains(first, args[0]) || status != statusMisused && rest != "" {
			ts.Fatalf("index %v says %q, want one line with %q", args[1:], text, args[0])
		}
		if status == statusMisused && !helpLine.MatchString(rest) {
			ts.Fatalf("index %v says %q, want a last line with the command's --help", args[1:], text)
		}
	}
}

// cmdJSON runs the program with --json and wants one JSON value on standard output: json object|array ARGS...
func cmdJSON(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: json object|array args...")
	}
	ts.Check(ts.Exec("index", append(args[1:], "--json")...))
	d := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
	var value any
	ts.Check(d.Decode(&value))
	kind := "object"
	if _, ok := value.([]any); ok {
		kind = "array"
	} else if _, ok := value.(map[string]any); !ok {
		ts.Fatalf("index %v --json prints %v", args[1:], value)
	}
	if _, err := d.Token(); kind != args[0] || err != io.EOF {
		ts.Fatalf("index %v --json prints an %s and then %v, want one %s", args[1:], kind, err, args[0])
	}
}

// helpLine matches the lines after an error about the command line.
var helpLine = regexp.MustCompile(`^(Usage: index .*\n)?Run index .*--help for .*\n$`)

// cmdDamage changes a byte in the middle of the first file below a folder.
func cmdDamage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: damage folder")
	}
	done := errors.New("done")
	err := filepath.WalkDir(ts.MkAbs(args[0]), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		ts.Check(err)
		b[len(b)/2] ^= 1
		ts.Check(os.WriteFile(path, b, 0o600))
		return done
	})
	if !errors.Is(err, done) {
		ts.Fatalf("nothing to damage: %v", err)
	}
}
