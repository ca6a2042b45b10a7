package pages

import "time"

// SetWaits shortens the times that callers wait.
func (p *Pages) SetWaits(client, slow, replica time.Duration) {
	p.wait.client, p.wait.slow, p.wait.replica = client, slow, replica
	p.wait.poll = 5 * time.Millisecond
}

// Settle waits until nothing is going on in the background.
func (p *Pages) Settle() { p.working.Wait() }

// Lower is lower.
func Lower(a, b string) bool { return lower(a, b) }

// InMemory returns the number of pages in memory and their weight, and the number of absent projects.
func (p *Pages) InMemory() (n int, weight int64, absent int) {
	n, weight = p.records.size()
	absent, _ = p.absent.size()
	return n, weight, absent
}
