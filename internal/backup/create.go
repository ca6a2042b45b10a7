package backup

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"

	"pyindex/internal/audit"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/regular"
)

// Index is what Create needs of the database.
type Index interface {
	Rows
	custody.Leases
	AddBackup(ctx context.Context, b Made, entries ...audit.Entry) error
	ForgetBackups(ctx context.Context, ids []string) error
}

// Blobs is the store, for reading.
type Blobs interface {
	Open(ctx context.Context, key string) (custody.Blob, int64, error)
}

// Narrator shows how far a command is and what happens; *terminal.Progress does.
type Narrator interface {
	Progress
	Say(format string, args ...any)
}

// Say does nothing.
func (silent) Say(string, ...any) {}

// Options configure Create. Index, Blobs and Entry are required.
type Options struct {
	Index Index
	Blobs Blobs
	// Entry returns the entry of the audit log for a finished backup.
	Entry func(Manifest) audit.Entry

	Version  string // of this program
	Instance string
	BaseURL  string
	// WithCache adds pages and content of upstreams. RowsOnly leaves the content in the store, which keeps it until the
	// backup is forgotten.
	WithCache, RowsOnly bool
	// Seal are the recipients of the secrets, as age writes them: "age1…". Without any, the backup has no secrets.
	Seal []string
	// SecretFolders are the folders with secret files, by the names that they get in the sealed part.
	SecretFolders map[string]string
	// Absent lists what the settings name and the backup does not have, such as files with passwords.
	Absent []Absence
	// Within are the folders in which a backup cannot be: those of the database and of the store.
	Within []string
	// LogLimit is that of DumpOptions.
	LogLimit int64
	// Busy reports whether the index is being changed, so that the backup copies slower. It may be nil.
	Busy     func() bool
	Progress Narrator
	Now      func() time.Time // time.Now if nil

	place     string
	term      custody.Term // of the lease; for tests, as those below
	writeFile func(*os.File, []byte) (int, error)
}

// Incomplete is the error of a backup that was finished without some content, because the store does not have it.
type Incomplete struct{ Manifest Manifest }

func (i *Incomplete) Error() string {
	objects := fmt.Sprintf("%d stored objects are", i.Manifest.Lacking)
	if i.Manifest.Lacking == 1 {
		objects = "1 stored object is"
	}
	return fmt.Sprintf("the backup %s is finished, but %s missing or damaged in the store and therefore not in it: "+
		"index doctor --bytes lists the files", i.Manifest.ID, objects)
}

// run is a backup in progress.
type run struct {
	Options
	folder *vault // nil for a stream
	m      Manifest
	lease  custody.Lease
	space  string // the folder of the parts of the snapshot
}

// newRun fills the defaults.
func newRun(o Options) (*run, error) {
	if o.Progress == nil {
		o.Progress = silent{}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.term.Length == 0 {
		o.term = custody.LeaseTerm
	}
	if o.writeFile == nil {
		o.writeFile = (*os.File).Write
	}
	if o.RowsOnly && o.WithCache {
		return nil, fault.New(fault.Invalid, "a backup of the rows alone has no content, and therefore not that of upstreams")
	}
	if _, err := o.recipients(); err != nil {
		return nil, err
	}
	r := &run{Options: o}
	now := o.Now().UTC().Truncate(time.Microsecond)
	r.m = Manifest{
		Format: Format, ID: newID(now, ""),
		Version: o.Version, Instance: o.Instance, BaseURL: o.BaseURL, StartedAt: now,
		RowsOnly: o.RowsOnly, WithCache: o.WithCache, Absent: o.absent(), Files: []Part{},
	}
	return r, nil
}

const idTime = "20060102T150405Z"

// newID returns the id of a snapshot, which comes after that of the last one, even if the clock was set back.
func newID(now time.Time, last string) string {
	if at, _, ok := strings.Cut(last, "-"); ok && at >= now.Format(idTime) {
		if was, err := time.Parse(idTime, at); err == nil {
			now = was.Add(time.Second)
		}
	}
	var p [2]byte
	rand.Read(p[:]) // never fails
	return now.Format(idTime) + "-" + hex.EncodeToString(p[:])
}

func (o Options) recipients() (out []age.Recipient, err error) {
	for _, s := range o.Seal {
		r, err := age.ParseX25519Recipient(s)
		if err != nil {
			return nil, fault.New(fault.Invalid, "%q is not a public key of age: it begins with age1", shorten(s))
		}
		out = append(out, r)
	}
	return out, nil
}

// absent lists what is not in the backup.
func (o Options) absent() []Absence {
	out := []Absence{}
	if len(o.Seal) == 0 {
		out = append(out, Absence{
			"second factors",
			"users with an authenticator app sign in with a recovery code or a passkey, or an administrator resets " +
				"their second factor",
		}, Absence{"keys of the index", "the restored index creates new ones; sign-ins in progress start again"})
		for name := range o.SecretFolders {
			out = append(out, Absence{name, "the server creates its certificate again, or the files must be copied separately"})
		}
	}
	if !o.WithCache {
		out = append(out, Absence{"pages and files of upstreams", "they are fetched again when they are asked for"})
	}
	if o.RowsOnly {
		out = append(out, Absence{"stored content", "it remains in the store, which must have a copy of its own"})
	}
	return append(out, o.Absent...)
}

// Create makes a backup in a folder, which is created or already has backups. Content that is already there is not
// copied again. The backup exists once Create returns its manifest. It returns an *Incomplete error with a finished
// backup if the store lacks content, and fault.Conflict if the folder cannot be used.
func Create(ctx context.Context, dir string, o Options) (Manifest, error) {
	r, err := newRun(o)
	if err != nil {
		return Manifest{}, err
	}
	if r.folder, err = createVault(dir, o.Within); err != nil {
		return Manifest{}, err
	}
	defer r.folder.close()
	if err := r.folder.change(); err != nil {
		return Manifest{}, err
	}
	if r.place == "" {
		r.place = r.folder.dir
	}
	if err := r.tidy(ctx); err != nil {
		return Manifest{}, err
	}
	r.space = r.folder.path(snapshotsDir, r.m.ID)
	if err := os.MkdirAll(r.space, 0o700); err != nil {
		return Manifest{}, explain("the backup cannot be written", err)
	}
	err = r.leased(ctx, func(ctx context.Context) error {
		if err := r.rows(ctx); err != nil {
			return err
		}
		if !r.RowsOnly {
			if err := r.content(ctx); err != nil {
				return err
			}
		}
		return r.finish(ctx)
	})
	if err != nil && !r.exists() {
		if r.RowsOnly { // it may be recorded already
			err = errors.Join(err, r.Index.ForgetBackups(context.WithoutCancel(ctx), []string{r.m.ID}))
		}
		os.RemoveAll(r.space)
		return Manifest{}, err
	}
	return r.result(err)
}

// exists reports whether the snapshot has its manifest.
func (r *run) exists() bool {
	_, err := os.Stat(filepath.Join(r.space, manifestFile))
	return err == nil
}

func (r *run) result(err error) (Manifest, error) {
	if err == nil && r.m.Lacking > 0 {
		err = &Incomplete{r.m}
	}
	return r.m, err
}

// tidy removes what an interrupted run left, except the content that it copied. It then gives the backup its id.
func (r *run) tidy(ctx context.Context) error {
	whole, dead, err := r.folder.ids()
	if err != nil {
		return err
	}
	if len(whole) > 0 {
		r.m.ID = newID(r.m.StartedAt, whole[len(whole)-1])
	}
	for _, id := range dead {
		if err := os.RemoveAll(r.folder.path(snapshotsDir, id)); err != nil {
			return explain("an interrupted backup cannot be removed", err)
		}
	}
	if len(dead) > 0 {
		if err := r.Index.ForgetBackups(ctx, dead); err != nil {
			return err
		}
	}
	return explain("an interrupted backup cannot be removed", os.RemoveAll(r.folder.path(tempFolder)))
}

// leased runs f while the lease of the backup lives. It cancels f when the lease cannot be renewed in time.
func (r *run) leased(ctx context.Context, f func(context.Context) error) error {
	term := r.term
	term.Now = r.Now
	return custody.WithLease(ctx, r.Index, "backup:"+r.m.ID, term, func(ctx context.Context, l custody.Lease) error {
		r.lease = l
		return f(ctx)
	})
}

// rows writes the parts of the snapshot: the rows, the list of content and the sealed secrets.
func (r *run) rows(ctx context.Context) (err error) {
	r.Progress.Step("reading the rows", "row", 0)
	rows, err := r.newPart(rowsFile, true)
	if err != nil {
		return err
	}
	defer rows.discard()
	list, err := r.newPart(contentFile, true)
	if err != nil {
		return err
	}
	defer list.discard()
	var secrets bytes.Buffer
	o := DumpOptions{WithCache: r.WithCache, LogLimit: r.LogLimit, Progress: r.rowProgress()}
	if len(r.Seal) > 0 {
		o.Secrets = &secrets
	}
	var line []byte
	o.Content = func(c Content) error { // after the rows
		if r.m.Objects == 0 {
			r.Progress.Step("listing the content", "object", 0)
		}
		r.Progress.Add(1, 0)
		r.m.Objects++
		r.m.Bytes += max(c.Size, 0)
		line = c.AppendTo(line[:0])
		_, err := list.Write(line)
		return err
	}
	d, err := r.Index.Dump(ctx, rows, o)
	if err != nil {
		return explain("the rows cannot be written", err)
	}
	r.m.Schema, r.m.Serial, r.m.Epoch, r.m.At = d.Schema, d.Serial, d.Epoch, d.At
	r.m.AuditHead, r.m.Tables = d.Head, d.Tables
	for _, p := range []*part{rows, list} {
		if err := r.keepPart(p); err != nil {
			return err
		}
	}
	return r.seal(&secrets)
}

// rowProgress returns the function that reports the progress of the rows, and says when the write-ahead log has
// doubled.
func (r *run) rowProgress() func(rows, log int64) {
	last, said := int64(0), int64(64<<20)
	return func(rows, log int64) {
		r.Progress.Add(rows-last, 0)
		if last = rows; log >= 2*said {
			said = log
			r.Progress.Say("the database's write-ahead log has grown to %d MiB; it is shortened after the rows are read",
				log>>20)
		}
	}
}

// seal writes the secrets, encrypted for the recipients: a tar with the rows of their tables and the secret files.
func (r *run) seal(rows *bytes.Buffer) error {
	to, err := r.recipients()
	if err != nil || len(to) == 0 {
		return err
	}
	p, err := r.newPart(secretsFile, false)
	if err != nil {
		return err
	}
	defer p.discard()
	w, err := age.Encrypt(p, to...)
	if err != nil {
		return err
	}
	t := tar.NewWriter(w)
	err = tarFile(t, "rows.jsonl", rows.Bytes(), r.m.StartedAt)
	for name, folder := range r.SecretFolders {
		if err == nil {
			err = tarFolder(t, name, folder)
		}
	}
	if err = errors.Join(err, t.Close(), w.Close()); err != nil {
		return explain("the secrets cannot be written", err)
	}
	return r.keepPart(p)
}

func tarFile(t *tar.Writer, name string, b []byte, at time.Time) error {
	err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(b)), ModTime: at})
	if err == nil {
		_, err = t.Write(b)
	}
	return err
}

// sealedFile matches the names of secret files, which Restore reads, up to maxSealedName bytes.
var sealedFile = regexp.MustCompile(`\A[A-Za-z0-9_.-]+\z`)

const maxSealedName = 100

// tarFolder adds the regular files of a folder, which are small. A missing folder has none.
func tarFolder(t *tar.Writer, name, folder string) error {
	return filepath.WalkDir(folder, func(path string, e os.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) && path == folder {
			return nil
		}
		if err != nil || !e.Type().IsRegular() || len(e.Name()) > maxSealedName || !sealedFile.MatchString(e.Name()) ||
			filepath.Dir(path) != filepath.Clean(folder) {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		return tarFile(t, name+"/"+filepath.ToSlash(rel), b, time.Time{})
	})
}

// finish writes the manifest, which makes the snapshot exist, and records the backup. The lease must still live then:
// all content was read while nothing was deleted.
func (r *run) finish(ctx context.Context) error {
	r.m.FinishedAt = r.Now().UTC().Truncate(time.Microsecond)
	b, err := json.MarshalIndent(r.m, "", "  ")
	if err != nil {
		return err
	}
	if err := r.alive(ctx); err != nil {
		return err
	}
	// A backup of the rows alone is recorded first, because the store must keep its content from now on.
	if r.RowsOnly {
		if err := r.record(ctx); err != nil {
			return err
		}
	}
	if err := syncFolder(r.space); err != nil {
		return explain("the backup cannot be written", err)
	}
	if err := errors.Join(writeDurably(filepath.Join(r.space, manifestFile), append(b, '\n')),
		syncFolder(r.folder.path(snapshotsDir)), syncFolder(r.folder.dir)); err != nil {
		return explain("the manifest cannot be written", err)
	}
	if r.RowsOnly {
		return nil
	}
	return r.record(context.WithoutCancel(ctx))
}

// alive returns an error if the lease was lost.
func (r *run) alive(ctx context.Context) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return nil
}

func (r *run) record(ctx context.Context) error {
	return r.Index.AddBackup(ctx, Made{
		ID: r.m.ID, Place: r.place, At: r.lease.Since, FinishedAt: r.m.FinishedAt, Serial: r.m.Serial,
		Objects: r.m.Objects, Bytes: r.m.Bytes, RowsOnly: r.RowsOnly,
	}, r.Entry(r.m))
}

// part is a file of the snapshot while it is written.
type part struct {
	name string
	file *os.File
	hash hash.Hash
	size int64
	z    *zstd.Encoder // nil if the part is not compressed
	done bool
}

func (r *run) newPart(name string, compressed bool) (*part, error) {
	f, err := regular.Create(filepath.Join(r.space, name))
	if err != nil {
		return nil, explain("the backup cannot be written", err)
	}
	p := &part{name: name, file: f, hash: sha256.New()}
	if compressed {
		p.z, err = zstd.NewWriter(raw{p}, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20),
			zstd.WithLowerEncoderMem(true))
	}
	return p, err
}

// raw writes to the file of a part.
type raw struct{ *part }

func (p raw) Write(b []byte) (int, error) {
	n, err := p.file.Write(b)
	p.hash.Write(b[:n])
	p.size += int64(n)
	return n, err
}

// Write writes to the part, compressed if it is.
func (p *part) Write(b []byte) (int, error) {
	if p.z != nil {
		return p.z.Write(b)
	}
	return raw{p}.Write(b)
}

// keepPart ends a part and adds it to the manifest.
func (r *run) keepPart(p *part) error {
	var err error
	if p.z != nil {
		err = p.z.Close()
	}
	if err == nil {
		err = p.file.Sync()
	}
	p.done = true
	if err = errors.Join(err, p.file.Close()); err != nil {
		return explain("the backup cannot be written", err)
	}
	r.m.Files = append(r.m.Files, Part{Path: p.name, Size: p.size, SHA256: hex.EncodeToString(p.hash.Sum(nil))})
	return nil
}

// discard closes a part that was not kept.
func (p *part) discard() {
	if !p.done {
		p.file.Close()
	}
}

// lack records content that the store does not have.
func (r *run) lack(c Content, why string) {
	const most = 1000
	r.m.Lacking++
	r.m.Bytes -= max(c.Size, 0)
	r.Progress.Say("%s: %s", strings.Join(c.Keys, ", "), why)
	if len(r.m.Missing) < most {
		r.m.Missing = append(r.m.Missing, Missing{SHA256: c.SHA256, Keys: c.Keys, Why: why})
	}
}

// open opens the content under any of its keys. It returns fault.NotFound if none has it.
func (r *run) open(ctx context.Context, c Content) (b custody.Blob, size int64, err error) {
	for _, key := range c.Keys {
		for try := 1; ; try++ {
			b, size, err = r.Blobs.Open(ctx, key)
			if err == nil {
				return b, size, nil
			}
			if fault.Is(err, fault.NotFound) {
				break
			}
			if try == 5 || ctx.Err() != nil {
				return nil, 0, fmt.Errorf("reading %s: %w", key, err)
			}
			select { // a store that does not answer now may do so soon
			case <-ctx.Done():
			case <-time.After(time.Duration(try*try) * time.Second):
			}
		}
	}
	return nil, 0, err
}

var _ io.Writer = (*part)(nil)
