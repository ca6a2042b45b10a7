package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"math"
	"os/exec"
	"regexp"
	"strconv"
)

// read does a job of reads with the client that was asked for.
func (b *bench) read(ctx context.Context, j job) (tally, error) {
	if b.client == "wrk" {
		return j.wrk(ctx)
	}
	return j.run(ctx)
}

var (
	wrkDone   = regexp.MustCompile(`(\d+) requests in ([\d.]+)(m?s)`)
	wrkRead   = regexp.MustCompile(`Transfer/sec: +([\d.]+)([KMGT]?)B`)
	wrkFailed = regexp.MustCompile(`Non-2xx or 3xx responses: \d+|Socket errors: .*`)
)

// wrk does a job of reads with wrk, in whole seconds. The token is on its command line for as long.
func (j job) wrk(ctx context.Context) (t tally, err error) {
	args := []string{"-t", strconv.Itoa(min(2, j.Conns)), "-c", strconv.Itoa(j.Conns), "-d", fmt.Sprintf("%.0fs", math.Ceil(j.For.Seconds())), "--timeout", "60s"}
	for _, h := range j.Target.Header {
		args = append(args, "-H", h)
	}
	if j.Target.User != "" {
		args = append(args, "-H", "Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte(j.Target.User+":"+j.Target.Secret)))
	}
	out, err := exec.CommandContext(ctx, "wrk", append(args, j.Target.URL)...).Output()
	if err != nil {
		return t, fmt.Errorf("wrk: %w", err)
	}
	if failed := wrkFailed.Find(out); failed != nil {
		return t, fmt.Errorf("wrk %s: %s", j.Target.URL, failed)
	}
	return parseWrk(out)
}

// parseWrk reads what wrk prints.
func parseWrk(out []byte) (t tally, err error) {
	done, read := wrkDone.FindSubmatch(out), wrkRead.FindSubmatch(out)
	if done == nil || read == nil {
		return t, fmt.Errorf("wrk said %q", out)
	}
	if t.Requests, err = strconv.Atoi(string(done[1])); err != nil {
		return t, err
	}
	if t.Seconds, err = strconv.ParseFloat(string(done[2]), 64); err != nil {
		return t, err
	}
	if string(done[3]) == "ms" {
		t.Seconds /= 1e3
	}
	speed, err := strconv.ParseFloat(string(read[1]), 64)
	unit := map[string]float64{"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}[string(read[2])]
	t.Bytes = int64(speed * unit * t.Seconds)
	return t, err
}
