package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
)

// The only account of a new devpi server, and its index.
const (
	devpiUser   = "root"
	devpiSecret = "bench-secret"
	devpiIndex  = "/" + devpiUser + "/bench/"
)

// startDevpi starts a devpi server with one index that has no bases.
func (b *bench) startDevpi(ctx context.Context) error {
	binary, prepare := b.program("devpi-server"), b.program("devpi-init")
	if binary == "" || prepare == "" {
		return nil
	}
	p, err := runDevpi(ctx, b.dir, binary, prepare)
	if err != nil {
		return err
	}
	return b.join(ctx, p, "devpi", devpiIndex+"+simple/",
		target{URL: p.base + devpiIndex, User: devpiUser, Secret: devpiSecret})
}

// runDevpi starts the programs of devpi with one index that has no bases.
func runDevpi(ctx context.Context, dir, binary, prepare string) (*process, error) {
	data := filepath.Join(dir, "devpi")
	if out, err := exec.CommandContext(ctx, prepare, "--serverdir", data, "--no-root-pypi", "--root-passwd",
		devpiSecret).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("devpi-init: %w\n%s", err, out)
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	p, err := start(ctx, "devpi", dir, port, "/+api", nil, binary, "--serverdir", data, "--host", "127.0.0.1", "--port",
		fmt.Sprint(port))
	if err != nil {
		return nil, err
	}
	if err := makeDevpiIndex(ctx, p.base); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

func makeDevpiIndex(ctx context.Context, base string) error {
	return makeDevpi(ctx, base, map[string]any{"bases": []string{}, "volatile": true})
}

// makeDevpi creates the index with settings of devpi.
func makeDevpi(ctx context.Context, base string, settings map[string]any) error {
	var login struct{ Result struct{ Password string } }
	if err := devpiCall(ctx, "POST", base+"/+login", "", map[string]string{"user": devpiUser, "password": devpiSecret},
		&login); err != nil {
		return err
	}
	auth := base64.StdEncoding.EncodeToString([]byte(devpiUser + ":" + login.Result.Password))
	return devpiCall(ctx, "PUT", base+strings.TrimSuffix(devpiIndex, "/"), auth, settings, &struct{}{})
}

func devpiCall(ctx context.Context, method, url, auth string, body, into any) error {
	in, err := json.Marshal(body)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(in))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	if auth != "" {
		r.Header.Set("X-Devpi-Auth", auth)
	}
	answer, err := bare.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s", method, url, answer.Status)
	}
	return json.NewDecoder(answer.Body).Decode(into)
}
