// Package throttle limits the requests and connections of each client network.
//
// A Rate limits requests per minute, a Gate limits open connections. Both remember a bounded number of networks. A
// network is an IPv4 address or an IPv6 /64. A Rate also limits the networks of one site together; a site is an IPv4
// /24 or an IPv6 /48. Only connections have a limit over all clients.
package throttle
