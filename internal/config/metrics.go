package config

import (
	"fmt"
	"net"
	"strconv"

	"pyindex/internal/access"
)

type metricsConfig struct {
	Listen    string `placeholder:"ADDRESS:PORT" help:"Address and port of a listener of its own for /metrics, by plain http, such as 127.0.0.1:9090 (default: none). An address that other machines reach needs metrics.token_file."`
	TokenFile string `name:"token-file" placeholder:"FILE" help:"File with a token of at least 20 characters. With it, /metrics is also on the main listener, for requests with the token as Authorization: Bearer. The listener of its own then requires it too."`
}

// shortestToken is the shortest metrics token in characters. Nothing limits how often one may guess it.
const shortestToken = 20

// On reports whether the server reports metrics.
func (m metricsConfig) On() bool { return m.Listen != "" || m.TokenFile != "" }

// Token returns the metrics token, or "" if there is none.
func (m metricsConfig) Token() (access.Secret, error) {
	if m.TokenFile == "" {
		return "", nil
	}
	text, err := readSecret("metrics.token_file", m.TokenFile)
	if err != nil {
		return "", err
	}
	if len(text) < shortestToken {
		return "", fmt.Errorf("metrics.token_file: the token must have at least %d characters: create one with openssl rand -hex 32",
			shortestToken)
	}
	for _, c := range text {
		if c <= ' ' || c > '~' {
			return "", fmt.Errorf("metrics.token_file: the token must be one line of printable ASCII characters without blanks")
		}
	}
	return access.Secret(text), nil
}

func (c *Config) checkMetrics() error {
	m := c.Metrics
	if m.Listen != "" {
		host, port, err := net.SplitHostPort(m.Listen)
		if _, e := strconv.ParseUint(port, 10, 16); err != nil || e != nil {
			return fmt.Errorf("metrics.listen: %q is not an address with a port: write for example 127.0.0.1:9090", m.Listen)
		}
		if !Loopback(host) && m.TokenFile == "" {
			return fmt.Errorf("metrics.listen: other machines can reach %s: set metrics.token_file too, or listen on 127.0.0.1",
				m.Listen)
		}
	}
	_, err := m.Token()
	return err
}
