// Package web is the pages for people: server-rendered, working without JavaScript, under a policy that allows no
// inline script or style.
//
// This package only joins the areas. An area is a package below it (projects, manage, publishing, account, admin, help)
// whose Section has the pages of one subject. It gets a ui.Kit and the two or three services that it uses, and returns
// its rows from Routes. No area imports another: what two of them use is in web/ui, web/letters or web/auditlog.
//
// # Conventions
//
// A page is a Go file of its area named after its noun (projects/project.go), a template of the same name
// (templates/project.html) and a view struct beside the handler that embeds ui.Frame:
//
//	type projectView struct {
//		ui.Frame
//		Project catalog.Project
//	}
//
//	func (s *Section) project(w http.ResponseWriter, r *http.Request, who access.Caller) error {
//		v := projectView{Frame: s.Frame(r, who, "demo")}
//		…
//		return s.Render(w, http.StatusOK, "project", &v)
//	}
//
// Auth of a row is route.Visitor (anybody: signing in), route.Page (readers; a closed index asks to sign in) or
// route.Signed. Handlers call the middle ring once, with who; it decides what may be seen. A returned error becomes a
// page in words (ui/fail.go): fault.NotFound is 404, fault.Denied 403, fault.Unauthenticated leads to the sign-in page
// and back. Anything else is 500 with the request's id.
//
// Links begin with {{.Root}}, the base path and, in another repository than main, /r/NAME; with {{.Base}} where the
// page exists once for the whole index (account, admin, help, login). Tree: true makes a route answer in every
// repository; ui.Repository(r) is its name, "" for main.
//
// Forms are read into a ui.Form. A mistake shows the same page again, status 422, with what was typed and the message
// beside its field: Form.Errs, then Field values through Form.Field. Success is s.Done: 303 to a page, with a message
// that is shown there once. A secret that is shown once is the exception: it is rendered in the answer itself.
// GET changes nothing. Dangerous acts ask s.Confirmed(who) first; it leads to /confirm/ and back.
//
// Templates use the parts in templates/parts: "field", "block" (something to paste, with a copy button: {{template
// "block" (paste "pip" .Command)}}), "pages" (paging), "tabs", "notice". Functions for words: when, date, size, count,
// plural, short. Nothing is marked as safe HTML but what internal/readme returns. No style attributes, no inline
// handlers; icons are <svg> in parts/icon.html, always with text.
//
// The stylesheet is the files of static/css one after the other; tokens (00) and components (20) first, then a file for
// an area where components do not do. A script is a file of static/js, named in Frame.Scripts; index.js is on every
// page: copy buttons, "/" to the search box, filter as you type, confirming what cannot be undone. Pages never depend
// on one.
//
// # Promises
//
// Pages look at sessions alone. Private pages are not stored by caches. Whatever a package, a person or a token says is
// text: html/template escapes it.
package web
