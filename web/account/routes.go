package account

import (
	"slices"

	"pyindex/internal/route"
)

// Routes returns the pages and forms of the area.
func (s *Section) Routes() []route.Route {
	return slices.Concat(s.loginRoutes(), s.mailRoutes(), s.welcomeRoutes(), s.accountRoutes(), s.passkeyRoutes(),
		s.ssoRoutes(), s.tokenRoutes(), s.serviceRoutes(),
		s.activityRoutes())
}
