package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// imports measures how fast this index imports an export of devpi, beside devpi-server's own import of the same folder.
func imports(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("import", flag.ContinueOnError)
	files := flags.Int("files", 20_000, "files of the export")
	each := flags.Int("each", 20, "files of a project")
	peers := flags.String("devpi", "",
		"folder with devpi-server and devpi-import; without it, this index alone is measured")
	binary := flags.String("index", "", "program of this index (default: it is built)")
	keep := flags.String("dir", "", "folder for the data (default: a temporary one)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	dir := *keep
	if dir == "" {
		var err error
		if dir, err = os.MkdirTemp("", "index-bench-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	if *binary == "" {
		*binary = filepath.Join(dir, "index")
		if out, err := exec.CommandContext(ctx, "go", "build", "-o", *binary,
			"pyindex/cmd/index").CombinedOutput(); err != nil {
			return fmt.Errorf("building: %w\n%s", err, out)
		}
	}
	export := filepath.Join(dir, "export")
	bytes, err := writeDevpiExport(export, *files, *each)
	if err != nil {
		return err
	}
	fmt.Printf("%d files of %d projects, %.1f MB\n", *files, *files / *each, float64(bytes)/1e6)
	copied, err := copyRate(export, filepath.Join(dir, "copy"))
	if err != nil {
		return err
	}
	fmt.Printf("%-28s %8.1f s %8.0f files/s\n", "copied with a sync for each", copied.Seconds(),
		float64(*files)/copied.Seconds())
	data := filepath.Join(dir, "data")
	if err := command(ctx, *binary, "--data-dir", data, "user", "add", "bench", "--admin"); err != nil {
		return err
	}
	ours, err := timed(func() error {
		return command(ctx, *binary, "--data-dir", data, "import", "devpi", export, "--index", "root/bench", "--to", "main",
			"--json")
	})
	if err != nil {
		return err
	}
	fmt.Printf("%-28s %8.1f s %8.0f files/s\n", "this index", ours.Seconds(), float64(*files)/ours.Seconds())
	if *peers == "" {
		return nil
	}
	theirs, err := timed(func() error {
		return command(ctx, filepath.Join(*peers, "devpi-import"), "--serverdir", filepath.Join(dir, "devpi"),
			"--no-root-pypi",
			export)
	})
	if err != nil {
		return err
	}
	fmt.Printf("%-28s %8.1f s %8.0f files/s\n", "devpi-import", theirs.Seconds(), float64(*files)/theirs.Seconds())
	fmt.Printf("this index is %.1f times as fast\n", theirs.Seconds()/ours.Seconds())
	return nil
}

func timed(f func() error) (time.Duration, error) {
	began := time.Now()
	err := f()
	return time.Since(began), err
}

func command(ctx context.Context, name string, args ...string) error {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%.2000s", filepath.Base(name), err, out)
	}
	return nil
}

// copyRate copies all files of a folder, each with a sync of its content, as any durable store must.
func copyRate(from, to string) (time.Duration, error) {
	return timed(func() error {
		if err := os.MkdirAll(to, 0o700); err != nil {
			return err
		}
		n := 0
		return filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() || filepath.Ext(path) != ".whl" {
				return err
			}
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			n++
			f, err := os.Create(filepath.Join(to, strconv.Itoa(n)))
			if err != nil {
				return err
			}
			_, err = f.Write(b)
			return errors.Join(err, f.Sync(), f.Close())
		})
	})
}

// writeDevpiExport writes a folder as devpi-export does, with small wheels of one index.
func writeDevpiExport(dir string, files, each int) (total int64, err error) {
	projects, listed := map[string]any{}, []any{}
	for i := range files {
		project, version := fmt.Sprintf("bench-%05d", i/each), fmt.Sprintf("1.%d", i%each)
		f := wheel{project, version}
		content := f.bytes(20)
		place := filepath.Join("root/bench", project, version, f.filename())
		path := filepath.Join(dir, place)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return 0, err
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return 0, err
		}
		total += int64(len(content))
		versions, _ := projects[project].(map[string]any)
		if versions == nil {
			versions = map[string]any{}
			projects[project] = versions
		}
		versions[version] = map[string]any{"name": project, "version": version, "summary": "one of many"}
		sum := sha256.Sum256(content)
		digest := hex.EncodeToString(sum[:])
		listed = append(listed, map[string]any{
			"type": "releasefile", "projectname": project, "version": version, "relpath": filepath.ToSlash(place),
			"entrymapping": map[string]any{
				"hash_spec": "sha256=" + digest, "hashes": map[string]string{"sha256": digest},
				"last_modified": "Mon, 02 Mar 2026 10:00:00 GMT",
			},
			"log": []any{map[string]any{
				"what": "upload", "who": "root", "when": []int{2026, 3, 2, 10, 0, 0}, "dst": "root/bench",
			}},
		})
	}
	index := map[string]any{
		"dumpversion": "2", "devpi_server": "6.20.3", "pythonversion": []int{3, 13, 0},
		"users": map[string]any{"root": map[string]any{
			"username": "root", "pwhash": "", "created": "2026-03-02T09:00:00Z",
		}},
		"indexes": map[string]any{"root/bench": map[string]any{
			"indexconfig": map[string]any{
				"type": "stage", "volatile": true, "bases": []string{}, "acl_upload": []string{"root"},
			},
			"projects": projects, "files": listed,
		}},
	}
	b, err := json.Marshal(index)
	if err != nil {
		return 0, err
	}
	return total, os.WriteFile(filepath.Join(dir, "dataindex.json"), b, 0o600)
}
