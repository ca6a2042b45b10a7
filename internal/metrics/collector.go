package metrics

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"pyindex/internal/advisory"
	"pyindex/internal/fault"
	"pyindex/internal/ingest"
	"pyindex/internal/policy"
	"pyindex/internal/tally"
)

// metric is a metric that is read from a source.
type metric struct {
	*prometheus.Desc
	kind prometheus.ValueType
}

// descs are all metrics that are read from sources, in the order in which they were defined.
var descs []*prometheus.Desc

func define(kind prometheus.ValueType, name, help string, labels ...string) metric {
	d := prometheus.NewDesc("index_"+name, help, labels, nil)
	descs = append(descs, d)
	return metric{d, kind}
}

func gauge(name, help string, labels ...string) metric {
	return define(prometheus.GaugeValue, name, help, labels...)
}

func counter(name, help string, labels ...string) metric {
	return define(prometheus.CounterValue, name, help, labels...)
}

func histogram(name, help string, labels ...string) *prometheus.Desc {
	return define(prometheus.UntypedValue, name, help, labels...).Desc
}

// The metrics that are read from sources.
var (
	uploads = counter("uploads_total",
		"Uploads by their result: accepted, identical (the file was there already), refused, failed (because of this server) or aborted by the client; with the kind of error.",
		"result", "reason")
	aliasRequests = counter("alias_requests_total",
		"Requests below each alias: the path of another index at which a repository is served too.",
		"alias")
	uploadBytes = counter("upload_bytes_total", "Bytes of accepted files.")
	failing     = gauge("uploads_failing",
		"1 if the newest uploads failed because of this server, and none has succeeded since.")
	attested = counter("attestation_verifications_total",
		"Attestations of uploads by their result: verified, unverified (kept, but not shown), discarded, or refused with the upload.",
		"result")
	mints = counter("mints_total",
		"Exchanges of identity tokens by the kind of CI platform and their result: granted, or the code of the refusal.",
		"kind", "result")
	issuerAge = gauge("issuer_keys_age_seconds",
		"Time since the keys of an issuer were last fetched. There is none before the first job of the issuer.", "issuer")
	issuerKeys = gauge("issuer_keys", "Keys of an issuer that are known.", "issuer")
	issuerDown = gauge("issuer_fetch_failing", "1 if the last fetch of an issuer's keys failed.", "issuer")

	decisions = counter("policy_decisions_total",
		"Decisions about files of upstreams by the rule that decided (none for files that are served) and the decision: served, held or denied, or what it would be if no repository observed.",
		"rule", "decision")

	running  = gauge("http_requests_in_progress", "Requests that are being answered.")
	draining = gauge("draining", "1 while the server shuts down.")

	certificate = gauge("certificate_expiry_timestamp_seconds",
		"When the certificate of this server expires. There is none if a proxy provides https.")
	diskFree = gauge("disk_free_bytes",
		"Free bytes of a disk: that of the stored content (storage), or of the data folder (data).", "disk")
	diskSize = gauge("disk_size_bytes", "Size of that disk.", "disk")

	taskRuns    = counter("task_runs_total", "Runs of background work by result: succeeded or failed.", "task", "result")
	taskSeconds = counter("task_duration_seconds_total", "Time that background work took.", "task")
	taskLast    = gauge("task_last_success_timestamp_seconds", "When background work last succeeded.", "task")

	gcRuns = counter("gc_runs_total",
		"Runs of the sweep that removes stored content without a file, by result: succeeded or failed.", "result")
	gcRemoved = counter("gc_removed_objects_total", "Stored objects that the sweep removed.")
	gcLast    = gauge("gc_last_success_timestamp_seconds", "When the sweep last succeeded.")
	gcSeconds = counter("gc_duration_seconds_total", "Time that sweeps took.")
	gcWaiting = gauge("gc_waiting_objects",
		"Stored objects that no file refers to: uploads in progress, and what the next sweeps remove.")

	databaseUp   = gauge("database_up", "1 if the database answered when the state was last read.")
	databaseAway = gauge("database_outage_seconds",
		"How long the database has not answered while reads are served from memory; 0 if it answers.")
	outages     = counter("database_outages_total", "Outages of the database.")
	connections = gauge("database_connections",
		"Connections to the database by pool (read, write) and state (in_use, idle).", "pool", "state")
	maxConns  = gauge("database_connections_max", "Most connections of a pool.", "pool")
	waits     = counter("database_connection_waits_total", "Requests for a connection that had to wait for one.", "pool")
	waited    = counter("database_connection_wait_seconds_total", "Time that they waited.", "pool")
	stateAge  = gauge("state_age_seconds", "Age of the metrics that are read from the database.")
	totalsAge = gauge("totals_age_seconds", "Age of the totals: projects, files and bytes.")

	serial     = gauge("serial", "Number that every change of the index increments.")
	backupLast = gauge("backup_last_success_timestamp_seconds",
		"When the data of the last finished backup was read; 0 if there is none.")
	backups = gauge("backups", "Finished backups that were not removed.")
	leases  = gauge("leases",
		"Leases that hold back every removal of stored content, by kind: backup, export or migrate.", "kind")
	imports   = gauge("imports_unfinished", "Imports that run, or were interrupted and not continued.")
	recovered = gauge("recovered",
		"1 after a restore until index restore finish: nothing can be uploaded, and new names are asked of no upstream.")
	checkTime = gauge("storage_check_timestamp_seconds",
		"When the stored content was last checked, by kind: sizes or bytes.", "kind")
	checkMissing = gauge("storage_check_missing_objects", "Objects that the last check found missing.", "kind")
	checkDamaged = gauge("storage_check_damaged_objects", "Objects that the last check found damaged.", "kind")
	storage      = gauge("storage_bytes", "Bytes by kind: files of this index, database, and kept files of upstreams.",
		"kind")
	projects     = gauge("projects", "Projects.")
	filesTotal   = gauge("files", "Files.")
	repositories = gauge("repositories", "Repositories.")
	nearLimit    = gauge("quota_near",
		"Projects and repositories that use 80 % of their limit of size or more, by kind.", "kind")
	upstreamUp = gauge("upstream_up",
		"0 if an upstream failed several times in a row, so that it is not asked for a while.", "upstream")
	upstreamPages = counter("upstream_page_requests_total",
		"Pages by how they were answered: hit (kept), stale (an old one, while the upstream was not asked or did not answer), miss (by asking) or error.",
		"upstream", "result")
	upstreamAsked  = counter("upstream_requests_total", "Requests for pages that were sent to an upstream.", "upstream")
	upstreamErrors = counter("upstream_errors_total",
		"Requests for pages that an upstream did not answer, by kind: refused, wrong, silent, busy, forbidden or loop.",
		"upstream", "kind")
	upstreamLatency = histogram("upstream_latency_seconds", "Time that an upstream took to answer requests for pages.",
		"upstream")
	upstreamLast    = gauge("upstream_last_success_timestamp_seconds", "When an upstream last answered.", "upstream")
	upstreamKept    = gauge("upstream_pages", "Pages of an upstream that are kept.", "upstream")
	upstreamNames   = gauge("upstream_list_names", "Names on the list of an upstream's projects.", "upstream")
	upstreamListAge = gauge("upstream_list_age_seconds", "Age of that list.", "upstream")
	feedRecords     = gauge("feed_records", "Records of a feed of advisories, by whether they are about malware.", "feed", "malware")
	feedUnreadable  = gauge("feed_unreadable_records", "Records of a feed of advisories that could not be read the last time.", "feed")
	feedChecked     = gauge("feed_last_success_timestamp_seconds", "When a feed of advisories was last read.", "feed")
	feedAge         = gauge("feed_age_seconds", "Time since a feed of advisories was last read.", "feed")
	feedOld         = gauge("feed_old", "1 if a feed of advisories is older than its maximum age.", "feed")
	feedFailures    = gauge("feed_failures", "How often in a row reading a feed of advisories has failed.", "feed")
	upstreamFiles   = gauge("upstream_files", "Files of an upstream that are kept.", "upstream")
	upstreamBytes   = gauge("upstream_cache_bytes", "Bytes of an upstream's files that are kept.", "upstream")
	upstreamLimit   = gauge("upstream_cache_limit_bytes",
		"Limit of the kept bytes of all upstreams; 0 if files of upstreams are not kept.")
	fetches    = counter("upstream_downloads_total", "Downloads of files of upstreams that were begun.")
	received   = counter("upstream_received_bytes_total", "Bytes of files that were received from upstreams.")
	fromStore  = counter("upstream_served_bytes_total", "Bytes of kept files of upstreams that were opened for clients.")
	evictions  = counter("upstream_evictions_total", "Kept files of upstreams that were removed to make room.")
	mismatches = counter("upstream_mismatches_total", "Downloads whose content was not that of the stated digest.")
	changes    = counter("upstream_changes_total",
		"Refusals of a file because its upstream states another digest than before.")
)

// collector reads the sources.
type collector struct {
	Sources
	state  *cache[State]
	totals *cache[Totals]
	now    func() time.Time
}

// Watch adds the metrics of an index. It must be called at most once.
func (m *Metrics) Watch(s Sources) {
	c := &collector{Sources: s, now: time.Now}
	c.state = &cache[State]{read: s.State, every: stateEvery, log: m.log, now: time.Now}
	c.totals = &cache[Totals]{
		read:  s.Totals,
		every: totalsEvery,
		share: totalsShare,
		until: totalsUntil,
		log:   m.log,
		now:   time.Now,
	}
	m.registry.MustRegister(c)
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range descs {
		out <- d
	}
}

// sink takes the values of metrics.
type sink chan<- prometheus.Metric

func (s sink) put(m metric, value float64, labels ...string) {
	s <- prometheus.MustNewConstMetric(m.Desc, m.kind, value, labels...)
}

// at puts a time in seconds since 1970, or nothing for the zero time.
func (s sink) at(m metric, t time.Time, labels ...string) {
	if !t.IsZero() {
		s.put(m, float64(t.UnixMicro())/1e6, labels...)
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	s := sink(out)
	c.counted(s)
	c.machine(s)
	c.tasks(s)
	c.database(s)
}

// counted puts what the services count.
func (c *collector) counted(s sink) {
	if c.Aliases != nil {
		for path, n := range c.Aliases() {
			s.put(aliasRequests, float64(n), path)
		}
	}
	if c.Uploads != nil {
		c.uploadCounts(s)
	}
	if c.Failing != nil {
		s.put(failing, truth(!c.Failing().IsZero()))
	}
	if c.Mints != nil {
		for k, n := range c.Mints() {
			kind := k.Kind
			if kind == "" {
				kind = "unknown"
			}
			s.put(mints, float64(n), kind, k.Result)
		}
	}
	if c.Issuers != nil {
		for _, i := range c.Issuers() {
			if !i.Fetched.IsZero() {
				s.put(issuerAge, max(c.now().Sub(i.Fetched), 0).Seconds(), i.URL)
			}
			s.put(issuerKeys, float64(i.Keys), i.URL)
			s.put(issuerDown, truth(i.Failure != "" && i.Asked), i.URL)
		}
	}
	if c.Decisions != nil && c.Files != nil {
		c.decisionCounts(s)
	}
}

// uploadCounts puts every result that matters also before the first such upload: the rate of a counter that appears
// with the value 1 is 0.
func (c *collector) uploadCounts(s sink) {
	n := c.Uploads()
	for _, k := range []ingest.Counted{
		{Result: ingest.UploadAccepted},
		{Result: ingest.UploadIdentical},
		{Result: ingest.UploadRefused, Reason: fault.Invalid.String()},
		{Result: ingest.UploadRefused, Reason: fault.Conflict.String()},
		{Result: ingest.UploadRefused, Reason: fault.Denied.String()},
		{Result: ingest.UploadRefused, Reason: fault.TooLarge.String()},
		{Result: ingest.UploadFailed, Reason: fault.Internal.String()},
		{Result: ingest.UploadFailed, Reason: fault.Unavailable.String()},
	} {
		n.Uploads[k] += 0
	}
	for k, n := range n.Uploads {
		s.put(uploads, float64(n), k.Result, strings.ReplaceAll(k.Reason, " ", "-"))
	}
	s.put(uploadBytes, float64(n.Bytes))
	for _, result := range ingest.AttestationResults {
		s.put(attested, float64(n.Attestations[result]), result)
	}
}

// decisionCounts puts the decisions about files of upstreams. Those about digests are taken while a file is read.
func (c *collector) decisionCounts(s sink) {
	n, f := c.Decisions(), c.Files()
	n[policy.Counted{Verdict: policy.Serve}] += 0
	n[policy.Counted{Rule: policy.RuleDigest, Verdict: policy.Hold}] += f.Mismatches
	n[policy.Counted{Rule: policy.RuleDigest, Verdict: policy.Deny}] += f.Changes
	for k, n := range n {
		rule := string(k.Rule)
		if rule == "" {
			rule = "none"
		}
		verdict := k.Verdict.String()
		if k.Observed {
			verdict = "would be " + verdict
		}
		s.put(decisions, float64(n), rule, verdict)
	}
	s.put(fetches, float64(f.Fetches))
	s.put(received, float64(f.FromUpstream))
	s.put(fromStore, float64(f.FromStore))
	s.put(evictions, float64(f.Evictions))
	s.put(mismatches, float64(f.Mismatches))
	s.put(changes, float64(f.Changes))
}

// machine puts the state of this server.
func (c *collector) machine(s sink) {
	if c.Requests != nil {
		n, ending := c.Requests()
		s.put(running, float64(n))
		s.put(draining, truth(ending))
	}
	if c.Certificate != nil {
		s.at(certificate, c.Certificate())
	}
	for name, space := range map[string]func() (int64, int64, bool){"storage": c.Space, "data": c.DataSpace} {
		if space == nil {
			continue
		}
		if free, size, ok := space(); ok {
			s.put(diskFree, float64(free), name)
			s.put(diskSize, float64(size), name)
		}
	}
}

// Sweep is the task that removes stored content without a file. It has metrics of its own.
const Sweep Task = "gc"

// tasks puts the background work.
func (c *collector) tasks(s sink) {
	if c.Tasks == nil {
		return
	}
	all := c.Tasks()
	for task, n := range all {
		s.put(taskRuns, float64(n.Succeeded), string(task), "succeeded")
		s.put(taskRuns, float64(n.Failed), string(task), "failed")
		s.put(taskSeconds, n.Seconds, string(task))
		s.at(taskLast, n.LastSuccess, string(task))
	}
	n := all[Sweep]
	s.put(gcRuns, float64(n.Succeeded), "succeeded")
	s.put(gcRuns, float64(n.Failed), "failed")
	s.put(gcRemoved, float64(n.Removed))
	s.put(gcSeconds, n.Seconds)
	s.at(gcLast, n.LastSuccess)
}

// database puts what is read from the database. Without a first answer there is only the fact that it is away.
func (c *collector) database(s sink) {
	if c.State == nil {
		return
	}
	x := c.state.get(scrapeWait)
	s.put(databaseUp, truth(x.err == nil && x.known && x.value.Away == 0))
	if !x.known {
		return
	}
	v := x.value
	s.put(stateAge, c.now().Sub(x.at).Seconds())
	s.put(databaseAway, v.Away.Seconds())
	s.put(outages, float64(v.Outages))
	for pool, n := range v.Connections {
		s.put(connections, float64(n.InUse), pool, "in_use")
		s.put(connections, float64(n.Idle), pool, "idle")
		s.put(maxConns, float64(n.Max), pool)
		s.put(waits, float64(n.Waits), pool)
		s.put(waited, n.Waited.Seconds(), pool)
	}
	s.put(serial, float64(v.Serial))
	c.operations(s, v)
	for _, u := range v.Upstreams {
		c.upstream(s, u)
	}
	for _, f := range v.Feeds {
		s.feed(f)
	}
	if c.Totals == nil {
		return
	}
	if t := c.totals.getAt(v.Serial, scrapeWait); t.known {
		s.put(totalsAge, c.now().Sub(t.at).Seconds())
		c.sums(s, t.value)
	}
}

func (c *collector) operations(s sink, v State) {
	last := 0.0
	if !v.LastBackup.IsZero() {
		last = float64(v.LastBackup.UnixMicro()) / 1e6
	}
	s.put(backupLast, last)
	s.put(backups, float64(v.Backups))
	for _, kind := range []string{"backup", "export", "migrate"} {
		s.put(leases, float64(v.Leases[kind]), kind)
	}
	s.put(imports, float64(v.Imports))
	s.put(recovered, truth(v.Recovered))
	for _, k := range v.Checks {
		s.at(checkTime, k.At, string(k.Kind))
		s.put(checkMissing, float64(k.Missing), string(k.Kind))
		s.put(checkDamaged, float64(k.Damaged), string(k.Kind))
	}
}

func (c *collector) upstream(s sink, u Upstream) {
	h := u.Health
	s.put(upstreamUp, truth(!h.Closed), u.Name)
	s.put(upstreamAsked, float64(h.Asked), u.Name)
	s.put(upstreamPages, float64(h.Hits), u.Name, "hit")
	s.put(upstreamPages, float64(h.Stale), u.Name, "stale")
	s.put(upstreamPages, float64(h.Misses), u.Name, "miss")
	s.put(upstreamPages, float64(h.Errors), u.Name, "error")
	for kind, n := range u.Errors {
		s.put(upstreamErrors, float64(n), u.Name, string(kind))
	}
	buckets := map[float64]uint64{}
	for i, bound := range tally.Bounds() {
		buckets[bound.Seconds()] = uint64(h.Latency.UpTo[i])
	}
	s <- prometheus.MustNewConstHistogram(upstreamLatency, uint64(h.Latency.Count), h.Latency.Sum.Seconds(), buckets,
		u.Name)
	s.at(upstreamLast, h.LastOK, u.Name)
	s.put(upstreamKept, float64(h.Pages), u.Name)
	if h.Listed > 0 {
		s.put(upstreamNames, float64(h.Listed), u.Name)
		s.put(upstreamListAge, h.ListAge.Seconds(), u.Name)
	}
}

// feed reports the state of a feed of advisories.
func (s sink) feed(f advisory.FeedStatus) {
	s.put(feedRecords, float64(f.Malicious), f.Name, "true")
	s.put(feedRecords, float64(f.Records-f.Malicious), f.Name, "false")
	s.put(feedUnreadable, float64(f.Broken), f.Name)
	s.at(feedChecked, f.CheckedAt, f.Name)
	if f.Age >= 0 {
		s.put(feedAge, f.Age.Seconds(), f.Name)
	}
	old := 0.0
	if f.Old {
		old = 1
	}
	s.put(feedOld, old, f.Name)
	s.put(feedFailures, float64(f.Failures), f.Name)
}

func (c *collector) sums(s sink, t Totals) {
	s.put(repositories, float64(t.Repositories))
	s.put(projects, float64(t.Projects))
	s.put(filesTotal, float64(t.Files))
	s.put(gcWaiting, float64(t.Waiting))
	kept := int64(0)
	for _, u := range t.Kept {
		kept += u.Bytes
		s.put(upstreamFiles, float64(u.Files), u.Upstream)
		s.put(upstreamBytes, float64(u.Bytes), u.Upstream)
	}
	s.put(upstreamLimit, float64(t.KeptLimit))
	s.put(storage, float64(t.Bytes), "files")
	s.put(storage, float64(t.Database), "database")
	s.put(storage, float64(kept), "upstream")
	s.put(nearLimit, float64(t.Full.Projects), "project")
	s.put(nearLimit, float64(t.Full.Repositories), "repository")
}
