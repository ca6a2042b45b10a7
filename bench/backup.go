package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// backupBench measures backups: beside copying the same files, beside uploads, and its memory with many rows.
type backupBench struct {
	site    *site
	dir     string
	files   int
	size    int
	rounds  int
	uploads int
	count   int
}

func measureBackups(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("backup", flag.ContinueOnError)
	b := &backupBench{}
	f.IntVar(&b.files, "files", 2000, "files in the store")
	f.IntVar(&b.size, "size", 256<<10, "bytes of each file")
	f.IntVar(&b.rounds, "rounds", 3, "measurements of each row; the median counts")
	f.IntVar(&b.uploads, "uploads", 1000, "uploads of 20 kB from 8 clients at once")
	url := f.String("database-url", "",
		"a filled database (see bench catalog) to measure the memory with; it is left as it is")
	if err := f.Parse(args); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bench-backup-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b.dir = dir
	binary, err := build(ctx, dir)
	if err != nil {
		return err
	}
	if *url != "" {
		if b.site, err = newSite(ctx, binary, dir, *url, ""); err != nil {
			return err
		}
		return b.memory(ctx)
	}
	if b.site, err = newSite(ctx, binary, dir, "", ""); err != nil {
		return err
	}
	p, err := b.site.serve(ctx, "index", false)
	if err != nil {
		return err
	}
	defer p.stop()
	if _, err := b.send(ctx, p, b.files, b.size); err != nil {
		return err
	}
	if err := b.alone(ctx); err != nil {
		return err
	}
	return b.beside(ctx, p)
}

// send uploads files from 8 clients and returns the uploads in a second.
func (b *backupBench) send(ctx context.Context, p *process, n, size int) (float64, error) {
	j := job{Target: b.site.uploads(p), Conns: 8}
	for range n {
		b.count++
		j.Wheels = append(j.Wheels, wheelJob{
			Project: fmt.Sprintf("bench-%d", b.count/20), Version: fmt.Sprintf("1.%d", b.count), Size: size,
		})
	}
	t, err := j.run(ctx)
	return t.rate(), err
}

// run makes a backup and returns its time in seconds and its peak of memory in MB.
func (b *backupBench) run(ctx context.Context, args ...string) (seconds, peak float64, err error) {
	cmd := exec.CommandContext(ctx, b.site.binary, append([]string{"backup"}, args...)...)
	cmd.Env = append(os.Environ(), b.site.env...)
	start := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return 0, 0, fmt.Errorf("index backup: %w: %s", err, out)
	}
	return time.Since(start).Seconds(), peakOf(cmd.ProcessState), nil
}

// alone compares a backup with cp -r of the same files, without and with waiting for the disk.
func (b *backupBench) alone(ctx context.Context) error {
	from := filepath.Join(b.dir, "data", "blobs")
	size, err := sizeOf(from)
	if err != nil {
		return err
	}
	var copies, synced, backups, peaks []float64
	for n := range b.rounds {
		to := filepath.Join(b.dir, fmt.Sprintf("copy-%d", n))
		start := time.Now()
		// The priority is that of a backup, so that other programs slow both down alike.
		if err := exec.CommandContext(ctx, "nice", "-n", "19", "cp", "-r", from, to).Run(); err != nil {
			return fmt.Errorf("cp: %w", err)
		}
		copies = append(copies, time.Since(start).Seconds())
		if err := exec.CommandContext(ctx, "sync", "-f", to).Run(); err != nil {
			return fmt.Errorf("sync: %w", err)
		}
		synced = append(synced, time.Since(start).Seconds())
		os.RemoveAll(to)
		to = filepath.Join(b.dir, fmt.Sprintf("backup-%d", n))
		seconds, peak, err := b.run(ctx, to)
		if err != nil {
			return err
		}
		backups, peaks = append(backups, seconds), append(peaks, peak)
		os.RemoveAll(to)
	}
	mb := float64(size) / 1e6
	c, s, k := median(copies), median(synced), median(backups)
	fmt.Printf("%.0f MB in %d files: cp -r %.0f MB/s, with sync %.0f MB/s, backup %.0f MB/s\n", mb, b.files, mb/c, mb/s,
		mb/k)
	fmt.Printf("backup / cp -r %.2f, backup / cp -r and sync %.2f (at least 0.8); peak of memory %.0f MB\n", c/k, s/k,
		median(peaks))
	return nil
}

// beside compares uploads without and with a backup that copies all files.
func (b *backupBench) beside(ctx context.Context, p *process) error {
	var without, with, ends []float64
	for n := range b.rounds {
		rate, err := b.send(ctx, p, b.uploads, 20_000)
		if err != nil {
			return err
		}
		without = append(without, rate)
		to := filepath.Join(b.dir, fmt.Sprintf("beside-%d", n))
		ended := make(chan error, 1)
		go func() {
			seconds, _, err := b.run(ctx, to)
			ends = append(ends, seconds)
			ended <- err
		}()
		time.Sleep(200 * time.Millisecond)
		rate, err = b.send(ctx, p, b.uploads, 20_000)
		if err = errors.Join(err, <-ended); err != nil {
			return err
		}
		with = append(with, rate)
		os.RemoveAll(to)
	}
	fmt.Printf("uploads of 20 kB, 8 at once: %.0f/s without a backup, %.0f/s beside one: %.2f (at least 0.8); "+
		"the backup ended after %.1f s\n", median(without), median(with), median(with)/median(without), median(ends))
	return nil
}

// memory measures a backup of the rows of a large catalog.
func (b *backupBench) memory(ctx context.Context) error {
	seconds, peak, err := b.run(ctx, "--rows-only", filepath.Join(b.dir, "rows"))
	if err != nil {
		return err
	}
	size, err := sizeOf(filepath.Join(b.dir, "rows"))
	if err == nil {
		fmt.Printf("rows in %.0f s, %.0f MB compressed, peak of memory %.0f MB (at most 128)\n", seconds, float64(size)/1e6,
			peak)
	}
	return err
}

func sizeOf(dir string) (n int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			n += info.Size()
		}
		return err
	})
	return n, err
}
