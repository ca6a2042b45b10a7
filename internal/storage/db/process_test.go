package db_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
)

// writerVariable makes the test program a process that only writes.
const writerVariable = "INDEX_TEST_WRITER"

// TestMain turns the test program into the writer if the variable is set. The writer commits serials and prints each
// after its commit.
func TestMain(m *testing.M) {
	location := os.Getenv(writerVariable)
	if location == "" {
		os.Exit(m.Run())
	}
	ctx := context.Background()
	d, err := db.Open(ctx, location, db.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for {
		var n int64
		err := d.Catalog().Update(ctx, func(tx catalog.Tx) (err error) {
			n, err = tx.NextSerial(ctx)
			return err
		})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(n)
	}
}

// TestSerialOfOtherProcesses checks that Serial sees each commit that another process has reported, even after that
// process was killed at a random moment, repeatedly, while this process writes too.
func TestSerialOfOtherProcesses(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		location := fresh(t)
		d := storagetest.OpenDB(t, location, db.Options{})
		for round := range 8 {
			lines, kill := startWriter(t, location)
			for range 20 + 7*round {
				if !lines.Scan() {
					t.Fatal("the writer ended early")
				}
				said, err := strconv.ParseInt(lines.Text(), 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				if got, err := d.Catalog().Serial(t.Context()); err != nil || got < said {
					t.Fatalf("Serial() = %d, %v after another process committed %d", got, err, said)
				}
			}
			time.Sleep(time.Duration(round) * 300 * time.Microsecond)
			kill()
			checkOwn(t, d)
		}
	})
}

func startWriter(t *testing.T, location string) (*bufio.Scanner, func()) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), writerVariable+"="+location)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return bufio.NewScanner(out), func() {
		c.Process.Kill()
		c.Wait()
	}
}

// checkOwn: this process's own commits are seen at once.
func checkOwn(t *testing.T, d *db.DB) {
	t.Helper()
	for range 5 {
		var n int64
		err := d.Catalog().Update(t.Context(), func(tx catalog.Tx) (err error) {
			n, err = tx.NextSerial(t.Context())
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := d.Catalog().Serial(t.Context()); err != nil || got != n {
			t.Fatalf("Serial() = %d, %v after a commit of %d here", got, err, n)
		}
	}
}
