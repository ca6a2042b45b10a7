package web_test

import (
	"html"
	"strings"
	"testing"

	"pyindex/internal/catalog"
)

// The contents of the manual show a heading with code as plain text.
func TestManualContents(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	page := html.UnescapeString(x.get("owner", "/help/").Body.String())
	if !strings.Contains(page, ">Why --extra-index-url is unsafe</a>") {
		t.Error("the contents do not have the heading Why --extra-index-url is unsafe")
	}
}
