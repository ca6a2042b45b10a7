package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"pyindex/internal/span"
)

// ByteSize is a number of bytes. Its text is a plain number, or one with KB, MB, GB, TB (powers of 1000) or KiB, MiB,
// GiB, TiB.
type ByteSize int64

var byteUnits = []struct {
	suffix string
	factor int64
}{
	{"TiB", 1 << 40},
	{"GiB", 1 << 30},
	{"MiB", 1 << 20},
	{"KiB", 1 << 10},
	{"TB", 1e12},
	{"GB", 1e9},
	{"MB", 1e6},
	{"KB", 1e3},
	{"B", 1},
}

// UnmarshalText parses a size.
func (b *ByteSize) UnmarshalText(text []byte) error {
	number, factor := string(text), int64(1)
	for _, u := range byteUnits {
		if n, ok := strings.CutSuffix(number, u.suffix); ok {
			number, factor = strings.TrimSpace(n), u.factor
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > (1<<62)/factor {
		return fmt.Errorf("%q is not a size: write bytes, or a number with KiB, MiB or GiB", text)
	}
	*b = ByteSize(n * factor)
	return nil
}

// String returns the size as UnmarshalText takes it, with the unit that makes the number smallest.
func (b ByteSize) String() string {
	number, suffix := int64(b), ""
	for _, u := range byteUnits {
		if u.factor > 1 && b != 0 && int64(b)%u.factor == 0 && int64(b)/u.factor < number {
			number, suffix = int64(b)/u.factor, u.suffix
		}
	}
	return strconv.FormatInt(number, 10) + suffix
}

// Span is a duration. Its text may also be a number of days, such as "30d".
type Span time.Duration

// UnmarshalText parses a duration. It returns an error if the duration is negative.
func (s *Span) UnmarshalText(text []byte) error {
	d, err := span.Parse(string(text))
	if err != nil || d < 0 {
		return fmt.Errorf("%q is not a duration: write for example 90s, 24h or 30d", text)
	}
	*s = Span(d)
	return nil
}

// String returns the duration as UnmarshalText takes it: whole days in days, others without units that are 0.
func (s Span) String() string { return span.Text(time.Duration(s)) }

// count is a non-negative whole number.
type count int

// UnmarshalText parses a count.
func (c *count) UnmarshalText(text []byte) error {
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 0 || n > 1e9 {
		return fmt.Errorf("%q is not a whole number of 0 or more", text)
	}
	*c = count(n)
	return nil
}

// prefix is a range of addresses, or one address. The field is not embedded, because kong would then use the parsing
// methods of netip.Prefix.
type prefix struct{ Addresses netip.Prefix }

// UnmarshalText parses a range or an address, such as "10.0.0.0/8" or "127.0.0.1".
func (p *prefix) UnmarshalText(text []byte) (err error) {
	if addr, e := netip.ParseAddr(string(text)); e == nil && addr.Zone() == "" {
		p.Addresses, err = addr.Prefix(addr.BitLen())
		return err
	}
	if p.Addresses, err = netip.ParsePrefix(string(text)); err != nil {
		return fmt.Errorf("%q is not a range of addresses: write for example 10.0.0.0/8", text)
	}
	p.Addresses = p.Addresses.Masked()
	return nil
}

// String returns the range, such as "10.0.0.0/8".
func (p prefix) String() string { return p.Addresses.String() }

// baseURL is the URL at which clients reach the index, without a trailing slash. The zero value means "not set".
type baseURL struct{ URL *url.URL }

// UnmarshalText parses an http or https URL with a host and an optional path of plain segments.
func (b *baseURL) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		return nil
	}
	u, err := url.Parse(string(text))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil ||
		u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" {
		return fmt.Errorf("%q is not a base URL: write for example https://pypi.example.com or https://example.com/pypi",
			text)
	}
	u.Path = strings.TrimRight(u.Path, "/")
	if u.Path != "" && (u.EscapedPath() != u.Path || path.Clean(u.Path) != u.Path || strings.ContainsAny(u.Path, ":*")) {
		return fmt.Errorf("%q has a path that cannot be served: use letters, digits, '-', '_' and '/'", text)
	}
	u.Host = strings.ToLower(u.Host)
	b.URL = u
	return nil
}

// String returns the URL, or "" if it is not set.
func (b baseURL) String() string {
	if b.URL == nil {
		return ""
	}
	return b.URL.String()
}
