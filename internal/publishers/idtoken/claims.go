package idtoken

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"pyindex/internal/publishers/exchange"
	"pyindex/internal/workload"
)

var standard = []string{"iss", "aud", "exp", "iat", "nbf", "jti"}

// checkNames rejects misspelled standard claims such as "AUD". RFC 7519 distinguishes case, but encoding/json and
// similar decoders do not when they fill a struct.
func checkNames(c workload.Claims) error {
	for name := range c {
		for _, s := range standard {
			if name != s && strings.EqualFold(name, s) {
				return fmt.Errorf("its claim %s is nearly %q", show(name), s)
			}
		}
	}
	return nil
}

// checkAudience returns the audience of the token if it is one of want. It rejects lists, because one recipient of a
// token for two could use it at the other. If list is true, it accepts a list of one string, which is how Kubernetes
// writes the audience.
func checkAudience(c workload.Claims, want []string, list bool) (string, error) {
	got, ok := c["aud"].(string)
	if all, is := c["aud"].([]any); list && is && len(all) == 1 {
		got, ok = all[0].(string)
	}
	var names []string
	for _, w := range want {
		names = append(names, strconv.Quote(w))
	}
	if !ok {
		return "", fmt.Errorf("its audience (aud) is %s; it must be the single string %s", show(c["aud"]),
			strings.Join(names, " or "))
	}
	if !slices.Contains(want, got) {
		return "", fmt.Errorf("its audience (aud) is %s, not %s", show(got), strings.Join(names, " or "))
	}
	return got, nil
}

// checkTimes compares exp, iat and nbf with the current time, with exchange.Leeway for clock differences. most is the
// longest remaining lifetime of a token: a used token is remembered until it expires.
func checkTimes(c workload.Claims, now time.Time, most time.Duration) error {
	exp, err := seconds(c, "exp")
	if err != nil {
		return err
	}
	iat, err := seconds(c, "iat")
	if err != nil {
		return err
	}
	if !now.Before(exp.Add(exchange.Leeway)) {
		return fmt.Errorf("it expired (exp) at %s", stamp(exp))
	}
	if exp.After(now.Add(most)) {
		return fmt.Errorf("it expires (exp) at %s, more than %d hours ahead: request a token with a shorter lifetime, "+
			"or shorten the timeout of the job if its tokens last as long", stamp(exp), most/time.Hour)
	}
	if iat.After(now.Add(exchange.Leeway)) {
		return fmt.Errorf("it was issued (iat) in the future, at %s; is a clock wrong?", stamp(iat))
	}
	if exp.Before(iat) {
		return fmt.Errorf("it expires (exp) before it was issued (iat)")
	}
	return checkNotBefore(c, now)
}

func checkNotBefore(c workload.Claims, now time.Time) error {
	if _, ok := c["nbf"]; !ok {
		return nil
	}
	nbf, err := seconds(c, "nbf")
	if err != nil {
		return err
	}
	if nbf.After(now.Add(exchange.Leeway)) {
		return fmt.Errorf("it is not valid before (nbf) %s; is a clock wrong?", stamp(nbf))
	}
	return nil
}

// seconds parses a time. RFC 7519 allows fractions, but the issuers send whole seconds. Accepting only those avoids
// ambiguous spellings such as "1e400", "17.9" or "-1".
func seconds(c workload.Claims, name string) (time.Time, error) {
	n, ok := c[name].(json.Number)
	if !ok {
		return time.Time{}, fmt.Errorf("its %s is %s, not a number of seconds", name, show(c[name]))
	}
	s, err := strconv.ParseUint(n.String(), 10, 40)
	if err != nil {
		return time.Time{}, fmt.Errorf("its %s is %s, not a whole number of seconds since 1970", name, show(n))
	}
	return time.Unix(int64(s), 0), nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
