package load

import "strings"

// RequestTarget is the path of HTTP requests; of GET, with all that comes before the message
// (RFC 8484 §4.1).
func (o *Options) RequestTarget() string {
	path := o.Path
	if path == "" {
		path = "/"
	}
	switch {
	case !o.Get:
		return path
	case strings.Contains(path, "?"):
		return path + "&dns="
	}
	return path + "?dns="
}

// RequestAuthority is the name of the server in HTTP requests.
func (o *Options) RequestAuthority() string {
	if o.Authority != "" {
		return o.Authority
	}
	return o.Server.String()
}
