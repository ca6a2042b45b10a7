package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"math"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

var (
	wrkDone   = regexp.MustCompile(`(\d+) requests in ([\d.]+)(m?s)`)
	wrkRead   = regexp.MustCompile(`Transfer/sec: +([\d.]+)([KMGT]?)B`)
	wrkFailed = regexp.MustCompile(`Non-2xx or 3xx responses: \d+|Socket errors: .*`)
)

// read runs a job of reads with wrk, in whole seconds. The token is on wrk's command line in the meantime. A sample of
// less than a second, as in tests, is a single request that only shows that reading works.
func (j job) read(ctx context.Context) (t tally, err error) {
	if j.For < time.Second {
		_, size, took, err := j.Target.once(ctx)
		return tally{Requests: 1, Bytes: size, Seconds: took.Seconds()}, err
	}
	args := []string{
		"-t", strconv.Itoa(min(2, j.Conns)), "-c", strconv.Itoa(j.Conns), "-d",
		fmt.Sprintf("%.0fs", math.Ceil(j.For.Seconds())), "--timeout", "60s",
	}
	for _, h := range j.Target.Header {
		args = append(args, "-H", h)
	}
	if j.Target.User != "" {
		args = append(args, "-H",
			"Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte(j.Target.User+":"+j.Target.Secret)))
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
