package projects

import (
	"slices"

	"pyindex/internal/route"
)

// Routes returns the pages and forms of the area.
func (s *Section) Routes() []route.Route {
	return slices.Concat(s.homeRoutes(), s.connectRoutes(), s.searchRoutes(), s.projectRoutes(), s.followRoutes())
}
