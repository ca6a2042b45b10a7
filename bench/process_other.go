//go:build !unix

package main

import "os/exec"

func apart(*exec.Cmd) {}

func end(cmd *exec.Cmd, _ bool) { _ = cmd.Process.Kill() }
