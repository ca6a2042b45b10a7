package db

// MaxJoined is the largest number of updates in one transaction.
const MaxJoined = maxJoined

// Waiting returns the number of updates that wait for their turn.
func (d *DB) Waiting() int {
	d.line.mu.Lock()
	defer d.line.mu.Unlock()
	return len(d.line.waiting)
}
