package upkeep

import (
	"strings"

	"pyindex/internal/app"
	"pyindex/internal/catalog"
	"pyindex/internal/storage/db"
	"pyindex/internal/terminal"
)

// limitsNamed is the number of repositories and projects that the doctor names.
const limitsNamed = 3

// limits reports repositories and projects that use at least 80 % of their size limit.
func (d *localDoctor) limits(rows *db.DB) {
	const check = "limits"
	x := catalog.New(rows.Catalog(), nil, catalog.Options{Limits: d.Config.Limits.Catalog()})
	near, err := x.NearLimits(d.Ctx, app.Operator())
	if err != nil {
		d.found.Fail(check, "", "%s", said(err))
		return
	}
	if len(near) == 0 {
		d.found.OK(check, "no repository or project uses 80 %% of its size limit")
		return
	}
	var first []string
	for _, u := range near[:min(len(near), limitsNamed)] {
		first = append(first, u.String())
	}
	text := strings.Join(first, "; ")
	if more := len(near) - len(first); more > 0 {
		text += "; and " + terminal.Plural(int64(more), "other")
	}
	d.found.Warn(check, "Delete files that are no longer needed, or raise the limit: "+near[0].Raise()+
		"\nThe Storage page lists all of them.", "%s", text)
}
