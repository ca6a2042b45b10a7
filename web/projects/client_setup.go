package projects

import (
	"net/http"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/route"
	"pyindex/web/ui"
)

// Tool has the setup instructions of a client.
type Tool struct {
	ID, Name string
	Blocks   []ui.Block
	Note     string
	Token    bool // the blocks hold TOKEN, to be replaced by an API token
}

// tools returns the setup instructions in display order.
func (s *Section) tools(root string) []Tool {
	c := s.Connection(root)
	all := []Tool{
		pip(c), uv(c), poetry(c), pdm(c), pipenv(c), pipConf(c), uvToml(c), dockerfile(c), workflowFile(c, s.GetProgram()),
	}
	if c.Closed {
		for i := range all[:len(all)-1] { // the last is a job, which needs no token
			all[i].Token = true
			if all[i].Note == "" {
				all[i].Note = "Replace TOKEN with an API token with the scope read."
			}
		}
	}
	return all
}

func pip(c ui.Connection) Tool {
	return Tool{ID: "pip", Name: "pip", Blocks: []ui.Block{
		{Label: "Install a package", Text: "pip install --index-url " + c.Signed + " NAME"},
		{Label: "Or for all commands in this shell", Text: "export PIP_INDEX_URL=" + c.Signed},
	}}
}

func uv(c ui.Connection) Tool {
	blocks := []ui.Block{
		{Label: "Add a dependency", Text: "uv add --index internal=" + c.Index + " NAME"},
		{Label: "Or install without a project", Text: "uv pip install --index-url " + c.Signed + " NAME"},
	}
	blocks = append(blocks, ui.Block{
		Label: "Or use it instead of the public index, in pyproject.toml; then run uv lock",
		Text:  "[[tool.uv.index]]\nname = \"internal\"\nurl = \"" + c.Index + "\"\ndefault = true",
	})
	if c.Closed {
		blocks = append([]ui.Block{{
			Label: "Once in this shell", Text: "export UV_INDEX_INTERNAL_USERNAME=__token__ UV_INDEX_INTERNAL_PASSWORD=TOKEN",
		}}, blocks...)
	}
	return Tool{ID: "uv", Name: "uv", Blocks: blocks}
}

func poetry(c ui.Connection) Tool {
	blocks := []ui.Block{{Label: "In your project", Text: "poetry source add --priority=primary internal " + c.Index}}
	if c.Closed {
		blocks = append(blocks,
			ui.Block{Label: "Once on this machine", Text: "poetry config http-basic.internal __token__ TOKEN"})
	}
	return Tool{
		ID: "poetry", Name: "poetry",
		Blocks: append(blocks, ui.Block{Label: "Then", Text: "poetry add --source internal NAME"}),
	}
}

// pdm names the source pypi: beside a source of another name, pdm asks the public index too.
func pdm(c ui.Connection) Tool {
	blocks := []ui.Block{{
		Label: "In pyproject.toml, in place of the public index",
		Text:  "[[tool.pdm.source]]\nname = \"pypi\"\nurl = \"" + c.Index + "\"",
	}}
	if c.Closed {
		blocks = append(blocks, ui.Block{
			Label: "Once on this machine",
			Text:  "pdm config pypi.username __token__\npdm config pypi.password TOKEN",
		})
	}
	return Tool{ID: "pdm", Name: "pdm", Blocks: append(blocks, ui.Block{Label: "Then", Text: "pdm add NAME"})}
}

// pipenv reads credentials from the variables in the URL, and keeps the variables in its lock file.
func pipenv(c ui.Connection) Tool {
	address := c.Index
	blocks := []ui.Block{}
	if c.Closed {
		address = strings.Replace(c.Index, "://", "://__token__:${INDEX_TOKEN}@", 1)
		blocks = append(blocks, ui.Block{Label: "Once in this shell", Text: "export INDEX_TOKEN=TOKEN"})
	}
	blocks = append(blocks,
		ui.Block{
			Label: "In the Pipfile, in place of the public index",
			Text:  "[[source]]\nname = \"internal\"\nurl = \"" + address + "\"\nverify_ssl = true",
		},
		ui.Block{Label: "Then", Text: "pipenv install NAME"})
	return Tool{ID: "pipenv", Name: "pipenv", Blocks: blocks}
}

func pipConf(c ui.Connection) Tool {
	return Tool{ID: "pip.conf", Name: "pip.conf", Blocks: []ui.Block{
		{Label: "~/.config/pip/pip.conf, or %APPDATA%\\pip\\pip.ini", Text: "[global]\nindex-url = " + c.Signed},
	}}
}

func uvToml(c ui.Connection) Tool {
	text := "[[index]]\nname = \"internal\"\nurl = \"" + c.Index + "\"\ndefault = true"
	blocks := []ui.Block{{Label: "~/.config/uv/uv.toml", Text: text}}
	if c.Closed {
		blocks[0].Text += "\nauthenticate = \"always\""
		blocks = append(blocks,
			ui.Block{
				Label: "And in the environment",
				Text:  "export UV_INDEX_INTERNAL_USERNAME=__token__ UV_INDEX_INTERNAL_PASSWORD=TOKEN",
			})
	}
	return Tool{ID: "uv.toml", Name: "uv.toml", Blocks: blocks}
}

func dockerfile(c ui.Connection) Tool {
	if !c.Closed {
		return Tool{
			ID: "docker", Name: "Dockerfile",
			Blocks: []ui.Block{{
				Label: "Dockerfile", Text: "FROM python:3.13-slim\nRUN pip install --index-url " + c.Index + " NAME",
			}},
		}
	}
	signed := strings.Replace(c.Signed, "TOKEN", "$(cat /run/secrets/index_token)", 1)
	return Tool{ID: "docker", Name: "Dockerfile", Blocks: []ui.Block{
		{
			Label: "Dockerfile",
			Text:  "# syntax=docker/dockerfile:1\nFROM python:3.13-slim\nRUN --mount=type=secret,id=index_token \\\n    pip install --index-url \"" + signed + "\" NAME",
		},
		{Label: "Build it", Text: "INDEX_TOKEN=TOKEN docker build --secret id=index_token,env=INDEX_TOKEN ."},
	}, Note: "The token is a build secret and is not stored in the image. Replace TOKEN with an API token with the scope read."}
}

// indent returns text with each line indented.
func indent(text, by string) string { return by + strings.ReplaceAll(text, "\n", "\n"+by) }

func workflowFile(c ui.Connection, program string) Tool {
	if !c.Closed {
		return Tool{
			ID: "github", Name: "GitHub workflow",
			Blocks: []ui.Block{{
				Label: "In a job of .github/workflows/ci.yml",
				Text:  "env:\n  PIP_INDEX_URL: " + c.Index + "\n  UV_DEFAULT_INDEX: " + c.Index,
			}},
		}
	}
	return Tool{ID: "github", Name: "GitHub workflow", Blocks: []ui.Block{
		{
			Label: "In a job of .github/workflows/ci.yml",
			Text: "permissions:\n  contents: read\n  id-token: write\nsteps:\n  - run: |\n" + indent(program, "      ") +
				"\n  - run: index login --url " + c.Root + " --format env --write\n  - run: pip install NAME",
		},
		{
			Label: "Once, by an owner of the project",
			Text:  "index reader add github --project NAME --owner OWNER --repository REPOSITORY --workflow ci.yml",
		},
	}, Note: "The job needs no stored secret: index login exchanges the job's identity token for a short-lived read token."}
}

func (s *Section) connectRoutes() []route.Route {
	return []route.Route{{Method: http.MethodGet, Path: "/ca.pem", Auth: route.Visitor, Handle: s.authority}}
}

// authority serves the public certificate of the server's own certificate authority, so that clients can trust it.
func (s *Section) authority(w http.ResponseWriter, _ *http.Request, _ access.Caller) error {
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
