package lookup

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/url"
	"path"
	"slices"
	"strings"

	"yushan/server/doh/exchange"
)

//go:embed page
var files embed.FS

// base is where all but the page itself is served.
const base = "/lookup/"

// ContentSecurityPolicy is the header field's value for each of the page's files.
const ContentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// Fields are the header fields for each of the page's files, the policy among
// them.
var Fields = []exchange.Field{
	{Name: "content-security-policy", Value: ContentSecurityPolicy},
	{Name: "x-content-type-options", Value: "nosniff"},
	{Name: "referrer-policy", Value: "no-referrer"},
	{Name: "cross-origin-opener-policy", Value: "same-origin"},
	{Name: "cross-origin-resource-policy", Value: "same-origin"},
}

// Options say what the page tells about its server.
type Options struct {
	// DNSPath is the path of the DoH resource on the same origin, without the
	// "{?dns}" of a template; empty means /dns-query.
	DNSPath string
	// Server is what the page calls the server; empty means "yushan".
	Server string
	// SelfSigned says that the certificate is one that tools don't trust: the
	// commands tell them not to mind.
	SelfSigned bool
	// Examples are shown below the form, so they should be few; the first one is
	// also what the empty field suggests.
	Examples []Example
	// Catalogue are more examples, folded away, and grouped by what they show.
	Catalogue []Example
}

// Example is a question worth asking.
type Example struct {
	Name  string // U-labels or A-labels, in presentation form
	Type  string // mnemonic
	With  string // options as in the page's links, such as "do,padding"; or empty
	Shows string // what the answer shows; may be empty
}

// Link is the fragment of the page's address that asks the question.
func (e Example) Link() string {
	link := "#" + url.PathEscape(e.Name) + "/" + url.PathEscape(e.Type)
	if e.With != "" {
		link += "/" + e.With
	}
	return link
}

// Group is examples that show the same.
type Group struct {
	Shows    string
	Examples []Example
}

// types have a button; the form has a field for all others.
var types = []string{
	"A", "AAAA", "NS", "SOA", "MX", "TXT", "CNAME", "HTTPS", "SVCB", "SRV", "CAA", "TLSA",
	"DS", "DNSKEY", "NSEC", "NSEC3PARAM", "ANY",
}

// Page is the page with all its files. It never changes.
type Page struct {
	files map[string]file // by path
}

type file struct {
	body        []byte
	contentType string
}

// New builds a page. It is an error if the DoH resource would hide one of its
// files.
func New(opts Options) (*Page, error) {
	if opts.DNSPath == "" {
		opts.DNSPath = "/dns-query"
	}
	if opts.Server == "" {
		opts.Server = "yushan"
	}
	p := &Page{files: map[string]file{}}
	names, err := fs.Glob(files, "page/*")
	if err != nil {
		return nil, err
	}
	var modules []string
	for _, name := range names {
		body, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		name := path.Base(name)
		if name == "index.html" {
			continue
		}
		contentType, ok := contentTypes[path.Ext(name)]
		if !ok {
			return nil, fmt.Errorf("file %s of the lookup page: unknown content type", name)
		}
		if path.Ext(name) == ".js" {
			modules = append(modules, name)
		}
		p.files[base+name] = file{body, contentType}
	}
	index, err := indexPage(opts, modules)
	if err != nil {
		return nil, fmt.Errorf("lookup page: %w", err)
	}
	p.files["/"] = file{index, contentTypes[".html"]}
	if _, ok := p.files[opts.DNSPath]; ok || !strings.HasPrefix(opts.DNSPath, "/") {
		return nil, fmt.Errorf("lookup page: %q can't be the path of the DoH resource beside it", opts.DNSPath)
	}
	return p, nil
}

var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

func indexPage(opts Options, modules []string) ([]byte, error) {
	t, err := template.ParseFS(files, "page/index.html")
	if err != nil {
		return nil, err
	}
	placeholder := "nic.tw"
	if len(opts.Examples) > 0 {
		placeholder = opts.Examples[0].Name
	}
	var out bytes.Buffer
	err = t.Execute(&out, map[string]any{
		"Base":          base,
		"Catalogue":     groups(opts.Catalogue),
		"CatalogueSize": len(opts.Catalogue),
		"DNSPath":       opts.DNSPath,
		"Examples":      opts.Examples,
		"Modules":       modules,
		"Placeholder":   placeholder,
		"SelfSigned":    opts.SelfSigned,
		"Server":        opts.Server,
		"Types":         types,
	})
	return out.Bytes(), err
}

// groups puts examples together that show the same, in the order in which the
// first of each group comes.
func groups(examples []Example) []Group {
	var out []Group
	for _, e := range examples {
		i := slices.IndexFunc(out, func(g Group) bool { return g.Shows == e.Shows })
		if i < 0 {
			i = len(out)
			out = append(out, Group{Shows: e.Shows})
		}
		out[i].Examples = append(out[i].Examples, e)
	}
	return out
}

// File returns one file by the path of its URL, without a query: "/" is the page.
// The body is not to be changed, and never changes.
func (p *Page) File(path string) (body []byte, contentType string, ok bool) {
	f, ok := p.files[path]
	return f.body, f.contentType, ok
}

// Paths returns the paths of all files, sorted.
func (p *Page) Paths() []string {
	paths := make([]string, 0, len(p.files))
	for path := range p.files {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return paths
}
