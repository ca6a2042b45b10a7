package projects

import (
	"net/http"
	"net/url"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/web/ui"
)

// missing adds links to the error page of a project that is not found: to the project if only the release is missing,
// and otherwise to what creates it. The page is the same for a project that does not exist and for one that is hidden
// from the caller.
func (s *Section) missing(r *http.Request, who access.Caller, name packaging.ProjectName, err error) error {
	if !fault.Is(err, fault.NotFound) {
		return err
	}
	ctx, frame := r.Context(), s.Frame(r, who, "")
	tree := frame.Tree()
	if v, e := s.o.Reader.View(ctx, who, ui.Repository(r), name, s.ask(r)); e == nil && !v.Reserved() {
		shown := name.String()
		if v.Project.ID != "" {
			shown = v.Project.Display
		}
		return ui.Advise(err, ui.Step{Label: "Project page of " + shown, Path: tree + "/project/" + name.String() + "/"},
			ui.Step{Label: "All versions of " + shown, Path: tree + "/project/" + name.String() + "/versions/"})
	}
	repo, e := s.o.Index.Repository(ctx, who, ui.Repository(r))
	if e != nil || !who.Known() {
		return err
	}
	var steps []ui.Step
	if who.MayCreate(repo.Object()) {
		form := url.Values{"project_name": {name.String()}}
		if frame.Repository != "" {
			form.Set("repository_name", frame.Repository)
		}
		steps = append(steps,
			ui.Step{Label: "Upload the first release of " + name.String(), Path: tree + "/manage/upload/"},
			ui.Step{
				Label: "Let a CI workflow create " + name.String() + " (pending publisher)",
				Path:  "/manage/account/publishing/?" + form.Encode(),
			})
	}
	return ui.Advise(err, append(steps, ui.Step{
		Label: "Use a package of the public index beside this one", Path: "/help/public-index/",
	})...)
}
