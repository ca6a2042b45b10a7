package files

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/policy"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/page"
)

// Startup are the start-up files of a wheel, which run code whenever Python starts. It is zero if there are none.
type Startup struct {
	New   string // the first one that no earlier version of the project has
	Known string // the first one that an earlier version has, too
}

// Unreadable stands for the start-up files of a wheel that cannot be examined, because readers of zip files would
// disagree about its content.
const Unreadable = "code in an archive that cannot be read"

// found is what was found in a wheel, as its row has it in JSON.
type found struct {
	Files      []string `json:"files,omitempty"`
	Unreadable bool     `json:"unreadable,omitempty"`
	Judged     bool     `json:"judged,omitempty"` // it was compared with earlier versions
	New        string   `json:"new,omitempty"`    // the first file that no earlier version has
	Known      string   `json:"known,omitempty"`  // the first file that an earlier version has
	Since      string   `json:"since,omitempty"`  // that version
	// Unsure is set if there is an earlier version that could not be examined.
	Unsure bool `json:"unsure,omitempty"`
}

// maxFound is the largest number of start-up files that a wheel may have to be compared with others.
const maxFound = 100

func (x found) text() string {
	b, err := json.Marshal(x)
	if err != nil {
		panic(err) // it has texts only
	}
	return string(b)
}

// any reports whether the wheel has start-up files, or may have some.
func (x found) any() bool { return len(x.Files) > 0 || x.Unreadable }

// found returns what was found in the file of a row, and whether it was examined.
func (r Row) found() (x found, examined bool) {
	if r.Startup == "" {
		return found{}, false
	}
	err := json.Unmarshal([]byte(r.Startup), &x)
	return x, err == nil
}

// startup returns what callers learn of x. What was not compared counts as new.
func (x found) startup() Startup {
	switch {
	case !x.any():
		return Startup{}
	case x.Unreadable:
		return Startup{New: Unreadable}
	case !x.Judged:
		return Startup{New: x.Files[0]}
	}
	return Startup{New: x.New, Known: x.Known}
}

// Examined returns the start-up files that were found in a project's wheels, by path. The text differs whenever they
// do, and is "" if there are none. Wheels are examined when they are downloaded, so that others may have some.
// Another process may know more for some seconds.
func (f *Files) Examined(ctx context.Context, u upstream.Upstream, project packaging.ProjectName,
) (map[string]Startup, string, error) {
	k, now := projectKey{u.Name, project.String()}, f.o.Now()
	return f.examined.get(k, now, now.Add(-f.times.row), func() (map[string]Startup, string, error) {
		return f.readExamined(ctx, u, project)
	})
}

// readExamined is Examined from the rows. Wheels that could not be compared yet are compared in the background.
func (f *Files) readExamined(ctx context.Context, u upstream.Upstream, project packaging.ProjectName,
) (out map[string]Startup, text string, err error) {
	var unsure []Row
	err = f.store.View(ctx, func(tx Tx) error {
		out, text, unsure = nil, "", nil
		rows, err := tx.ExaminedUpstreamFiles(ctx, u.Name, project.String())
		if err != nil {
			return err
		}
		h := sha256.New()
		for _, r := range rows {
			what, _ := r.found()
			if !what.any() || !what.Judged {
				continue
			}
			if what.Unsure {
				unsure = append(unsure, r)
			}
			if out == nil {
				out = map[string]Startup{}
			}
			out[r.Path] = what.startup()
			fmt.Fprintln(h, r.Path, out[r.Path])
		}
		if out != nil {
			text = hex.EncodeToString(h.Sum(nil)[:8])
		}
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	unsure = slices.DeleteFunc(unsure, func(r Row) bool { return f.o.Offline || f.o.Page == nil || !f.mayTry(r.Key) })
	if len(unsure) > 0 && f.base.Err() == nil {
		f.work.Go(func() { f.judgeAgain(f.base, u, project, unsure) })
	}
	return out, text, nil
}

// mayServe asks whether a file may be served to a caller who does not know all about it: it has start-up files, or
// another digest than stated, which is the one that the caller knows, "" if none.
func (f *Files) mayServe(ctx context.Context, u upstream.Upstream, file page.File, stated string, s Startup) error {
	if s == (Startup{}) && file.SHA256 == stated {
		return nil
	}
	if f.o.MayServe == nil {
		if s.New == "" {
			return nil
		}
		held := policy.Decision{Verdict: policy.Hold, Rule: policy.RuleStartup, Detail: s.New}
		return fault.New(fault.Denied, "%s", held.Text())
	}
	project, err := packaging.ParseProjectName(projectOf(file))
	if err != nil {
		return err
	}
	return f.o.MayServe(ctx, u, project, file, s)
}
