package insight

// detailWithheld marks an entry whose claims the reader may not see yet.
const detailWithheld = "claims_withheld"

// detail is the detail of an entry, as JSON has it. A member that is missing or of another type is empty.
type detail map[string]any

func (d detail) text(name string) string {
	s, _ := d[name].(string)
	return s
}

func (d detail) object(name string) map[string]any {
	m, _ := d[name].(map[string]any)
	return m
}

func (d detail) list(name string) []detail {
	all, _ := d[name].([]any)
	var out []detail
	for _, v := range all {
		if m, ok := v.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

// texts is a list of texts, as JSON has it or as it was before.
func (d detail) texts(name string) []string {
	switch all := d[name].(type) {
	case []string:
		return all
	case []any:
		var out []string
		for _, v := range all {
			if s, ok := v.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}
