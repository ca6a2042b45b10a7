package admin

import (
	"net/http"

	"pyindex/internal/route"
	"pyindex/web/ui"
)

// Routes returns the pages and forms of the area.
func (s *Section) Routes() []route.Route {
	var rows []route.Route
	for path, h := range map[string]route.Handler{
		"/admin/":                         s.adminOverview,
		"/admin/users/":                   s.adminUsers,
		"/admin/user/:user/":              s.adminUser,
		"/admin/groups/":                  s.adminGroups,
		"/admin/group/:group/":            s.adminGroup,
		"/admin/service-accounts/":        s.adminServices,
		"/admin/grants/":                  s.adminGrants,
		"/admin/tokens/":                  s.adminTokens,
		"/admin/repositories/":            s.adminRepositories,
		"/admin/names/":                   s.adminNames,
		"/admin/repository/:name/bases/":  s.adminBases,
		"/admin/repository/:name/policy/": s.adminServed,
		"/admin/upstreams/":               s.adminUpstreams,
		"/admin/upstream/:upstream/":      s.adminUpstream,
		"/admin/issuers/":                 s.adminIssuers,
		"/admin/storage/":                 s.adminStorage,
		"/admin/health/":                  s.adminHealth,
		"/admin/audit/":                   s.adminAudit,
		"/admin/audit/export":             s.adminExport,
		"/admin/settings/":                s.adminSettings,
		"/admin/lockout/:kind/:subject/":  s.adminLockout,
		"/admin/quarantine/":              s.adminQuarantine,
	} {
		rows = append(rows, route.Route{Method: http.MethodGet, Path: path, Auth: route.Signed, Handle: h})
	}
	forms := map[string]ui.FormHandler{
		"/admin/users/":         s.adminInvite,
		"/admin/users/approve/": s.adminApprove,

		"/admin/user/:user/disable/":        s.userForm(s.disable),
		"/admin/user/:user/enable/":         s.userForm(s.enable),
		"/admin/user/:user/promote/":        s.userForm(s.promote),
		"/admin/user/:user/demote/":         s.userForm(s.demote),
		"/admin/user/:user/end-sessions/":   s.userForm(s.endSessions),
		"/admin/user/:user/revoke/":         s.userForm(s.revoke),
		"/admin/user/:user/unlink/":         s.userForm(s.unlink),
		"/admin/user/:user/remove-factors/": s.userForm(s.removeFactors),
		"/admin/user/:user/reset/":          s.resetLink,

		"/admin/groups/":               s.adminAddGroup,
		"/admin/group/:group/add/":     s.addMember,
		"/admin/group/:group/remove/":  s.removeMember,
		"/admin/group/:group/grant/":   s.grantGroup,
		"/admin/group/:group/ungrant/": s.ungrantGroup,
		"/admin/group/:group/delete/":  s.deleteGroup,

		"/admin/service-accounts/":    s.adminAddService,
		"/admin/grants/add/":          s.addGrant,
		"/admin/grants/remove/":       s.removeGrant,
		"/admin/repositories/add/":    s.addRepository,
		"/admin/repositories/change/": s.changeRepository,
		"/admin/repositories/remove/": s.removeRepository,
		"/admin/quarantine/":          s.adminRelease,
		"/admin/names/decide/":        s.decideName,
		"/admin/names/reserve/":       s.reserveNames,
		"/admin/names/unreserve/":     s.unreserveNames,

		"/admin/repository/:name/bases/":    s.changeBases,
		"/admin/repository/:name/policy/":   s.changeServed,
		"/admin/upstreams/add/":             s.addUpstream,
		"/admin/upstream/:upstream/change/": s.changeUpstream,
		"/admin/upstream/:upstream/remove/": s.removeUpstream,
	}
	for path, h := range forms {
		forms[path] = s.Confirming(h)
	}
	forms["/admin/users/uninvite/"] = s.adminUninvite
	forms["/admin/lockout/:kind/:subject/"] = s.adminLockOut // re-authenticates after checking the typed name
	rows = append(rows, s.Forms(forms)...)
	for i := range rows {
		rows[i].Handle = ui.ForAdministrators(rows[i].Handle)
	}
	return rows
}
