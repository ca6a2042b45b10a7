package upkeep

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"pyindex/internal/config"
)

// journal is a file that records the verified objects of a migration or check, so that the next run can skip them. The
// first line identifies the target; a journal of another target is discarded. If lines are lost, the next run only
// verifies those objects again.
type journal struct {
	mu   sync.Mutex
	file *os.File
	done map[string]int64
}

// openJournal reads the journal of target, or starts a new one.
func openJournal(path string, target *config.Config) (*journal, error) {
	rows, err := target.DatabaseURL()
	if err != nil {
		return nil, err
	}
	bytes, err := target.StorageURL()
	if err != nil {
		return nil, err
	}
	place := fmt.Sprintf("to %x", sha256.Sum256([]byte(rows+"\n"+bytes)))
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	j := &journal{file: f, done: map[string]int64{}}
	if err := j.read(place); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return j, nil
}

func (j *journal) read(place string) error {
	s := bufio.NewScanner(j.file)
	if !s.Scan() || s.Text() != place {
		if err := errors.Join(s.Err(), j.file.Truncate(0)); err != nil {
			return err
		}
		_, err := j.file.WriteAt([]byte(place+"\n"), 0)
		if err == nil {
			_, err = j.file.Seek(0, 2)
		}
		return err
	}
	for s.Scan() {
		var key string
		var size int64
		// a truncated line has no dot at its end
		if n, _ := fmt.Sscanf(s.Text(), "%s %d.", &key, &size); n == 2 && strings.HasSuffix(s.Text(), ".") {
			j.done[key] = size
		}
	}
	if _, err := j.file.Seek(0, 2); err != nil {
		return err
	}
	_, err := j.file.WriteString("\n") // terminates a truncated line
	return errors.Join(s.Err(), err)
}

func (j *journal) has(key string) (int64, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	size, ok := j.done[key]
	return size, ok
}

func (j *journal) add(key string, size int64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.done[key] = size
	_, err := fmt.Fprintf(j.file, "%s %d.\n", key, size)
	return err
}

func (j *journal) close() error { return j.file.Close() }
