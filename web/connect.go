package web

import (
	"net/http"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/route"
)

// Tool is a way to install from this index: what to paste, and what to know.
type Tool struct {
	ID, Name string
	Blocks   []Block
	Note     string
}

// tools are the ways to connect, in the order in which they are offered.
func (s *Site) tools(root string) []Tool {
	c := s.connection(root)
	all := []Tool{pip(c), uv(c), poetry(c), pipConf(c), uvToml(c), dockerfile(c), workflowFile(c)}
	if c.closed {
		for i := range all[:6] {
			if all[i].Note == "" {
				all[i].Note = "TOKEN is an API token of yours with the scope read."
			}
		}
	}
	return all
}

func pip(c connection) Tool {
	return Tool{ID: "pip", Name: "pip", Blocks: []Block{
		{"Install a project", "pip install --index-url " + c.signed + " NAME"},
		{"Or for everything in this shell", "export PIP_INDEX_URL=" + c.signed},
	}}
}

func uv(c connection) Tool {
	blocks := []Block{{"Add a project", "uv add --index internal=" + c.index + " NAME"}, {"Or without a project of your own", "uv pip install --index-url " + c.signed + " NAME"}}
	if c.closed {
		blocks = append([]Block{{"Once in this shell", "export UV_INDEX_INTERNAL_USERNAME=__token__ UV_INDEX_INTERNAL_PASSWORD=TOKEN"}}, blocks...)
	}
	return Tool{ID: "uv", Name: "uv", Blocks: blocks}
}

func poetry(c connection) Tool {
	blocks := []Block{{"In your project", "poetry source add --priority=primary internal " + c.index}}
	if c.closed {
		blocks = append(blocks, Block{"Once on this machine", "poetry config http-basic.internal __token__ TOKEN"})
	}
	return Tool{ID: "poetry", Name: "poetry", Blocks: append(blocks, Block{"Then", "poetry add --source internal NAME"})}
}

func pipConf(c connection) Tool {
	return Tool{ID: "pip.conf", Name: "pip.conf", Blocks: []Block{
		{"~/.config/pip/pip.conf, or %APPDATA%\\pip\\pip.ini", "[global]\nindex-url = " + c.signed},
	}}
}

func uvToml(c connection) Tool {
	text := "[[index]]\nname = \"internal\"\nurl = \"" + c.index + "\"\ndefault = true"
	blocks := []Block{{"~/.config/uv/uv.toml", text}}
	if c.closed {
		blocks[0].Text += "\nauthenticate = \"always\""
		blocks = append(blocks, Block{"And in the environment", "export UV_INDEX_INTERNAL_USERNAME=__token__ UV_INDEX_INTERNAL_PASSWORD=TOKEN"})
	}
	return Tool{ID: "uv.toml", Name: "uv.toml", Blocks: blocks}
}

func dockerfile(c connection) Tool {
	if !c.closed {
		return Tool{ID: "docker", Name: "Dockerfile", Blocks: []Block{{"Dockerfile", "FROM python:3.13-slim\nRUN pip install --index-url " + c.index + " NAME"}}}
	}
	signed := strings.Replace(c.signed, "TOKEN", "$(cat /run/secrets/index_token)", 1)
	return Tool{ID: "docker", Name: "Dockerfile", Blocks: []Block{
		{"Dockerfile", "# syntax=docker/dockerfile:1\nFROM python:3.13-slim\nRUN --mount=type=secret,id=index_token \\\n    pip install --index-url \"" + signed + "\" NAME"},
		{"Build it", "INDEX_TOKEN=TOKEN docker build --secret id=index_token,env=INDEX_TOKEN ."},
	}, Note: "The token is a secret of the build: it is in no layer of the image. TOKEN is an API token of yours with the scope read."}
}

func workflowFile(c connection) Tool {
	if !c.closed {
		return Tool{ID: "github", Name: "GitHub workflow", Blocks: []Block{{"In a job of .github/workflows/ci.yml", "env:\n  PIP_INDEX_URL: " + c.index + "\n  UV_DEFAULT_INDEX: " + c.index}}}
	}
	return Tool{ID: "github", Name: "GitHub workflow", Blocks: []Block{
		{"In a job of .github/workflows/ci.yml", "permissions:\n  contents: read\n  id-token: write\nsteps:\n  - run: index login --url " + c.root + " --format env --write\n  - run: pip install NAME"},
		{"Once, by who owns the project here", "index reader add github --project NAME --owner OWNER --repository REPOSITORY --workflow ci.yml"},
	}, Note: "The job needs no stored secret: index login exchanges the job's own identity for a token that reads for some minutes."}
}

func (s *Site) connectRoutes() []route.Route {
	return []route.Route{{Method: http.MethodGet, Path: "/ca.pem", Auth: route.Visitor, Handle: s.authority}}
}

// authority serves the certificate by which clients come to trust a server that made its own. It is no secret.
func (s *Site) authority(w http.ResponseWriter, _ *http.Request, _ access.Caller) error {
	if len(s.o.Authority) == 0 {
		return fault.New(fault.NotFound, "this index has no certificate authority of its own")
	}
	h := w.Header()
	h.Set("Content-Type", "application/x-pem-file")
	h.Set("Content-Disposition", `attachment; filename="index-ca.pem"`)
	h.Set("Cache-Control", "no-cache")
	_, err := w.Write(s.o.Authority)
	return err
}
