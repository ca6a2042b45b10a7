package metrics

import (
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/route"
)

// durations are the buckets of durations of requests, in seconds: from a page that is in memory to the upload of a
// large file.
var durations = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}

// Metrics counts requests and serves all metrics of a process. It is safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	log      *slog.Logger

	requests *prometheus.CounterVec
	sent     *prometheus.CounterVec
	took     *prometheus.HistogramVec
}

// Program identifies the program that is measured.
type Program struct{ Version, Revision, Go string }

// New returns the metrics of a program, which do not report the state of an index before Watch is called.
func New(p Program, log *slog.Logger) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		log:      log,
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "index_http_requests_total",
			Help: "Requests by the pattern of their route, method and status. The status is 499 if the client disconnected first.",
		}, []string{"route", "method", "code"}),
		sent: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "index_http_response_bytes_total",
			Help: "Bytes of the bodies of responses. Files that clients load from the bucket itself are not included.",
		}, []string{"route"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:                            "index_http_request_duration_seconds",
			Help:                            "Time from the header of a request to the end of its response, with the time that the client takes to send and to read.",
			Buckets:                         durations,
			NativeHistogramBucketFactor:     1.1,
			NativeHistogramMaxBucketNumber:  100,
			NativeHistogramMinResetDuration: time.Hour,
		}, []string{"route", "method"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "index_build_info",
		Help:        "The running program; always 1.",
		ConstLabels: prometheus.Labels{"version": p.Version, "revision": p.Revision, "goversion": p.Go},
	})
	build.Set(1)
	m.registry.MustRegister(m.requests, m.sent, m.took, build, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Route implements server.Observer. Nothing is reported of a route before its first request.
func (m *Metrics) Route(pattern, method string) func(status int, bytes int64, took time.Duration) {
	handles := sync.OnceValue(func() *counted {
		return &counted{
			took: m.took.WithLabelValues(pattern, method), sent: m.sent.WithLabelValues(pattern),
			requests: m.requests.MustCurryWith(prometheus.Labels{"route": pattern, "method": method}),
		}
	})
	return func(status int, bytes int64, took time.Duration) { handles().add(status, bytes, took) }
}

// counted are the counters of a route and method. Looking one up by its labels takes longer than counting.
type counted struct {
	took     prometheus.Observer
	sent     prometheus.Counter
	requests *prometheus.CounterVec
	usual    [len(usual)]atomic.Pointer[prometheus.Counter]
}

// usual are the statuses of nearly all requests.
var usual = [...]int{200, 206, 303, 304, 302, 404, 401, 403, 400, 409, 499}

func (c *counted) add(status int, bytes int64, took time.Duration) {
	c.took.Observe(took.Seconds())
	if bytes > 0 {
		c.sent.Add(float64(bytes))
	}
	i := slices.Index(usual[:], status)
	if i < 0 {
		c.requests.WithLabelValues(strconv.Itoa(status)).Inc()
		return
	}
	n := c.usual[i].Load()
	if n == nil {
		made := c.requests.WithLabelValues(strconv.Itoa(status))
		n = &made
		c.usual[i].Store(n)
	}
	(*n).Inc()
}

// Handler serves the metrics. Several may read them at once; a reader beyond that gets 503.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog:            slog.NewLogLogger(m.log.Handler(), slog.LevelError),
		ErrorHandling:       promhttp.ContinueOnError,
		MaxRequestsInFlight: readersAtOnce,
	})
}

const readersAtOnce = 8

// Table serves the metrics on the main listener, to the metrics token and to administrators.
func (m *Metrics) Table() route.Table {
	h := m.Handler()
	return route.Table{Name: "metrics", Fail: fail, Routes: []route.Route{{
		Method: http.MethodGet, Path: "/metrics", Auth: route.Scraper, Decides: route.NoFiles,
		Handle: func(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
			w.Header().Set("Cache-Control", "no-store")
			h.ServeHTTP(w, r)
			return nil
		},
	}}}
}

// fail writes the error of a request for the metrics.
func fail(w http.ResponseWriter, _ *http.Request, err error) {
	status := route.Status(fault.KindOf(err))
	text := fault.Message(err)
	if text == "" {
		text = "internal error: see the server log for request " + w.Header().Get("X-Request-Id")
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	route.RetryLater(w.Header(), status, "15")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n")
}
