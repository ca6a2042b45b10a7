package insight

// detailWithheld marks an entry whose claims are not visible yet.
const detailWithheld = "claims_withheld"

// detail is the detail of an audit entry. A missing member or one of another type reads as empty.
type detail map[string]any

func (d detail) text(name string) string {
	s, _ := d[name].(string)
	return s
}

func (d detail) object(name string) map[string]any {
	m, _ := d[name].(map[string]any)
	return m
}

// strings returns an object of strings, whether or not it was decoded from JSON, or nil.
func (d detail) strings(name string) map[string]string {
	switch all := d[name].(type) {
	case map[string]string:
		return all
	case map[string]any:
		out := map[string]string{}
		for k, v := range all {
			out[k], _ = v.(string)
		}
		return out
	}
	return nil
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

// texts returns a list of strings, whether or not it was decoded from JSON.
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
