package span

import (
	"fmt"
	"time"
)

// Words writes a duration for people, such as "3 days", "36 hours" or "90m".
func Words(d time.Duration) string {
	switch {
	case d%Day == 0:
		return counted(d/Day, "day")
	case d%time.Hour == 0:
		return counted(d/time.Hour, "hour")
	}
	return Text(d)
}

func counted(n time.Duration, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", int64(n), one)
}
