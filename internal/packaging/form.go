package packaging

import "pyindex/internal/fault"

// FormMetadata reads the metadata fields of an upload form, under the names and spellings that clients send. Blank
// values and UNKNOWN are treated as absent, and unknown fields are ignored. It returns fault.Invalid for a single-value
// field with several values, for invalid UTF-8 in a field that affects installation, and for more than 50,000 values or
// 16 MiB. It does not validate the values; Check does.
func FormMetadata(form map[string][]string) (Metadata, error) {
	var m Metadata
	count, size := 0, 0
	for _, f := range fields {
		values := formValues(form, f)
		for _, v := range values {
			count, size = count+1, size+len(v)
		}
		if count > maxHeaders || size > maxMetadata {
			return Metadata{},
				fault.New(fault.Invalid, "the form's metadata is too large: at most %d values and %d bytes", maxHeaders,
					maxMetadata)
		}
		if err := m.setForm(f, values); err != nil {
			return Metadata{}, err
		}
	}
	return m, nil
}

func formValues(form map[string][]string, f field) []string {
	values := form[f.form]
	if f.alias != "" && len(values) == 0 {
		values = form[f.alias]
	}
	return values
}

func (m *Metadata) setForm(f field, values []string) error {
	if f.one != nil && len(values) > 1 {
		return fault.New(fault.Invalid, "%s has invalid data: it was sent %d times", f.form, len(values))
	}
	for _, v := range values {
		if isAbsent(v) {
			continue
		}
		if f.exact() && clean(v) != v {
			return fault.New(fault.Invalid, "%s has invalid data: %s is not UTF-8 text", f.form, quote(v))
		}
		if f.one != nil {
			*f.one(m) = clean(v)
			continue
		}
		list := f.many(m)
		*list = append(*list, clean(v))
	}
	return nil
}
