// Package web serves the pages for people. They are rendered on the server, work without JavaScript, and comply with a
// content policy that forbids inline scripts and styles.
//
// This package only joins the areas. An area is a package below it (projects, manage, publishing, account, admin, help)
// whose Section serves the pages of one subject. It gets a ui.Kit and the two or three services that it uses, and
// returns its routes from Routes. Areas do not import each other; code that two areas need is in web/ui, web/letters or
// web/auditlog.
//
// # Conventions
//
// A page is a Go file in its area named after its noun (projects/project.go), a template of the same name
// (templates/project.html), and a view struct next to the handler that embeds ui.Frame:
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
// Auth of a route is route.Visitor (everyone, for example to sign in), route.Page (readers; a private index requires
// signing in) or route.Signed. Handlers pass the caller to the internal packages, which check the permissions. A
// returned error becomes a page (ui/fail.go): fault.NotFound is 404, fault.Denied is 403, and fault.Unauthenticated
// redirects to the sign-in page and back. Other errors are 500 with the request ID.
//
// Links begin with {{.Root}}: the base path, followed by /r/NAME in repositories other than main. Links to pages that
// exist once per index (account, admin, help, login) begin with {{.Base}}. Tree: true makes a route available in every
// repository; ui.Repository(r) returns its name, "" for main.
//
// Forms are read into a ui.Form. If a value is invalid, the handler shows the same page with status 422, the values and
// a message next to each invalid field (Form.Wrong, Form.Field). After a success, s.Done redirects (303) to a page that
// shows a notice once. A secret is the exception: the response to the form shows it. GET changes nothing. Sensitive
// actions call s.Confirmed(who) first, which leads to /confirm/ and back.
//
// Templates use the parts in templates/parts: "field", "block" (text to copy: {{template "block" (paste "pip"
// .Command)}}), "pages", "tabs" and "notice". They format values with when, date, size, count, plural and short. Only
// the output of internal/readme is trusted as HTML. There are no style attributes and no inline handlers; icons are SVG
// elements in parts/icon.html, always next to text.
//
// The stylesheet is the concatenation of the files in static/css: tokens (00), base (10) and components (20), then one
// file per area. A script is a file of static/js, named in Frame.Scripts. index.js is on every page: copy buttons, the
// "/" key, list filters and typed confirmations. Pages never depend on a script.
//
// # Promises
//
// Pages accept only sessions, not tokens. Private pages are not cached. All text from packages, users and tokens is
// escaped by html/template.
package web
