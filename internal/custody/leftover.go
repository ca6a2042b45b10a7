package custody

import "fmt"

// Leftover is the error of a deletion that is done, but whose bytes could not all be removed from the store now. The
// sweeper removes them later.
type Leftover struct {
	Objects int // that are still there
	Deleted string
}

func (l *Leftover) Error() string { return l.Deleted + "; " + l.Rest() }

// Rest says what is left.
func (l *Leftover) Rest() string {
	objects := fmt.Sprintf("%d stored objects", l.Objects)
	if l.Objects == 1 {
		objects = "1 stored object"
	}
	return objects + " could not be removed now, and the sweeper will remove them later"
}
