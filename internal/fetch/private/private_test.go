package private_test

import (
	"net/netip"
	"testing"

	"pyindex/internal/fetch/private"
)

// TestAddress: each block of private addresses, at its borders, and other notations of IPv4 addresses.
func TestAddress(t *testing.T) {
	for address, want := range map[string]bool{
		"8.8.8.8": true, "140.82.121.4": true, "2606:50c0:8000::154": true, "::ffff:8.8.8.8": true, "172.15.255.255": true,
		"172.32.0.1": true, "100.63.255.255": true, "100.128.0.1": true, "11.0.0.1": true, "198.20.0.1": true,
		"0.0.0.0": false, "0.1.2.3": false, "10.255.255.255": false, "100.64.0.0": false, "100.127.255.255": false,
		"127.0.0.1": false, "127.255.255.255": false, "169.254.0.1": false, "169.254.169.254": false, "172.16.0.0": false,
		"172.31.255.255": false, "192.0.0.1": false, "192.0.2.1": false, "192.168.255.255": false, "198.18.0.1": false,
		"198.19.255.255": false, "198.51.100.1": false, "203.0.113.1": false, "224.0.0.1": false, "239.255.255.250": false,
		"240.0.0.1": false, "255.255.255.255": false, "::": false, "::1": false, "::ffff:127.0.0.1": false,
		"::ffff:10.0.0.1": false, "::127.0.0.1": false, "64:ff9b::a00:1": false, "64:ff9b:1::1": false, "100::1": false,
		"2001::1": false, "2001:db8::1": false, "2002:a00:1::": false, "fc00::1": false, "fd00:ec2::254": false,
		"fe80::1": false, "fe80::1%lo": false, "fec0::1": false, "ff02::1": false,
		"2001:4860:4860::8888": true, "2a00:1450:4001::1": true, "2400:cb00::1": true,
		"::ffff:0:127.0.0.1": false, "::ffff:0:10.0.0.1": false, "::ffff:0:8.8.8.8": false, "::7f00:1": false,
		"0:1::1": false, "100:1::1": false, "200::1": false, "1fff::1": false, "4000::1": false, "5f00::1": false,
		"8000::1": false, "e000::1": false, "f000::1": false, "fe00::1": false, "64:ff9b:2::1": false, "3ffe::1": false,
		"3fff::1": false, "2001:1ff::1": false,
	} {
		if got := !private.Address(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s is public: %v, want %v", address, got, want)
		}
	}
}

func TestTranslated(t *testing.T) {
	for address, want := range map[string]string{
		"64:ff9b::808:808": "8.8.8.8", "64:ff9b::a9fe:a9fe": "169.254.169.254", "64:ff9b:0:0:0:0:7f00:1": "127.0.0.1",
		"64:ff9b:1::808:808": "", "::ffff:8.8.8.8": "", "8.8.8.8": "", "64:ff9b::1:808:808": "", "64:ff9b::808:808%lo": "",
		"2002:808:808::": "", "2606:50c0:8000::154": "",
	} {
		got, ok := private.Translated(netip.MustParseAddr(address))
		if ok != (want != "") || ok && got.String() != want {
			t.Errorf("Translated(%s) = %v, %v, want %q", address, got, ok, want)
		}
	}
}
