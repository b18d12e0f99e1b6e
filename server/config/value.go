package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"yushan/zone/dname"
)

// value is what a key accepts. It is bound to the variable that it sets.
type value interface {
	read(r *reader, key string, n *yaml.Node)
	expects() string // "a duration such as 10s"
	shown() string   // the variable as it is now, in YAML; "" when it is unset
}

// scalar is a value written as one YAML scalar.
type scalar struct {
	what  string
	parse func(r *reader, n *yaml.Node) error // the error replaces "expected …, found …"
	show  func() string
}

func (s *scalar) expects() string { return s.what }
func (s *scalar) shown() string   { return s.show() }

func (s *scalar) read(r *reader, key string, n *yaml.Node) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		r.problem(n, key, "expected %s, found %s", s.what, found(n))
		return
	}
	if err := s.parse(r, n); err == errExpected {
		r.problem(n, key, "expected %s, found %s", s.what, found(n))
	} else if err != nil {
		r.problem(n, key, "%v", err)
	}
}

var errExpected = fmt.Errorf("not what was expected")

func text(to *string, maxBytes int, example string) value {
	what := fmt.Sprintf("text such as %q of at most %d bytes", example, maxBytes)
	return &scalar{what, func(_ *reader, n *yaml.Node) error {
		if n.Tag != "!!str" && n.Tag != "!!int" || len(n.Value) > maxBytes {
			return errExpected
		}
		*to = n.Value
		return nil
	}, func() string { return *to }}
}

func path(to *string) value {
	return &scalar{"a path", func(_ *reader, n *yaml.Node) error {
		if n.Tag != "!!str" || n.Value == "" || strings.ContainsRune(n.Value, 0) {
			return errExpected
		}
		*to = n.Value
		return nil
	}, func() string { return *to }}
}

func zoneFile(z *Zone) value {
	p := path(&z.File).(*scalar)
	return &scalar{p.what, func(r *reader, n *yaml.Node) error {
		z.fileAt = placeOf(n)
		return p.parse(r, n)
	}, p.show}
}

func number(to *int, least, most int) value {
	what := fmt.Sprintf("a number from %d to %d", least, most)
	return &scalar{what, func(_ *reader, n *yaml.Node) error {
		v, err := strconv.Atoi(n.Value)
		if err != nil || v < least || v > most {
			return errExpected
		}
		*to = v
		return nil
	}, func() string { return strconv.Itoa(*to) }}
}

// size reads bytes: 1232, 64KiB, 1MiB.
func size(to *int, least, most int) value {
	what := fmt.Sprintf("a size in bytes such as 1232 or 4KiB, from %s to %s", sizeText(least), sizeText(most))
	return &scalar{what, func(_ *reader, n *yaml.Node) error {
		digits, unit := n.Value, 1
		for suffix, bytes := range map[string]int{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
			if rest, ok := strings.CutSuffix(digits, suffix); ok {
				digits, unit = strings.TrimSpace(rest), bytes
				break
			}
		}
		v, err := strconv.Atoi(digits)
		if err != nil || v < 0 || v > most/unit || v*unit < least {
			return errExpected
		}
		*to = v * unit
		return nil
	}, func() string { return sizeText(*to) }}
}

// sizeText writes whole multiples of 16 KiB with a unit, 64MiB, and else digits.
func sizeText(bytes int) string {
	if bytes%(16<<10) != 0 || bytes == 0 {
		return strconv.Itoa(bytes)
	}
	units := []string{"KiB", "MiB", "GiB"}
	bytes >>= 10
	for len(units) > 1 && bytes%1024 == 0 {
		units, bytes = units[1:], bytes>>10
	}
	return strconv.Itoa(bytes) + units[0]
}

func duration(to *time.Duration, least, most time.Duration) value {
	what := fmt.Sprintf("a duration with its unit, such as 10s or 1m30s, from %s to %s", short(least), short(most))
	return &scalar{what, func(_ *reader, n *yaml.Node) error {
		d, err := time.ParseDuration(n.Value)
		if err != nil || d < least || d > most {
			return errExpected
		}
		*to = d
		return nil
	}, func() string { return short(*to) }}
}

// short writes 1h, not 1h0m0s.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func oneOf(to *string, choices ...string) value {
	what := "one of " + strings.Join(choices, ", ")
	return &scalar{what, func(_ *reader, n *yaml.Node) error {
		for _, c := range choices {
			if n.Value == c {
				*to = c
				return nil
			}
		}
		return fmt.Errorf("expected %s, found %s%s", what, found(n), didYouMean(n.Value, choices))
	}, func() string { return *to }}
}

func name(z *Zone) value {
	const what = `the name of a zone such as tw, 台灣 or "."`
	return &scalar{what, func(_ *reader, n *yaml.Node) error {
		z.at = placeOf(n)
		parsed, err := dname.ParseFQDN(n.Value)
		if err != nil {
			return fmt.Errorf("expected %s, found %s: %w", what, found(n), err)
		}
		dname.Lower(parsed)
		z.Name = parsed
		return nil
	}, func() string { return "" }}
}

// mapping is a value with keys of its own.
type mapping struct{ fields object }

func section(fields object) value { return &mapping{fields} }

func (m *mapping) expects() string { return "keys and their values" }
func (m *mapping) shown() string   { return "" }
func (m *mapping) read(r *reader, key string, n *yaml.Node) {
	r.object(key, m.fields, n)
}

// listOf is a sequence of mappings.
type listOf[T any] struct {
	to     *[]T
	fields func(*T) object
}

func list[T any](to *[]T, fields func(*T) object) value { return &listOf[T]{to, fields} }

func (l *listOf[T]) expects() string { return "a list" }
func (l *listOf[T]) shown() string   { return "" }

// element gives the reference what one element looks like.
func (l *listOf[T]) element() object { return l.fields(new(T)) }

func (l *listOf[T]) read(r *reader, key string, n *yaml.Node) {
	if n.Kind != yaml.SequenceNode {
		r.problem(n, key, `expected a list, each element behind a "-", found %s`, found(n))
		return
	}
	out := make([]T, len(n.Content))
	for i, item := range n.Content {
		at, item := fmt.Sprintf("%s[%d]", key, i), deref(item)
		r.places[at] = placeOf(item)
		r.object(at, l.fields(&out[i]), item)
	}
	*l.to = out
}

func boolean(to *bool) value {
	const what = "true or false"
	return &scalar{what, func(_ *reader, n *yaml.Node) error {
		switch n.Value {
		case "true":
			*to = true
		case "false":
			*to = false
		default:
			return errExpected
		}
		return nil
	}, func() string { return strconv.FormatBool(*to) }}
}

// words reads one scalar, or a sequence of them, each by parse.
type words[T any] struct {
	to    *[]T
	what  string // of one: "an IP prefix such as 192.0.2.0/24"
	parse func(string) (T, error)
	show  func(T) string
}

func (w *words[T]) expects() string { return "a list, each element " + w.what }

func (w *words[T]) shown() string {
	if *w.to == nil {
		return ""
	}
	texts := make([]string, len(*w.to))
	for i, v := range *w.to {
		texts[i] = w.show(v)
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

func (w *words[T]) read(r *reader, key string, n *yaml.Node) {
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	out := make([]T, 0, len(items))
	seen := map[string]bool{}
	for i, item := range items {
		at := key
		if n.Kind == yaml.SequenceNode {
			at = fmt.Sprintf("%s[%d]", key, i)
		}
		item = deref(item)
		if item.Kind != yaml.ScalarNode || item.Tag == "!!null" {
			r.problem(item, at, "expected %s, found %s", w.what, found(item))
			continue
		}
		v, err := w.parse(item.Value)
		switch {
		case err != nil:
			r.problem(item, at, "%v", err)
		case seen[w.show(v)]:
			r.problem(item, at, "%s is there twice", w.show(v))
		default:
			seen[w.show(v)] = true
			out = append(out, v)
		}
	}
	*w.to = out
}
