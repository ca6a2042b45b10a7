package ingest

import (
	"io"

	"pyindex/internal/packaging"
	"pyindex/internal/packaging/archive"
)

// rules returns the rules for the file: those of the policy or, for a legacy file of an import, the mildest ones.
func (a *addition) rules() Policy {
	if !a.legacy {
		return a.intake.policy
	}
	p := PrivatePolicy()
	p.Rules.Legacy, p.Archive.Legacy = true, true
	return p
}

// Examine checks a file of an import by its name and, unless r is nil, its content, without adding anything. It reports
// whether the file is accepted only as a legacy file. It returns fault.Invalid if it is refused.
func (x *Intake) Examine(r io.ReaderAt, size int64, filename string,
	name packaging.ProjectName,
) (legacy bool, err error) {
	try := func(legacy bool) error {
		a := &addition{intake: x, name: name, legacy: legacy}
		if a.filename, err = packaging.ParseFilename(filename, name); err != nil {
			return err
		}
		if err := a.checkSpelling(); err != nil || r == nil {
			return err
		}
		rules := a.rules()
		c, err := archive.Inspect(r, size, a.filename, archive.DefaultLimits(), rules.Archive)
		if err == nil {
			err = c.Parsed.Check(a.filename.Kind(), rules.Rules)
		}
		return err
	}
	if err = try(false); err == nil {
		return false, nil
	}
	if try(true) == nil {
		return true, err
	}
	return false, err
}
