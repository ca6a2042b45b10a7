package jsonapi

import (
	"cmp"
	"net/url"
	"strings"

	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
)

// info is a release's core metadata under PyPI's key names.
type info struct {
	Author                 *string           `json:"author"`
	AuthorEmail            *string           `json:"author_email"`
	BugtrackURL            *string           `json:"bugtrack_url"`
	Classifiers            []string          `json:"classifiers"`
	Description            string            `json:"description"`
	DescriptionContentType *string           `json:"description_content_type"`
	DocsURL                *string           `json:"docs_url"`
	DownloadURL            *string           `json:"download_url"`
	Downloads              downloads         `json:"downloads"`
	Dynamic                []string          `json:"dynamic"`
	HomePage               *string           `json:"home_page"`
	ImportNames            []string          `json:"import_names"`
	ImportNamespaces       []string          `json:"import_namespaces"`
	Keywords               *string           `json:"keywords"`
	License                *string           `json:"license"`
	LicenseExpression      *string           `json:"license_expression"`
	LicenseFiles           []string          `json:"license_files"`
	Maintainer             *string           `json:"maintainer"`
	MaintainerEmail        *string           `json:"maintainer_email"`
	Name                   string            `json:"name"`
	PackageURL             string            `json:"package_url"`
	Platform               *string           `json:"platform"`
	ProjectURL             string            `json:"project_url"`
	ProjectURLs            map[string]string `json:"project_urls"`
	ProvidesExtra          []string          `json:"provides_extra"`
	ReleaseURL             string            `json:"release_url"`
	RequiresDist           []string          `json:"requires_dist"`
	RequiresPython         *string           `json:"requires_python"`
	Summary                *string           `json:"summary"`
	Version                string            `json:"version"`
	Yanked                 bool              `json:"yanked"`
	YankedReason           *string           `json:"yanked_reason"`
}

type downloads struct {
	Day   int `json:"last_day"`
	Month int `json:"last_month"`
	Week  int `json:"last_week"`
}

func (a *API) info(d catalog.ReleaseDetail) info {
	in := stated(d.Metadata)
	page := a.base + tree(d.Project.Repository.Name) + "/project/" + d.Project.Name.String() + "/"
	in.Name = cmp.Or(d.Project.Display, d.Project.Name.String())
	in.Version = d.Release.Version
	in.PackageURL, in.ProjectURL = page, page
	in.ReleaseURL = page + url.PathEscape(d.Release.Version) + "/"
	in.Yanked, in.YankedReason = yank(d.Files)
	return in
}

// stated returns the part of info that comes from the release's own metadata. Missing lists are null, except the
// classifiers.
func stated(m packaging.Metadata) info {
	return info{
		Author: orNull(m.Author), AuthorEmail: orNull(m.AuthorEmail),
		Classifiers: append([]string{}, m.Classifiers...),
		Description: m.Description, DescriptionContentType: orNull(m.DescriptionContentType),
		DownloadURL: orNull(m.DownloadURL), Downloads: downloads{notCounted, notCounted, notCounted},
		Dynamic: m.Dynamic, HomePage: orNull(m.HomePage), ImportNames: m.ImportNames,
		ImportNamespaces: m.ImportNamespaces, Keywords: orNull(m.Keywords),
		License: orNull(m.License), LicenseExpression: orNull(m.LicenseExpression), LicenseFiles: m.LicenseFiles,
		Maintainer: orNull(m.Maintainer), MaintainerEmail: orNull(m.MaintainerEmail),
		Platform: orNull(strings.Join(m.Platforms, ",")), ProjectURLs: projectURLs(m), ProvidesExtra: m.ProvidesExtra,
		RequiresDist: m.RequiresDist, RequiresPython: orNull(m.RequiresPython), Summary: orNull(m.Summary),
	}
}

// projectURLs parses "label, URL" lines. The two older metadata fields are added under PyPI's labels for them.
func projectURLs(m packaging.Metadata) map[string]string {
	var all map[string]string
	add := func(label, address string) {
		if _, taken := all[label]; taken || address == "" {
			return
		}
		if all == nil {
			all = map[string]string{}
		}
		all[label] = address
	}
	for _, line := range m.ProjectURLs {
		if label, address, ok := strings.Cut(line, ","); ok {
			add(strings.TrimSpace(label), strings.TrimSpace(address))
		}
	}
	add("Homepage", m.HomePage)
	add("Download", m.DownloadURL)
	return all
}

// yank reports whether all files of a release are yanked, and returns the first reason.
func yank(files []catalog.File) (bool, *string) {
	var reason string
	for _, f := range files {
		if !f.Yanked {
			return false, nil
		}
		reason = cmp.Or(reason, f.YankedReason)
	}
	return len(files) > 0, orNull(reason)
}
