// Package remote has what the drivers of object stores share that speak HTTP without a vendor's client: errors, the
// pieces of uploads, readers that verify checksums, and retries.
package remote
