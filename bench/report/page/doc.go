// Package page is what the HTML of reports and comparisons has in common: the frame of
// the page, its style for light and dark, and the script that shows the values of plots
// at the pointer.
//
// A page is one file that asks nobody for anything: its content security policy allows
// its own style and its one script, and no request at all. It imports nothing of yushan.
package page
