package config

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// Parse reads the configuration text; path names it in messages and gives the
// directory that its paths are relative to. The configuration is nil only when
// text is no YAML; else it holds all that could be read, beside the problems.
// Parse looks at no other file: see [Config.Check].
func Parse(path string, text []byte) (*Config, Problems) {
	c := Default()
	c.path = path
	r := &reader{path: path, places: map[string]place{}}
	c.places = r.places
	// go.yaml.in/yaml takes an empty document for the absence of one.
	if len(strings.TrimSpace(withoutComments(string(text)))) > 0 {
		var doc yaml.Node
		if err := yaml.Load(text, &doc); err != nil {
			r.syntax(err, text)
			return nil, r.problems
		}
		if doc.Kind == yaml.DocumentNode && len(doc.Content) == 1 {
			r.schema = c.schema()
			r.object("", r.schema, deref(doc.Content[0]))
		}
	}
	for i := range c.Zones {
		c.Zones[i].key = fmt.Sprintf("zones[%d]", i)
	}
	c.resolve()
	r.problems.sort()
	return c, r.problems
}

// withoutComments is only exact enough to tell whether anything is left.
func withoutComments(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if trimmed := strings.TrimSpace(line); !strings.HasPrefix(trimmed, "#") && trimmed != "---" {
			b.WriteString(line)
		}
	}
	return b.String()
}

// reader walks the YAML along the schema and collects what is wrong.
type reader struct {
	path     string
	schema   object
	places   map[string]place // of the keys that are there
	problems Problems
}

func (r *reader) problem(n *yaml.Node, key, format string, args ...any) {
	r.problems.add(r.path, placeOf(n), key, format, args...)
}

func placeOf(n *yaml.Node) place { return place{n.Line, n.Column} }

// syntax reports why text is no YAML document.
func (r *reader) syntax(err error, text []byte) {
	var one *yaml.LoadError
	var several *yaml.LoadErrors
	switch {
	case errors.As(err, &one):
		r.problems.add(r.path, place{one.Mark.Line, one.Mark.Column}, "", "not YAML: %s", notYAML(one, text))
	case errors.As(err, &several):
		for _, e := range several.Errors {
			r.problems.add(r.path, place{e.Mark.Line, e.Mark.Column}, "", "not YAML: %s", notYAML(e, text))
		}
	default:
		r.problems.add(r.path, place{}, "", "not YAML: %v", err)
	}
}

// notYAML is the parser's message. Of a tab it says no more than that it cannot
// stand there.
func notYAML(e *yaml.LoadError, text []byte) string {
	lines := bytes.Split(text, []byte("\n"))
	if line, column := e.Mark.Line-1, e.Mark.Column-1; 0 <= line && line < len(lines) &&
		0 <= column && column < len(lines[line]) && lines[line][column] == '\t' {
		return "a tab in front of a key or value; indent with spaces"
	}
	return strings.TrimPrefix(e.Message, "yaml: ")
}

// object reads the keys of n into fields.
func (r *reader) object(key string, fields object, n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		r.problem(n, key, "expected keys such as %q with their values, found %s", fields[0].key+":", found(n))
		return
	}
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := deref(n.Content[i]), deref(n.Content[i+1])
		if k.Kind != yaml.ScalarNode {
			r.problem(k, key, "expected a key, found %s", found(k))
			continue
		}
		at := join(key, k.Value)
		if line := first[k.Value]; line > 0 {
			r.problem(k, at, "is there twice, first at line %d", line)
			continue
		}
		first[k.Value] = k.Line
		f := fields.find(k.Value)
		if f == nil {
			r.problem(k, at, "unknown key%s", r.suggest(k.Value, fields))
			continue
		}
		r.places[at] = placeOf(k)
		f.value.read(r, at, v)
	}
	for _, f := range fields {
		if f.need && first[f.key] == 0 {
			r.problem(n, key, "%q is missing; expected %s", f.key, f.value.expects())
		}
	}
}

// suggest looks for a key like the unknown one: among its siblings, then
// anywhere.
func (r *reader) suggest(unknown string, siblings object) string {
	if near := didYouMean(unknown, siblings.keys()); near != "" {
		return near
	}
	for _, path := range allKeys("", r.schema) {
		if _, last, ok := cutLast(path, '.'); ok && last == fold(unknown) || path == fold(unknown) {
			return fmt.Sprintf("; did you mean %q?", path)
		}
	}
	return fmt.Sprintf("; expected one of %s", strings.Join(siblings.keys(), ", "))
}

// allKeys lists the paths of all keys.
func allKeys(prefix string, fields object) (paths []string) {
	for _, f := range fields {
		at := join(prefix, f.key)
		paths = append(paths, at)
		switch v := f.value.(type) {
		case *mapping:
			paths = append(paths, allKeys(at, v.fields)...)
		case interface{ element() object }:
			paths = append(paths, allKeys(at+"[]", v.element())...)
		}
	}
	return paths
}

func join(prefix, key string) string {
	if prefix == "" {
		return key
	}
	return prefix + "." + key
}

// deref follows aliases. An alias always refers to a node before it, and the
// schema's depth bounds how far a node that contains itself is followed.
func deref(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	return n
}

// found describes a node for messages.
func found(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "keys"
	case yaml.SequenceNode:
		return "a list"
	case yaml.ScalarNode:
		if n.Tag == "!!null" {
			return "nothing"
		}
		const most = 40
		if utf8.RuneCountInString(n.Value) > most {
			return fmt.Sprintf("%q…", string([]rune(n.Value)[:most]))
		}
		return fmt.Sprintf("%q", n.Value)
	}
	return "something else"
}
