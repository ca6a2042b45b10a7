package ui

import (
	"strings"
	"testing"

	"pyindex/internal/fault"
)

func TestLogoName(t *testing.T) {
	for name, content := range map[string]string{
		"empty": "", "text": "logo", "GIF": "GIF89a", "HTML": `<html><svg xmlns="http://www.w3.org/2000/svg"/></html>`,
		"SVG without its namespace": "<svg/>", "cut PNG": "\x89PNG", "cut WebP": "RIFF\x10\x00\x00\x00WEBP",
		"WAV": "RIFF\x10\x00\x00\x00WAVEfmt ", "bad XML": "<svg",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := logoName([]byte(content))
			if !fault.Is(err, fault.Invalid) ||
				!strings.Contains(err.Error(), "logo: the file is not a PNG, SVG or WebP image") {
				t.Errorf("logoName(%q) = %q, %v, want fault.Invalid", content, got, err)
			}
		})
	}
	if got, err := logoName(nil); got != "" || err != nil {
		t.Errorf("logoName(nil) = %q, %v, want no logo", got, err)
	}
}
