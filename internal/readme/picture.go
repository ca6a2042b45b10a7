package readme

import (
	"bytes"
	"encoding/base64"
	"image"
	_ "image/gif"  // recognize GIF
	_ "image/jpeg" // recognize JPEG
	_ "image/png"  // recognize PNG
	"net/url"
	"path"
	"strings"

	_ "golang.org/x/image/webp" // recognize WebP
	"golang.org/x/net/html"
)

// Bounds of a picture.
const (
	MaxPictureSide   = 8_192      // pixels
	MaxPicturePixels = 24_000_000 // which take a browser 96 MB
	maxDataPicture   = 64 << 10   // bytes of a picture in the text itself
)

// PictureType returns the media type of a PNG, JPEG, GIF or WebP picture, recognized by its first bytes. It returns ""
// for anything else, and for pictures with too many pixels. It does not decode the pixels.
func PictureType(content []byte) string {
	c, kind, err := image.DecodeConfig(bytes.NewReader(content))
	if err != nil || c.Width < 1 || c.Height < 1 || c.Width > MaxPictureSide || c.Height > MaxPictureSide ||
		c.Width*c.Height > MaxPicturePixels {
		return ""
	}
	return "image/" + kind
}

// dataPicture reports whether an address is a picture in itself ("data:image/png;base64,…") of bounded size.
func dataPicture(address string) bool {
	header, body, ok := strings.Cut(address, ",")
	kind, coded := strings.CutSuffix(strings.TrimPrefix(header, "data:"), ";base64")
	if !ok || !coded || !strings.HasPrefix(header, "data:image/") ||
		len(body) > base64.StdEncoding.EncodedLen(maxDataPicture) {
		return false
	}
	content, err := base64.StdEncoding.DecodeString(body)
	return err == nil && PictureType(content) == kind
}

// pictureAddress returns the address from which a browser loads a picture, or "" if only its text is shown. address is
// the address in the text, resolved against the source repository.
func (o Options) pictureAddress(src string) (shown, address string) {
	switch {
	case strings.HasPrefix(src, "data:"):
		if dataPicture(src) {
			return src, ""
		}
		return "", ""
	case absolute(src):
		address = src
	case strings.HasPrefix(src, "//") && absolute("https:"+src):
		address = "https:" + src
	default:
		address = o.Source.Raw(src)
	}
	if address == "" || o.Picture == nil || len(address) > maxAddress {
		return "", address
	}
	return o.Picture(address), address
}

// maxAddress is the largest length of a picture's address, in bytes.
const maxAddress = 2_000

// picture writes a picture, or its text if the options do not show it.
func (f *fitting) picture(t html.Token) {
	shown, address := f.options.pictureAddress(attr(t, "src"))
	if shown != "" {
		img := html.Token{Type: html.StartTagToken, Data: "img", Attr: []html.Attribute{
			{Key: "src", Val: shown},
			{Key: "alt", Val: attr(t, "alt")},
			{Key: "loading", Val: "lazy"},
			{Key: "referrerpolicy", Val: "no-referrer"},
		}}
		for _, key := range []string{"id", "width", "height", "align"} {
			if v := attr(t, key); v != "" {
				img.Attr = append(img.Attr, html.Attribute{Key: key, Val: v})
			}
		}
		if address != "" {
			f.pictures = append(f.pictures, address)
		}
		f.write(f.tag(img))
		return
	}
	if f.out.Len() > 0 && f.out.Len() == f.pictureEnd { // texts of adjacent pictures are words of their own
		f.write(" ")
	}
	defer func() { f.pictureEnd = f.out.Len() }()
	text := html.EscapeString(pictureText(attr(t, "alt"), address))
	if f.opened["a"] > 0 || address == "" {
		f.write(`<span class="picture">` + text + "</span>")
		return
	}
	link := html.Token{Type: html.StartTagToken, Data: "a", Attr: []html.Attribute{
		{Key: "class", Val: "picture"},
		{Key: "href", Val: address},
		{Key: "rel", Val: rel},
	}}
	f.write(link.String() + text + "</a>")
}

// pictureText returns the text in place of a picture: its alternative text, its file name, or "picture".
func pictureText(alt, address string) string {
	if alt = strings.TrimSpace(alt); alt != "" {
		return alt
	}
	if u, err := url.Parse(address); err == nil {
		if name := path.Base(u.Path); strings.Contains(name, ".") && len(name) < 60 {
			return name
		}
	}
	return "picture"
}
