package throttle

import (
	"fmt"
	"testing"
	"time"
)

// A stranger with many addresses does not fill the memory and does not displace the addresses in use.
func TestClientsAreBounded(t *testing.T) {
	c, now := NewRate(1), time.Unix(1000, 0)
	c.Wait("busy", now)
	for i := range 3 * maxClients {
		c.Wait(fmt.Sprint(i), now)
		if i%1000 == 0 && c.Wait("busy", now) == 0 {
			t.Fatalf("the busy address was forgotten after %d others", i)
		}
	}
	if kept := c.buckets.Weight(); kept != maxClients {
		t.Errorf("%d addresses are kept, want %d", kept, maxClients)
	}
}
