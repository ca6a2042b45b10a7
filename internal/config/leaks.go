package config

import (
	"crypto/ecdsa"
	"fmt"
	"os"

	"pyindex/internal/leakapi"
)

type leaksConfig struct {
	Keys []string `placeholder:"FILE" help:"Public keys (PEM, ECDSA P-256) of services that may report leaked tokens (default: none; reports are not accepted)."`
}

// PublicKeys reads the keys from their files.
func (c leaksConfig) PublicKeys() ([]*ecdsa.PublicKey, error) {
	var keys []*ecdsa.PublicKey
	for _, file := range c.Keys {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("leaks.keys: %w", err)
		}
		some, err := leakapi.ParseKeys(text)
		if err != nil {
			return nil, fmt.Errorf("leaks.keys: %s: %w", file, err)
		}
		keys = append(keys, some...)
	}
	return keys, nil
}

func (c *Config) checkLeaks() error {
	_, err := c.Leaks.PublicKeys()
	return err
}
