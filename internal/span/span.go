// Package span reads and writes durations as settings have them: as Go does, or as a number of days.
package span

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// MaxDays is the largest number of days in a text.
const MaxDays = 36500

// Day is 24 hours.
const Day = 24 * time.Hour

// Parse returns the duration of a text such as "90s", "24h" or "30d". It returns an error if the text is none, or a
// number of days below 0 or above MaxDays.
func Parse(text string) (time.Duration, error) {
	days, ok := strings.CutSuffix(text, "d")
	if !ok {
		return time.ParseDuration(text)
	}
	n, err := strconv.ParseInt(days, 10, 64)
	if err != nil || n < 0 || n > MaxDays {
		return 0, fmt.Errorf("%q is not a number of days", days)
	}
	return time.Duration(n) * Day, nil
}

// Text returns the duration as Parse takes it: whole days in days, others without units that are 0.
func Text(d time.Duration) string {
	if d > 0 && d%Day == 0 && d/Day <= MaxDays {
		return strconv.FormatInt(int64(d/Day), 10) + "d"
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
