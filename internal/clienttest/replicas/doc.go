// Package replicas runs three servers behind a balancer over a PostgreSQL of its own and an object store, with the real
// clients, and ends parts of it while they work.
package replicas
