package config

import (
	"fmt"
	"io"
	"os"
)

// maxLogo is the largest accepted logo, in bytes.
const maxLogo = 64 << 10

// ReadLogo reads the logo. It returns nil if none is configured, and an error that names the setting if the file cannot
// be read or is larger than 64 KiB. It does not check the type of the image.
func (c *Config) ReadLogo() ([]byte, error) {
	if c.Logo == "" {
		return nil, nil
	}
	f, err := os.Open(c.Logo)
	if err != nil {
		return nil, fmt.Errorf("logo: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxLogo+1))
	if err != nil {
		return nil, fmt.Errorf("logo: %w", err)
	}
	if len(b) > maxLogo {
		return nil, fmt.Errorf("logo: %s is larger than 64 KiB", c.Logo)
	}
	return b, nil
}
