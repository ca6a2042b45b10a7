package ui

import (
	"bytes"
	"encoding/xml"

	"pyindex/internal/fault"
)

// logoPolicy is the Content-Security-Policy of an SVG logo. It disables scripts if a browser opens the file directly.
const logoPolicy = "default-src 'none'; style-src 'unsafe-inline'; sandbox"

// logoName returns the static file name of a logo, by the type of its content. It returns "" if there is no logo, and
// fault.Invalid if the content is not a PNG, SVG or WebP image.
func logoName(b []byte) (string, error) {
	switch {
	case b == nil:
		return "", nil
	case bytes.HasPrefix(b, []byte("\x89PNG\r\n\x1a\n")):
		return "logo.png", nil
	case len(b) > 12 && string(b[:4]) == "RIFF" && string(b[8:12]) == "WEBP":
		return "logo.webp", nil
	case isSVG(b):
		return "logo.svg", nil
	}
	return "", fault.New(fault.Invalid, "logo: the file is not a PNG, SVG or WebP image")
}

// isSVG reports whether the root element of an XML document is svg.
func isSVG(b []byte) bool {
	for d := xml.NewDecoder(bytes.NewReader(b)); ; {
		t, err := d.Token()
		if err != nil {
			return false
		}
		if root, ok := t.(xml.StartElement); ok {
			return root.Name.Local == "svg" && root.Name.Space == "http://www.w3.org/2000/svg"
		}
	}
}
