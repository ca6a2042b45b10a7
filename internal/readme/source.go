package readme

import (
	"net/url"
	"path"
	"regexp"
	"strings"
)

// Source is the folder of a repository at a forge to which the relative addresses of a text refer. The zero Source
// resolves none.
type Source struct {
	root       *url.URL // of the repository
	folder     string   // within the repository, "" for its root
	file, data string   // paths of a file's page and of its content, before its path in the repository
}

// forge describes the URLs of files at one kind of forge. In them, HEAD is the default branch.
type forge struct {
	hosts      *regexp.Regexp
	repository *regexp.Regexp // the path of a repository, then optionally a ref and a folder
	file, data string         // with REF for the ref
}

var forges = []forge{
	{
		hosts:      regexp.MustCompile(`\A(www\.)?github\.`),
		repository: regexp.MustCompile(`\A(/[^/]+/[^/]+?)(?:\.git)?(?:/(?:tree|blob)/([^/]+)(/.*)?)?/*\z`),
		file:       "/blob/REF/",
		data:       "/raw/REF/",
	},
	{
		hosts:      regexp.MustCompile(`\Agitlab\.`),
		repository: regexp.MustCompile(`\A((?:/[^/]+){2,20}?)(?:\.git)?(?:/-/(?:tree|blob)/([^/]+)(/.*)?)?/*\z`),
		file:       "/-/blob/REF/",
		data:       "/-/raw/REF/",
	},
	{ // Gitea and its descendants
		hosts:      regexp.MustCompile(`\A(codeberg\.org|(gitea|forgejo)\..*)\z`),
		repository: regexp.MustCompile(`\A(/[^/]+/[^/]+?)(?:\.git)?(?:/src/branch/([^/]+)(/.*)?)?/*\z`),
		file:       "/src/branch/REF/",
		data:       "/raw/branch/REF/",
	},
	{
		hosts:      regexp.MustCompile(`\Abitbucket\.org\z`),
		repository: regexp.MustCompile(`\A(/[^/]+/[^/]+?)(?:\.git)?(?:/src/([^/]+)(/.*)?)?/*\z`),
		file:       "/src/REF/",
		data:       "/raw/REF/",
	},
}

// maxSourceURL is the largest length of a URL that SourceOf reads, in bytes.
const maxSourceURL = 2_000

// SourceOf returns the first of the URLs that is a repository, or a folder of one, at GitHub, GitLab, Codeberg,
// Bitbucket, or a server whose name begins with github., gitlab., gitea. or forgejo. It returns the zero Source if
// there is none.
func SourceOf(urls ...string) Source {
	for _, s := range urls {
		u, err := url.Parse(strings.TrimPrefix(strings.TrimSpace(s), "git+"))
		if err != nil || len(s) > maxSourceURL || u.Scheme != "https" && u.Scheme != "http" || u.User != nil {
			continue
		}
		host := strings.ToLower(u.Hostname())
		for _, f := range forges {
			m := f.repository.FindStringSubmatch(u.Path)
			if !f.hosts.MatchString(host) || m == nil || strings.Contains(m[1], "/-/") ||
				notRepositories[strings.Split(m[1], "/")[1]] {
				continue
			}
			ref := url.PathEscape(m[2])
			if ref == "" {
				ref = "HEAD"
			}
			return Source{
				root:   &url.URL{Scheme: u.Scheme, Host: u.Host, Path: m[1]},
				folder: strings.Trim(m[3], "/"),
				file:   strings.Replace(f.file, "REF", ref, 1),
				data:   strings.Replace(f.data, "REF", ref, 1),
			}
		}
	}
	return Source{}
}

// notRepositories are the first parts of paths at forges that do not belong to an owner.
var notRepositories = map[string]bool{
	"sponsors":    true,
	"orgs":        true,
	"marketplace": true,
	"users":       true,
	"topics":      true,
}

// Link returns the page of a file that the text refers to, or "" if the address leads out of the repository.
func (s Source) Link(relative string) string { return s.resolve(relative, s.file) }

// Raw returns the URL of a file's content, or "" if the address leads out of the repository.
func (s Source) Raw(relative string) string { return s.resolve(relative, s.data) }

func (s Source) resolve(relative, part string) string {
	u, err := url.Parse(relative)
	if s.root == nil || err != nil || u.Scheme != "" || u.Host != "" || u.Opaque != "" || u.Path == "" {
		return ""
	}
	at := path.Join(s.folder, u.Path)
	if strings.HasPrefix(u.Path, "/") {
		at = strings.TrimPrefix(path.Clean(u.Path), "/")
	}
	if at == ".." || strings.HasPrefix(at, "../") {
		return ""
	}
	if at == "" || at == "." {
		return s.root.String()
	}
	target := url.URL{Path: at, RawQuery: u.RawQuery, Fragment: u.Fragment, RawFragment: u.RawFragment}
	return s.root.String() + part + strings.TrimPrefix(target.String(), "./")
}
