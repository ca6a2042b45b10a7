// Package metrics reports what the server does and the state of the index, in the formats of Prometheus.
//
// Requests are counted as they end. Everything else is read when the metrics are: counts that the services keep, and
// the state of the database, which a cache bounds to a few queries a minute, however often and by how many the metrics
// are read. Labels have few values: patterns of routes, names of upstreams and issuers, kinds. No metric has the name
// of a project, a person or a client.
package metrics
