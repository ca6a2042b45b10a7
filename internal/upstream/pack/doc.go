// Package pack reads and writes packs: archives that carry pages and files of upstreams to an index without a network.
//
// A pack is a tar archive. Its first entry is the manifest; all other entries follow in the order of the manifest,
// under names that the manifest implies. No name in a pack becomes a path.
package pack
