package chart

import (
	_ "embed"
	"fmt"
	"html"
)

// style is that of drawings that are files of their own, for light and dark grounds.
//
//go:embed document.css
var style string

// document is a drawing as a file of its own.
func document(width, height float64, name, body string) string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %[1]s %[2]s" width="%[1]s" height="%[2]s" role="img" aria-label="%[3]s">
<style>
%[4]s</style>
<rect class="ground" width="%[1]s" height="%[2]s"/>
%[5]s
</svg>
`, num(width), num(height), html.EscapeString(name), style, body)
}
