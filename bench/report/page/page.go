package page

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"io"
	"strings"
)

//go:embed style.css
var style string

//go:embed readout.js
var script string

//go:embed frame.html
var frame string

var frameTemplate = template.Must(template.New("frame").Parse(frame))

// Page is one page.
type Page struct {
	Kind  string // "Load test", "Comparison"
	Title string
	About []string // when and how, in a line below the title
	Body  template.HTML
	Foot  string
}

// Write writes the page.
func Write(w io.Writer, p Page) error {
	sum := sha256.Sum256([]byte(script))
	var b strings.Builder
	err := frameTemplate.Execute(&b, struct {
		Page
		Style  template.CSS
		Script template.JS
		Policy string
	}{p, template.CSS(style), template.JS(script),
		"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"})
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, b.String())
	return err
}
