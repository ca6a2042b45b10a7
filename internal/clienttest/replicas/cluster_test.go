package replicas_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"pyindex/internal/clienttest"
)

// cluster is a PostgreSQL server of this test alone, which it may end.
type cluster struct {
	t              *testing.T
	bin, dir, port string
}

// newCluster starts a server; it ends with the test.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{t: t, bin: postgresBin(t), port: freePort(t)}
	dir, err := os.MkdirTemp("", "index-replicas-") // the test's own folder lies below one that only its owner may enter
	if err != nil {
		t.Fatal(err)
	}
	c.dir = dir
	t.Cleanup(func() { os.RemoveAll(dir) })
	if os.Getuid() == 0 {
		if out, err := exec.Command("chown", "postgres", dir).CombinedOutput(); err != nil {
			t.Fatalf("chown: %v %s", err, out)
		}
	}
	c.run("initdb", "-D", c.data(), "-U", "index", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C")
	c.start()
	t.Cleanup(c.stop)
	return c
}

func (c *cluster) data() string { return filepath.Join(c.dir, "data") }

// url leads to the server's database.
func (c *cluster) url() string {
	return fmt.Sprintf("postgres://index@127.0.0.1:%s/postgres?sslmode=disable", c.port)
}

// start starts the server, or starts it again, and waits until it answers.
func (c *cluster) start() {
	c.t.Helper()
	c.run("pg_ctl", "-D", c.data(), "-l", filepath.Join(c.dir, "log"), "-w", "-t", "60", "start", "-o",
		fmt.Sprintf("-p %s -k %s -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=200", c.port, c.dir))
}

// crash kills the server's processes as a power failure would. The server recovers at the next start.
func (c *cluster) crash() {
	c.t.Helper()
	c.run("pg_ctl", "-D", c.data(), "-w", "-m", "immediate", "stop")
}

// stop ends the server if it runs.
func (c *cluster) stop() {
	if _, err := os.Stat(filepath.Join(c.data(), "postmaster.pid")); err == nil {
		c.crash()
	}
}

// run runs a program of PostgreSQL, which refuses to be root.
func (c *cluster) run(name string, args ...string) {
	c.t.Helper()
	words := append([]string{filepath.Join(c.bin, name)}, args...)
	if os.Getuid() == 0 {
		words = append([]string{"runuser", "-u", "postgres", "--"}, words...)
	}
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Dir = os.TempDir()
	log, err := os.Create(filepath.Join(c.t.TempDir(), "log")) // not a pipe: the server would hold it open
	if err != nil {
		c.t.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Run(); err != nil {
		out, _ := os.ReadFile(log.Name())
		c.t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// postgresBin is the folder of the newest server here.
func postgresBin(t *testing.T) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		if path, err := exec.LookPath("initdb"); err == nil {
			found = []string{path}
		}
	}
	if len(found) == 0 {
		clienttest.Missing(t, "no PostgreSQL server on this machine")
	}
	return filepath.Dir(slices.Max(found))
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}
