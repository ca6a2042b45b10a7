package transfer

import (
	"context"
	"encoding/json"
	"fmt"

	"pyindex/internal/access"
	"pyindex/internal/fault"
)

// ListedImport is an import with the name of its repository and the summary of its last run.
type ListedImport struct {
	Import
	Repository string // "" if it was removed
	Last       Summary
}

// List returns all imports, the one that was started last at the end. It returns fault.Denied unless the caller is an
// administrator.
func List(ctx context.Context, s Store, who access.Caller) (out []ListedImport, err error) {
	if !who.Admin() {
		return nil, fault.New(fault.Denied, "only an administrator may list imports")
	}
	err = s.View(ctx, func(tx Tx) error {
		out = nil
		all, err := tx.Imports(ctx)
		if err != nil {
			return err
		}
		repositories, err := tx.Repositories(ctx)
		if err != nil {
			return err
		}
		names := map[string]string{}
		for _, r := range repositories {
			names[r.ID] = r.Name
		}
		for _, i := range all {
			l := ListedImport{Import: i, Repository: names[i.RepositoryID]}
			if err := json.Unmarshal([]byte(i.Summary), &l.Last); err != nil {
				return fmt.Errorf("the summary of import %s: %w", i.ID, err)
			}
			out = append(out, l)
		}
		return nil
	})
	return out, err
}

// Err returns an error if the source did not yield some files, so that the import is not complete.
func (s *Summary) Err() error {
	if s.Failed == 0 {
		return nil
	}
	return fmt.Errorf("%s could not be read: run the import again", count(s.Failed, "file"))
}
