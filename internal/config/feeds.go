package config

import (
	"fmt"
	"maps"
	"os"
	"slices"

	"pyindex/internal/advisory"
)

// declaredFeed is an entry of [[feeds]]. Its text form is that of an upstream.
type declaredFeed struct{ advisory.Feed }

// UnmarshalText parses and checks the text form.
func (d *declaredFeed) UnmarshalText(text []byte) error {
	values, err := entry(text)
	if err != nil {
		return err
	}
	d.Feed = advisory.Default()
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if err := d.Set(key, values[key]); err != nil {
			return err
		}
	}
	return d.Check()
}

// line describes a feed for administrators: its name and source, then what has another value than the default.
func (d declaredFeed) line() string {
	text, usual := d.Name, advisory.Default()
	if d.Fetched() {
		text += " " + d.Source()
	}
	for _, key := range advisory.Keys() {
		if value := d.Shown(key); key != "name" && key != "url" && key != "path" && value != usual.Shown(key) {
			text += fmt.Sprintf(" %s=%v", key, value)
		}
	}
	return text
}

// FeedList returns the feeds of the configuration.
func (c *Config) FeedList() (out []advisory.Feed) {
	for _, f := range c.Feeds {
		out = append(out, f.Feed)
	}
	return out
}

func (c *Config) checkFeeds() error {
	seen := map[string]bool{}
	for _, f := range c.Feeds {
		if seen[f.Name] {
			return fmt.Errorf("feeds: %s is listed twice", f.Name)
		}
		seen[f.Name] = true
	}
	return nil
}

// checkFeedFiles returns an error if the server cannot read the ca_file of a feed. The path of a feed may appear later.
func (c *Config) checkFeedFiles() error {
	for _, f := range c.Feeds {
		if f.CAFile == "" {
			continue
		}
		in, err := os.Open(f.CAFile)
		if err != nil {
			return fmt.Errorf("feeds: ca_file of %s: %w", f.Name, err)
		}
		in.Close()
	}
	return nil
}
