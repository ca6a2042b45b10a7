package custody

import "fmt"

// Leftover is the error of a completed deletion that left some content in the store. The sweeper deletes it later.
type Leftover struct {
	Objects int // number of remaining objects
	Deleted string
}

func (l *Leftover) Error() string { return l.Deleted + "; " + l.Rest() }

// Rest describes the remaining objects.
func (l *Leftover) Rest() string {
	objects := fmt.Sprintf("%d stored objects", l.Objects)
	if l.Objects == 1 {
		objects = "1 stored object"
	}
	return objects + " could not be removed now, and the sweeper will remove them later"
}
