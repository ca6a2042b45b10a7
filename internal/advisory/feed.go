package advisory

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"pyindex/internal/fault"
	"pyindex/internal/span"
)

// Values of Feed.WhenOld.
const (
	Open   = "open"   // serve files although the feed is too old
	Closed = "closed" // hold files of upstreams while the feed is too old
)

// Values of Feed.Malware.
const (
	DenyMalware = "deny" // files of releases that the feed calls malicious are denied
	FlagMalware = "flag" // they are shown like vulnerable ones
)

// Defaults of a Feed.
const (
	DefaultEvery  = 6 * time.Hour
	DefaultMaxAge = 72 * time.Hour
	// DefaultName is the name of the feed into which records are imported if no name is given.
	DefaultName = "local"
)

// Limits of the settings.
const (
	minEvery  = time.Minute
	maxEvery  = 30 * 24 * time.Hour
	maxMaxAge = 366 * 24 * time.Hour
)

// Feed is the configuration of one feed. The fields are the keys of [[feeds]] in the configuration file.
type Feed struct {
	Name string
	// URL or Path is where the server reads the feed: an https URL, or a folder or file on the server. Neither is set for
	// a feed that is imported by hand.
	URL, Path    string
	Every        time.Duration // between two readings
	MaxAge       time.Duration // after which the feed is too old
	WhenOld      string        // Open or Closed
	Malware      string        // DenyMalware or FlagMalware
	CAFile       string
	Proxy        string // URL of an egress proxy, "" for none
	AllowPrivate bool   // allow plain http, and addresses of loopback and private networks

	Declared bool // the configuration file has it
}

// keys are the keys of [[feeds]] in the configuration file, in the order in which they are shown.
var keys = []string{
	"name", "url", "path", "every", "max_age", "when_old", "malware", "ca_file", "proxy", "allow_private",
}

// Keys returns the keys of [[feeds]] in the configuration file, beginning with name.
func Keys() []string { return slices.Clone(keys) }

// Default returns a feed with the default of each setting, without a name and a source.
func Default() Feed {
	return Feed{Every: DefaultEvery, MaxAge: DefaultMaxAge, WhenOld: Open, Malware: DenyMalware}
}

// Set sets the field of a key from a value of a configuration file, a JSON document, or a text. It returns
// fault.Invalid, which names the key, if there is no such key or the value has another type.
func (f *Feed) Set(key string, value any) error {
	text, isText := value.(string)
	switch key {
	case "every", "max_age":
		d, err := span.Parse(text)
		if !isText || err != nil {
			return wrong(key, "it must be a duration, such as 6h or 3d")
		}
		if key == "every" {
			f.Every = d
		} else {
			f.MaxAge = d
		}
		return nil
	case "allow_private":
		on, isOn := value.(bool)
		if !isOn {
			on, isOn = text == "true", isText && (text == "true" || text == "false")
		}
		if !isOn {
			return wrong(key, "it must be true or false")
		}
		f.AllowPrivate = on
		return nil
	}
	at, ok := map[string]*string{
		"name": &f.Name, "url": &f.URL, "path": &f.Path, "when_old": &f.WhenOld, "malware": &f.Malware,
		"ca_file": &f.CAFile, "proxy": &f.Proxy,
	}[key]
	if !ok {
		return wrong(key, "there is no such setting of a feed")
	}
	if !isText {
		return wrong(key, "it must be a text")
	}
	*at = text
	return nil
}

// Value returns the setting of a key as the configuration file has it: a text or a truth value. It returns nil if there
// is no such key. A password in the URL of a proxy is part of it.
func (f Feed) Value(key string) any {
	switch key {
	case "every":
		return span.Text(f.Every)
	case "max_age":
		return span.Text(f.MaxAge)
	case "allow_private":
		return f.AllowPrivate
	}
	text, ok := map[string]string{
		"name": f.Name, "url": f.URL, "path": f.Path, "when_old": f.WhenOld, "malware": f.Malware, "ca_file": f.CAFile,
		"proxy": f.Proxy,
	}[key]
	if !ok {
		return nil
	}
	return text
}

// Shown returns the setting of a key for people, without the password of a proxy.
func (f Feed) Shown(key string) any {
	if key == "proxy" {
		if u, err := url.Parse(f.Proxy); err == nil {
			return u.Redacted()
		}
		return "[secret]"
	}
	return f.Value(key)
}

var validName = regexp.MustCompile(`\A[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?\z`)

// CheckName returns fault.Invalid unless a text can be the name of a feed.
func CheckName(name string) error {
	if !validName.MatchString(name) {
		return wrong("name", "%.80q is not the name of a feed: use lower-case letters, digits and dashes", name)
	}
	return nil
}

// Check returns fault.Invalid, which names the key, if a setting is invalid.
func (f Feed) Check() error {
	if err := CheckName(f.Name); err != nil {
		return err
	}
	if f.URL != "" && f.Path != "" {
		return wrong("path", "feed %s has a url already: set one of them", f.Name)
	}
	if f.URL != "" {
		u, err := url.Parse(f.URL)
		switch {
		case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
			return wrong("url", "%.200q is not an https URL", f.URL)
		case u.User != nil:
			return wrong("url", "it must not contain a password")
		case u.Scheme == "http" && !f.AllowPrivate:
			return wrong("url", "%.200q is not https: set allow_private to allow it", f.URL)
		}
	}
	if f.Proxy != "" {
		if u, err := url.Parse(f.Proxy); err != nil || u.Host == "" {
			return wrong("proxy", "it is not a URL")
		}
	}
	if f.Every < minEvery || f.Every > maxEvery {
		return wrong("every", "%s must be between %s and %s", span.Text(f.Every), span.Text(minEvery), span.Text(maxEvery))
	}
	if f.MaxAge < minEvery || f.MaxAge > maxMaxAge {
		return wrong("max_age", "%s must be between %s and %s", span.Text(f.MaxAge), span.Text(minEvery),
			span.Text(maxMaxAge))
	}
	if f.WhenOld != Open && f.WhenOld != Closed {
		return wrong("when_old", "it must be open or closed")
	}
	if f.Malware != DenyMalware && f.Malware != FlagMalware {
		return wrong("malware", "it must be deny or flag")
	}
	return nil
}

// Fetched reports whether the server reads the feed by itself.
func (f Feed) Fetched() bool { return f.URL != "" || f.Path != "" }

// Source returns where the feed is read, for people.
func (f Feed) Source() string {
	if f.URL != "" {
		return f.URL
	}
	return f.Path
}

// changed returns the keys whose settings differ.
func (f Feed) changed(to Feed) (out []string) {
	for _, key := range keys {
		if f.Value(key) != to.Value(key) {
			out = append(out, key)
		}
	}
	return out
}

func wrong(key, format string, args ...any) error {
	return fault.InField(key, strings.ReplaceAll(key, "%", "%%")+": "+format, args...)
}
