package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

var (
	h2Done   = regexp.MustCompile(`requests: \d+ total, \d+ started, (\d+) done, (\d+) succeeded, (\d+) failed`)
	h2Failed = regexp.MustCompile(`(\d+) 4xx, (\d+) 5xx`)
)

// connsHTTP2 returns the number of connections with HTTP/2 that share the requests of a number of connections.
func connsHTTP2(conns int) int { return min(8, conns) }

// readH2load runs a job of reads with h2load, in whole seconds: with HTTP/2, eight connections with a share of the
// requests at once on each. Like read, it sends a single request for less than a second.
func (j job) readH2load(ctx context.Context, http2 bool) (t tally, err error) {
	if j.For < time.Second {
		return j.read(ctx)
	}
	seconds := int(j.For.Seconds())
	args := []string{"-t", "2", "-D", strconv.Itoa(seconds)}
	if http2 {
		conns := connsHTTP2(j.Conns)
		args = append(args, "-c", strconv.Itoa(conns), "-m", strconv.Itoa(max(1, j.Conns/conns)))
	} else {
		args = append(args, "--h1", "-c", strconv.Itoa(j.Conns))
	}
	for _, h := range j.Target.Header {
		args = append(args, "-H", h)
	}
	out, err := exec.CommandContext(ctx, "h2load", append(args, j.Target.URL)...).CombinedOutput()
	if err != nil {
		return t, fmt.Errorf("h2load: %w: %s", err, out)
	}
	t, err = parseH2load(out)
	t.Seconds = float64(seconds)
	return t, err
}

func parseH2load(out []byte) (t tally, err error) {
	done, failed := h2Done.FindSubmatch(out), h2Failed.FindSubmatch(out)
	if done == nil || failed == nil || string(done[3]) != "0" || string(failed[1]) != "0" || string(failed[2]) != "0" {
		return t, fmt.Errorf("h2load said %q", out)
	}
	t.Requests, err = strconv.Atoi(string(done[2]))
	return t, err
}
