package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

type process struct {
	cmd   *exec.Cmd
	ended chan struct{}
	log   string
	base  string        // scheme, host and port
	first time.Duration // from its start to its first response
}

// insecure is the client of servers with the benchmark's own certificate.
var insecure = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}

// freePort returns a port that is not in use.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// start starts a server and requests path until the response is not a server error.
func start(ctx context.Context, name, dir string, port int, path string, env []string,
	argv ...string,
) (*process, error) {
	return startAt(ctx, name, dir, fmt.Sprintf("http://127.0.0.1:%d", port), path, env, argv...)
}

// startAt is start for a server at any base URL.
func startAt(ctx context.Context, name, dir, base, path string, env []string, argv ...string) (*process, error) {
	p := &process{
		base: base, log: filepath.Join(dir, name+".log"), ended: make(chan struct{}),
	}
	log, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	p.cmd = exec.Command(argv[0], argv[1:]...)
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	apart(p.cmd)
	begun := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { _ = p.cmd.Wait(); close(p.ended) }()
	if err := p.await(ctx, path); err != nil {
		said, _ := os.ReadFile(p.log)
		p.stop()
		return nil, fmt.Errorf("%s: %w\n%s", name, err, said[max(0, len(said)-2000):])
	}
	p.first = time.Since(begun)
	return p, nil
}

func (p *process) await(ctx context.Context, path string) error {
	for limit := time.Now().Add(90 * time.Second); time.Now().Before(limit); time.Sleep(time.Millisecond) {
		select {
		case <-p.ended:
			return fmt.Errorf("ended at once: %v", p.cmd.ProcessState)
		case <-ctx.Done():
			return ctx.Err()
		default:
		}
		answer, err := insecure.Get(p.base + path)
		if err != nil {
			continue
		}
		_ = answer.Body.Close()
		if answer.StatusCode < 500 {
			return nil
		}
	}
	return fmt.Errorf("no answer at %s%s", p.base, path)
}

// stop stops the server and its children, at first with SIGTERM.
func (p *process) stop() {
	if p == nil {
		return
	}
	end(p.cmd, false)
	select {
	case <-p.ended:
	case <-time.After(30 * time.Second):
		end(p.cmd, true)
		<-p.ended
	}
}

// memory returns a line of /proc/PID/status in MB, summed over the process and its children: VmRSS, or VmHWM for the
// peak. It returns 0 on systems without that file.
func (p *process) memory(line string) (mb float64) {
	for _, pid := range family(p.cmd.Process.Pid) {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			continue
		}
		_, rest, _ := bytes.Cut(status, []byte("\n"+line+":"))
		if f := bytes.Fields(rest); len(f) > 0 {
			kb, _ := strconv.ParseFloat(string(f[0]), 64)
			mb += kb / 1024
		}
	}
	return mb
}

// cpu returns the processor time of the process so far, in user and kernel mode. It returns 0 on systems without
// /proc.
func (p *process) cpu() (sum time.Duration) {
	for _, pid := range family(p.cmd.Process.Pid) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		_, rest, _ := bytes.Cut(stat, []byte(") ")) // the name may contain blanks
		f := bytes.Fields(rest)
		if len(f) < 13 {
			continue
		}
		for _, ticks := range f[11:13] {
			n, _ := strconv.ParseInt(string(ticks), 10, 64)
			sum += time.Duration(n) * (time.Second / 100) // USER_HZ is 100 on all our platforms
		}
	}
	return sum
}

// forgetPeak resets the peak to the memory currently in use.
func (p *process) forgetPeak() {
	for _, pid := range family(p.cmd.Process.Pid) {
		_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
	}
}

// family returns a process and its descendants.
func family(pid int) []int {
	all := []int{pid}
	for i := 0; i < len(all); i++ {
		children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", all[i], all[i]))
		for f := range strings.FieldsSeq(string(children)) {
			if n, err := strconv.Atoi(f); err == nil {
				all = append(all, n)
			}
		}
	}
	return all
}
