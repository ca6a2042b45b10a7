package exchange

// Counted is what the exchanges of a process are counted by.
type Counted struct {
	Kind   string // of the CI platform, "" if the token was refused before that was known
	Result string // "granted", the code of a refusal, or "error"
}

// Counts returns the number of exchanges since the process started.
func (m *Minter) Counts() map[Counted]int64 { return m.counts.All() }

// count counts an exchange that ended with err.
func (m *Minter) count(a attempt, err error) {
	c := Counted{Result: "granted"}
	if a.provider != nil {
		c.Kind = a.provider.Name()
	}
	if err != nil {
		c.Result = "error"
		if f := asRefusal(err); f != nil {
			c.Result = f.Code
		}
	}
	m.counts.Add(c, 1)
}
