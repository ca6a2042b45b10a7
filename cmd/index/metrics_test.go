//go:build !windows

package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"pyindex/internal/access"
)

// scrape requests an address of a fixture with an Authorization header, "" for none.
func (x *fixture) scrape(path, authorization, accept string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, http.NoBody)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	w := httptest.NewRecorder()
	x.server.ServeHTTP(w, r)
	return w
}

// families parses the metrics of a fixture with the parser of Prometheus.
func (x *fixture) families(t *testing.T) map[string]*dto.MetricFamily {
	t.Helper()
	got := x.scrape("/metrics", "Bearer "+metricsToken, "")
	if got.Code != http.StatusOK {
		t.Fatalf("GET /metrics = %d %s", got.Code, got.Body)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	all, err := parser.TextToMetricFamilies(got.Body)
	if err != nil {
		t.Fatalf("the metrics cannot be parsed: %v", err)
	}
	return all
}

// TestMetricsParse: the parser and the linter of Prometheus accept the metrics, whose names and labels follow its
// conventions.
func TestMetricsParse(t *testing.T) {
	x := newFixture(t, "http://h.example", true)
	x.ask(http.MethodGet, "/simple/", "")
	x.families(t)
	body := x.scrape("/metrics", "Bearer "+metricsToken, "").Body
	problems, err := promlint.New(body).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "index_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

// TestMetricsNameNoProject: the labels of requests are patterns of routes and known methods, whatever clients send. No
// metric has the name of a project, a person or a path.
func TestMetricsNameNoProject(t *testing.T) {
	x := newFixture(t, "http://h.example", true)
	x.ask(http.MethodGet, "/simple/"+demo+"/", "")
	x.ask(http.MethodGet, "/simple/zebra-crossing/", "")
	x.ask(http.MethodGet, "/zebra/crossing", "")
	x.ask("ZEBRA", "/simple/", "")
	x.ask("ZEBRA", "/nowhere/", "")
	x.ask(http.MethodGet, "/project/"+another+"/", "")
	text := x.scrape("/metrics", "Bearer "+metricsToken, "").Body.String()
	for _, word := range []string{demo, "zebra", "ZEBRA", another + "\"", "member", "root"} {
		if strings.Contains(text, word) {
			t.Errorf("the metrics contain %q", word)
		}
	}
	for _, want := range []string{
		`index_http_requests_total{code="200",method="GET",route="/simple/:project/"} 1`,
		`index_http_requests_total{code="404",method="GET",route="/simple/:project/"} 1`,
		`index_http_requests_total{code="404",method="GET",route="other"} 1`,
		`index_http_requests_total{code="405",method="other",route="other"} `,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
}

// TestMetricsBelowBasePath: routes have the same labels whatever the path of the base URL is, so that dashboards and
// alerts fit every index.
func TestMetricsBelowBasePath(t *testing.T) {
	x := newFixture(t, "http://h.example/team", true)
	x.ask(http.MethodGet, "/team/simple/", "")
	text := x.scrape("/team/metrics", "Bearer "+metricsToken, "").Body.String()
	if want := `index_http_requests_total{code="200",method="GET",route="/simple/"} 1`; !strings.Contains(text, want) {
		t.Errorf("the metrics lack %s", want)
	}
}

// TestMetricsAreHidden: only the metrics token as Bearer and API tokens of administrators read the metrics. For all
// others the address looks like one that does not exist, on open and on closed indexes.
func TestMetricsAreHidden(t *testing.T) {
	for _, open := range []bool{false, true} {
		x := newFixture(t, "http://h.example", open)
		_, readOnly, err := x.app.Directory.CreateToken(t.Context(), x.app.Operator,
			access.NewAPIToken{User: "root", Scope: access.ScopeRead})
		if err != nil {
			t.Fatal(err)
		}
		for _, header := range []string{
			"Bearer " + metricsToken, "bearer " + metricsToken, "Bearer " + x.tokens["admin"].Reveal(),
			"Bearer " + readOnly.Reveal(), "token " + readOnly.Reveal(),
		} {
			if got := x.scrape("/metrics", header, ""); got.Code != http.StatusOK {
				t.Errorf("open %v: GET /metrics with %.20s = %d, want 200", open, header, got.Code)
			}
		}
		refused := []string{
			"", "Bearer", "Bearer ", "Bearer x", "Bearer " + metricsToken + "x", "Bearer " + metricsToken[1:],
			"token " + metricsToken, "Basic " + metricsToken, "Bearer " + metricsToken + " " + metricsToken,
			strings.ToUpper("Bearer " + metricsToken), "Bearer \x00", "Digest x",
		}
		for _, kind := range kinds[1 : len(kinds)-1] {
			refused = append(refused, "Bearer "+x.tokens[kind].Reveal())
		}
		for _, header := range refused {
			for _, accept := range []string{"", "text/html"} {
				got, nothing := x.scrape("/metrics", header, accept), x.scrape("/metricz", header, accept)
				same := strings.ReplaceAll(got.Body.String(), "/metrics", "/metricz") == nothing.Body.String()
				if got.Code != http.StatusNotFound || nothing.Code != http.StatusNotFound || !same {
					t.Errorf("open %v: GET /metrics with %q = %d %.200s\nan address that does not exist is %d %.200s", open,
						header, got.Code, got.Body, nothing.Code, nothing.Body)
				}
				for _, name := range []string{"Www-Authenticate", "Content-Type", "Cache-Control", "Content-Security-Policy"} {
					if a, b := got.Header().Get(name), nothing.Header().Get(name); a != b {
						t.Errorf("open %v: GET /metrics with %q has %s %q, elsewhere %q", open, header, name, a, b)
					}
				}
			}
		}
	}
}
