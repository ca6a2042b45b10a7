// Package replicas runs three servers behind a load balancer, with their own PostgreSQL and an object store. It stops
// parts of the setup while real clients work.
package replicas
