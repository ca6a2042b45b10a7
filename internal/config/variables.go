package config

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
)

// clientVariables are the variables beginning with INDEX_ that the manual uses for other purposes than settings.
var clientVariables = []string{"INDEX_ID_TOKEN", "INDEX_TOKEN", "INDEX_URL"}

// serviceLink matches the variables that Kubernetes and old Docker links add to containers for a service whose name
// begins with "index". The value of a …_PORT is a URL.
var serviceLink = regexp.MustCompile(
	`^INDEX_(\w+_)?(SERVICE_HOST=|SERVICE_PORT(_\w+)?=\d+$|PORT(_\d+_(TCP|UDP|SCTP))?=(tcp|udp|sctp)://|PORT_\d+_(TCP|UDP|SCTP)_(PROTO|PORT|ADDR)=)`)

// UnknownVariables returns a warning for each environment variable that begins with INDEX_ but is no setting. It is not
// an error because other programs set such variables too: Kubernetes does for a service called index, whose variables
// are not reported.
func UnknownVariables() ([]string, error) {
	k, err := model()
	if err != nil {
		return nil, err
	}
	known := append(keysOf(k), "config")
	isKnown := func(name string) bool {
		return slices.ContainsFunc(known, func(key string) bool { return variableOf(key) == name })
	}
	var warnings []string
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, "INDEX_") || strings.HasPrefix(name, "INDEX_TEST_") || isKnown(name) ||
			slices.Contains(clientVariables, name) || serviceLink.MatchString(pair) {
			continue
		}
		text := fmt.Sprintf("the environment variable %s is not a setting and has no effect", name)
		if near := nearest(strings.ToLower(strings.TrimPrefix(name, "INDEX_")), known); near != "" {
			text += "; did you mean " + variableOf(near) + "?"
		}
		warnings = append(warnings, text)
	}
	slices.Sort(warnings)
	return warnings, nil
}

// variableOf returns the environment variable of a key.
func variableOf(key string) string {
	return "INDEX_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}
