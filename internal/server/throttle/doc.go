// Package throttle bounds what the clients of one network may use.
//
// A Rate bounds requests a minute, a Gate bounds open connections. Both remember a bounded number of networks, whatever
// strangers send. A network is an IPv4 address or an IPv6 /64; a Rate also bounds what the networks of one site, an
// IPv4 /24 or an IPv6 /48, use together. Nothing is counted for everybody together, except connections.
package throttle
