// Command bench measures this index on this machine.
//
//	go run ./bench                      one table: this index beside a bare handler, nginx and installed peers
//	go run ./bench catalog -projects N  fills a database with a generated catalog
//	go run ./bench scale                the same reads and uploads as the catalog grows
//	go run ./bench backup               backups beside copying the same files, and beside uploads
//	go run ./bench clients              pip install and uv sync from this and other indexes and nginx, over HTTP and TLS
//	go run ./bench warm                 warm pages over HTTP and TLS, beside other programs, a bare handler and nginx
//	go run ./bench import               an import of an export of devpi, beside devpi-server's own
//	go run ./bench targets              every promise about speed, memory and size: met, or not met and by how much
//	go run ./bench policy               decisions about files, large pages under them, feeds, and three replicas
//	go run ./bench upstream             reading through an upstream, beside the upstream itself and other caches
//
// All servers run on 127.0.0.1 and in temporary folders that are removed at the end. The client is a separate process
// on the same machine, so it uses some of the cores.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// commands maps the first argument to a command. The benchmark uses "bare" and "load" to start itself as another
// process.
var commands = map[string]func(ctx context.Context, args []string) error{
	"":         compare,
	"policy":   measurePolicy,
	"backup":   measureBackups,
	"catalog":  fillCatalog,
	"clients":  clients,
	"scale":    scale,
	"upstream": throughUpstream,
	"bare":     serveBare,
	"load":     runLoad,
	"import":   imports,
	"targets":  targets,
	"warm":     warm,
}

// asCommand in the environment makes a test binary behave as the command.
const asCommand = "BENCH_AS_COMMAND=1"

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // of a closed terminal; nohup ignores it
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	defer stop()
	name := ""
	if len(args) > 0 && commands[args[0]] != nil {
		name, args = args[0], args[1:]
	}
	err := commands[name](ctx, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 2
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 1
	}
	return 0
}
