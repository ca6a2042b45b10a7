package main

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/crypto/blake2b"
)

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// bigUpload measures the upload of a large file, compared with only hashing and writing it.
func (b *bench) bigUpload(ctx context.Context) error {
	name := fmt.Sprintf("upload, %d MB", b.blocks)
	if !b.wants(name) {
		return nil
	}
	b.say("%s", name)
	took := &row{Name: name, Unit: "s", Budgets: []budget{atMost(1.5, "hash and write")}}
	peak := &row{Name: "the same: peak of memory over idle", Unit: "MB", Budgets: []budget{atMost(64, "")}}
	for n := range min(b.rounds, 3) {
		w, path := wheel{large, fmt.Sprintf("2.%d", n)}, filepath.Join(b.dir, "large.whl")
		sum, err := b.write(w, path)
		if err != nil {
			return err
		}
		least, err := hashAndWrite(path, path+".copy")
		if err != nil {
			return err
		}
		took.add("hash and write", least)
		seconds, grown, err := b.send(ctx, wheelJob{Project: w.project, Version: w.version, Path: path, Sum: sum})
		if err != nil {
			return err
		}
		took.add(ours, seconds)
		peak.add(ours, grown)
	}
	b.report.Rows = append(b.report.Rows, took, peak)
	return nil
}

// send uploads one wheel to a fresh server. It returns the duration, and the peak of the server's memory above its idle
// memory in MB.
func (b *bench) send(ctx context.Context, w wheelJob) (seconds, grown float64, err error) {
	p, err := b.site.serve(ctx, "fresh", false)
	if err != nil {
		return 0, 0, err
	}
	defer p.stop()
	time.Sleep(min(time.Second, b.each))
	idle := p.memory("VmRSS")
	p.forgetPeak()
	t, err := job{Target: b.site.uploads(p), Conns: 1, Wheels: []wheelJob{w}}.run(ctx)
	return t.Seconds, p.memory("VmHWM") - idle, err
}

// hashAndWrite computes the three digests of a file, writes and syncs a copy, and returns the duration in seconds.
func hashAndWrite(from, to string) (seconds float64, err error) {
	start := time.Now()
	in, err := os.Open(from)
	if err != nil {
		return 0, err
	}
	defer func() { _ = in.Close() }()
	out, err := os.Create(to)
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.Remove(to) }()
	blake, err := blake2b.New256(nil)
	if err != nil {
		return 0, err
	}
	_, err = io.CopyBuffer(io.MultiWriter(sha256.New(), blake, md5.New(), out), struct{ io.Reader }{in},
		make([]byte, 256<<10))
	if err == nil {
		err = out.Sync()
	}
	err = errors.Join(err, out.Close())
	return time.Since(start).Seconds(), err
}

// smallUploads measures many small uploads, eight at once.
func (b *bench) smallUploads(ctx context.Context) error {
	r := &row{Name: "uploads of 20 kB, 8 at once", Unit: "/s", Budgets: []budget{{Least: 5, Of: "best peer"}}}
	if !b.wants(r.Name) {
		return nil
	}
	b.say("small uploads")
	for range b.rounds {
		t, err := b.many(ctx, b.site.uploads(b.token), b.uploads)
		if err != nil {
			return err
		}
		r.add(ours, t.rate())
		for _, p := range b.peersThatTake() {
			t, err := b.many(ctx, p.takes, b.uploads)
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			r.add(p.name, t.rate())
		}
	}
	b.report.Rows = append(b.report.Rows, r)
	return nil
}

func (b *bench) many(ctx context.Context, to target, n int) (tally, error) {
	j := job{Target: to, Conns: 8, For: 4 * b.each} // some peers need minutes for all
	for range n {
		b.count++
		j.Wheels = append(j.Wheels,
			wheelJob{Project: fmt.Sprintf("bench-up-%d", b.count/20), Version: fmt.Sprintf("1.%d", b.count), Size: 20_000})
	}
	return j.run(ctx)
}

// sizesOf restarts the server for its first response and idle memory, and measures the size of the program.
func (b *bench) sizesOf(ctx context.Context) error {
	first := &row{Name: "start to first answer", Unit: "ms", Budgets: []budget{atMost(200, "")}}
	if !b.wants(first.Name) {
		return nil
	}
	b.say("starting")
	idle := &row{Name: "memory, idle", Unit: "MB", Budgets: []budget{atMost(40, "")}}
	for range b.rounds {
		for i, name := range []string{ours, anonymous} {
			p, err := b.site.serve(ctx, "again", i == 1)
			if err != nil {
				return err
			}
			time.Sleep(min(time.Second, b.each))
			first.add(name, p.first.Seconds()*1e3)
			idle.add(name, p.memory("VmRSS"))
			p.stop()
		}
	}
	for _, c := range b.columns[2:] {
		first.add(c.name, c.process.first.Seconds()*1e3)
	}
	size := &row{Name: "program", Unit: "MB"}
	info, err := os.Stat(b.site.binary)
	if err == nil {
		size.add(ours, float64(info.Size())/1e6)
	}
	b.report.Rows = append(b.report.Rows, first, idle, size)
	return err
}
