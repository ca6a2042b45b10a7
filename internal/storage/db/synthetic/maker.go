package synthetic

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
)

// epoch is the timestamp of the first id in milliseconds, in 2020.
const epoch = 1_580_000_000_000

// perPerson is the number of projects with the same owner.
const perPerson = 50

// maker generates the rows of projects, one after another.
type maker struct {
	Options
	next, first int
	number      int64 // of the newest card
	serial      int64
	repository  string
	random      *rand.Rand
	source      *rand.ChaCha8
	zipf        *rand.Zipf
	share       float64 // files per unit of weight
	owed        float64 // files not yet assigned because of rounding
	tick        int64   // milliseconds in ids
	owner       person
}

// person owns some projects and has a token.
type person struct{ id, name, token string }

func newMaker(ctx context.Context, s store, o Options) (m *maker, err error) {
	m = &maker{Options: o}
	next, err := s.number(ctx, madeQuery)
	if err == nil {
		m.number, err = s.number(ctx, `SELECT COALESCE(MAX(number), 0) FROM project_cards`)
	}
	if err == nil {
		m.serial, err = s.number(ctx, `SELECT value FROM counters WHERE name = 'serial'`)
	}
	if err == nil {
		m.repository, err = s.text(ctx, `SELECT id FROM repositories WHERE name = '`+catalog.MainRepository+`'`)
	}
	if err != nil {
		return nil, err
	}
	m.next, m.first = int(next), int(next)
	m.tick = epoch + 8*m.serial // more than the number of ids per step of the serial
	var seed [32]byte
	copy(seed[:], fmt.Sprintf("%d %d", o.Seed, m.first))
	m.source = rand.NewChaCha8(seed)
	m.random = rand.New(m.source)
	m.zipf = rand.NewZipf(m.random, 1.07, 2, uint64(len(vocabulary)-1))
	m.spread()
	return m, nil
}

// weight returns the relative number of files of a project: most have few, some have hundreds, a few have thousands.
func (m *maker) weight(number int) float64 {
	r := rand.New(rand.NewPCG(m.Seed, uint64(number)))
	return math.Exp(1.6 * r.NormFloat64())
}

// spread computes the number of files per unit of weight. Each project gets at least one.
func (m *maker) spread() {
	left, sum := float64(m.Files-(m.Projects-m.first)), 0.0
	if m.hasLargest() {
		left -= float64(m.Largest)
	}
	for n := m.first; n < m.Projects; n++ {
		sum += m.weight(n)
	}
	m.share = max(0, left) / max(sum, 1e-9)
}

func (m *maker) hasLargest() bool { return m.first == 0 && m.Files >= 2*m.Largest+m.Projects }

func (m *maker) count(number int) int {
	if number == 0 && m.hasLargest() {
		return m.Largest
	}
	m.owed += m.weight(number) * m.share
	whole := math.Floor(m.owed)
	m.owed -= whole
	return 1 + int(whole)
}

// batch returns the rows of the next projects, and nil after the last.
func (m *maker) batch() *batch {
	if m.next >= m.Projects {
		return nil
	}
	b := &batch{}
	for m.next < m.Projects && len(b.rows[files]) < perBatch {
		if m.next%perPerson == 0 || m.owner.id == "" {
			m.person(b)
		}
		m.project(b, m.next, m.count(m.next))
		m.next++
	}
	b.upTo, b.serial = m.next, m.serial
	return b
}

func (m *maker) person(b *batch) {
	m.owner = person{m.id(), "person-" + strconv.Itoa(m.next), m.id()}
	b.add(users, m.owner.id, m.owner.name, false, "", micros(m.Until.AddDate(-7, 0, 0)), int64(0))
}

// id returns an id like those of the program, later than the ones before.
func (m *maker) id() string {
	m.tick++
	return access.IDAt(time.UnixMilli(m.tick), m.source.Uint64())
}

func (m *maker) digest(n int) string {
	raw, out := make([]byte, n), make([]byte, 0, 2*n)
	m.source.Read(raw)
	for _, c := range raw {
		out = append(out, hexDigits[c>>4], hexDigits[c&15])
	}
	return string(out)
}

const hexDigits = "0123456789abcdef"

func micros(t time.Time) int64 { return t.UnixMicro() }
