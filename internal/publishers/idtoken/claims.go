package idtoken

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"pyindex/internal/publishers/exchange"
	"pyindex/internal/workload"
)

// maxAhead bounds how long a token may still be good for. Jobs end within it; a token of a hundred years would have to
// be remembered as long.
const maxAhead = 24 * time.Hour

var standard = []string{"iss", "aud", "exp", "iat", "nbf", "jti"}

// checkNames refuses a standard claim in other letters, such as "AUD". RFC 7519 tells them apart; encoding/json and
// others like it do not when they fill a struct.
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

// checkAudience refuses a list, even one that names us alone: a token that is meant for two can be used at the second
// by the first. With list, one of a single text is that text: Kubernetes never writes it otherwise.
func checkAudience(c workload.Claims, want string, list bool) error {
	got, ok := c["aud"].(string)
	if all, is := c["aud"].([]any); list && is && len(all) == 1 {
		got, ok = all[0].(string)
	}
	if !ok {
		return fmt.Errorf("its audience (aud) is %s; it must be the single string %q", show(c["aud"]), want)
	}
	if got != want {
		return fmt.Errorf("its audience (aud) is %s, not %q", show(got), want)
	}
	return nil
}

// checkTimes compares exp, iat and nbf with the time now, with exchange.Leeway for clocks that differ.
func checkTimes(c workload.Claims, now time.Time) error {
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
	if exp.After(now.Add(maxAhead)) {
		return fmt.Errorf("it expires (exp) at %s, more than %v ahead", stamp(exp), maxAhead)
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

// seconds reads a time. RFC 7519 would allow fractions; our issuers send whole seconds, and one spelling is safer than
// many: no "1e400", no "17.9", no "-1", no string.
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
