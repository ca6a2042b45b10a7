package packaging_test

import (
	"strings"
	"testing"

	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// inside is the metadata in the file in every case.
func inside() packaging.Metadata {
	return packaging.Metadata{
		MetadataVersion: "2.1", Name: "Foo.Bar", Version: "1.0.0", RequiresPython: ">=3.8, <4",
		ProvidesExtra: []string{"test", "Dev_Tools"},
		RequiresDist:  []string{"requests (>=2.0)", `pytest ; extra == 'test'`, "Zope.Interface"}, Summary: "inside",
	}
}

func TestDisagreementNone(t *testing.T) {
	for name, form := range map[string]packaging.Metadata{
		"the same":              inside(),
		"nothing":               {},
		"name and version only": {Name: "foo-bar", Version: "1.0"},
		"other spellings": {
			Name: "foo_bar", Version: "v1", RequiresPython: "<4,>=3.8", ProvidesExtra: []string{"dev-tools", "test"},
			RequiresDist: []string{"zope-interface", "requests>=2", `pytest; extra=="test"`},
		},
		"said twice":  {RequiresDist: append(inside().RequiresDist, "requests>=2.0")},
		"other texts": {Summary: "form", License: "x"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := packaging.Disagreement(form, inside()); err != nil {
				t.Errorf("%s: Disagreement = %v", name, err)
			}
		})
	}
}

func TestDisagreement(t *testing.T) {
	for name, tt := range map[string]struct {
		form  packaging.Metadata
		words []string
	}{
		"name":               {packaging.Metadata{Name: "foo"}, []string{"name:", `"foo"`, `"Foo.Bar"`}},
		"version":            {packaging.Metadata{Version: "1.0.1"}, []string{"version:", `"1.0.1"`, `"1.0.0"`}},
		"local version":      {packaging.Metadata{Version: "1.0+x"}, []string{"version:"}},
		"version unreadable": {packaging.Metadata{Version: "x"}, []string{"version:"}},
		"requires python": {
			packaging.Metadata{RequiresPython: ">=3.9,<4"}, []string{"requires_python:", ">=3.9", ">=3.8"},
		},
		"one more dependency": {
			packaging.Metadata{RequiresDist: append(inside().RequiresDist, "evil")},
			[]string{"requires_dist:", `"evil"`, "nothing"},
		},
		"one dependency less": {
			packaging.Metadata{RequiresDist: inside().RequiresDist[1:]}, []string{"requires_dist:", "requests"},
		},
		"another marker": {
			packaging.Metadata{RequiresDist: []string{"requests>=2", "pytest", "zope.interface"}},
			[]string{"requires_dist:", `"pytest"`, "extra == 'test'"},
		},
		"another version": {packaging.Metadata{RequiresDist: []string{
			"requests>=2.1", `pytest;extra=="test"`, "zope.interface",
		}}, []string{"requires_dist:", "2.1", "2.0"}},
		"a URL": {packaging.Metadata{RequiresDist: []string{
			"requests @ https://evil", `pytest;extra=="test"`, "zope.interface",
		}}, []string{"requires_dist:", "evil"}},
		"unreadable":         {packaging.Metadata{RequiresDist: []string{"a b c"}}, []string{"requires_dist:", "a b c"}},
		"extras":             {packaging.Metadata{ProvidesExtra: []string{"test"}}, []string{"provides_extra:", "Dev_Tools"}},
		"long lists are cut": {packaging.Metadata{RequiresDist: []string{"a", "b", "c", "d", "e"}}, []string{"and more"}},
	} {
		t.Run(name, func(t *testing.T) {
			err := packaging.Disagreement(tt.form, inside())
			refused(t, name, err)
			for _, w := range tt.words {
				if !strings.Contains(fault.Message(err), w) {
					t.Errorf("%s: Disagreement = %v, want %q in it", name, err, w)
				}
			}
		})
	}
	refused(t, "the file states nothing",
		packaging.Disagreement(packaging.Metadata{RequiresDist: []string{"a"}}, packaging.Metadata{}))
	refused(t, "the file has no name", packaging.Disagreement(packaging.Metadata{Name: "foo"}, packaging.Metadata{}))
	if err := packaging.Disagreement(packaging.Metadata{RequiresDist: []string{"a b"}},
		packaging.Metadata{RequiresDist: []string{" a b "}}); err != nil {
		t.Errorf("the same unreadable requirement = %v", err)
	}
}
