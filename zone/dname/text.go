package dname

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// Errors that [Parse] wraps.
var (
	ErrEmptyLabel   = errors.New("empty label")
	ErrLabelTooLong = errors.New("label longer than 63 bytes")
	ErrNameTooLong  = errors.New("name longer than 255 bytes")
	ErrBadEscape    = errors.New(`"\" must be followed by a character or by three digits up to 255`)
	ErrBadULabel    = errors.New("not a valid U-label")
	ErrNotAbsolute  = errors.New("relative name without an origin")
)

// conversion turns U-labels into A-labels by IDNA2008 (RFC 5891 §4.4). Whether
// a label may be registered is for the registry's policy to say, not for it.
var conversion = idna.New(
	idna.MapForLookup(),
	idna.Transitional(false),
	idna.BidiRule(),
	idna.CheckHyphens(false),
	idna.StrictDomainName(false),
)

// Parse turns the presentation form of a name (RFC 1035 §5.1) into wire format.
// A name that does not end in a dot is relative to origin; "@" is origin
// itself. origin is in wire format; nil makes relative names an error. Labels
// with bytes outside ASCII are U-labels in UTF-8 and become A-labels.
func Parse(text string, origin []byte) ([]byte, error) {
	return AppendParse(make([]byte, 0, len(text)+1+len(origin)), text, origin)
}

// ParseFQDN is Parse for names of the command line and the config, where a
// missing final dot means nothing: "tw" and "tw." are the same.
func ParseFQDN(text string) ([]byte, error) {
	return Parse(text, Root)
}

// AppendParse is [Parse] that appends to dst. On error dst is returned as it was.
func AppendParse(dst []byte, text string, origin []byte) ([]byte, error) {
	switch text {
	case "@":
		if origin == nil {
			return dst, ErrNotAbsolute
		}
		return append(dst, origin...), nil
	case ".":
		return append(dst, 0), nil
	case "":
		return dst, ErrEmptyLabel
	}
	before := len(dst)
	out := dst
	for text != "" {
		var err error
		if out, text, err = appendLabel(out, text); err != nil {
			return dst, err
		}
		if text == "" { // no dot after the last label
			if origin == nil {
				return dst, ErrNotAbsolute
			}
			out = append(out, origin...)
			break
		}
		if text = text[1:]; text == "" {
			out = append(out, 0)
		}
	}
	if len(out)-before > MaxWire {
		return dst, ErrNameTooLong
	}
	return out, nil
}

// appendLabel appends the first label of text, and returns what follows it:
// nothing, or text that begins with a dot.
func appendLabel(dst []byte, text string) ([]byte, string, error) {
	at := len(dst)
	dst = append(dst, 0)
	i, ascii := 0, true
	for ; i < len(text) && text[i] != '.'; i++ {
		c := text[i]
		if c == '\\' {
			value, width := unescape(text[i+1:])
			if width == 0 {
				return dst, text, ErrBadEscape
			}
			c = value
			i += width
		} else if c >= utf8.RuneSelf {
			ascii = false
		}
		dst = append(dst, c)
	}
	if !ascii {
		label, err := toASCII(string(dst[at+1:]))
		if err != nil {
			return dst, text, err
		}
		dst = append(dst[:at+1], label...)
	}
	switch n := len(dst) - at - 1; {
	case n == 0:
		return dst, text, ErrEmptyLabel
	case n > MaxLabel:
		return dst, text, fmt.Errorf("%w: %q", ErrLabelTooLong, text[:i])
	default:
		dst[at] = byte(n)
	}
	return dst, text[i:], nil
}

// unescape reads what follows a backslash: three digits, or any one byte.
// A width of 0 says that it is neither.
func unescape(s string) (value byte, width int) {
	if s == "" {
		return 0, 0
	}
	if s[0] < '0' || s[0] > '9' {
		return s[0], 1
	}
	if len(s) < 3 {
		return 0, 0
	}
	n, err := strconv.ParseUint(s[:3], 10, 8)
	if err != nil {
		return 0, 0
	}
	return byte(n), 3
}

func toASCII(label string) (string, error) {
	a, err := conversion.ToASCII(label)
	if err != nil || !utf8.ValidString(label) || strings.Contains(a, ".") {
		return "", fmt.Errorf("%w: %q", ErrBadULabel, label)
	}
	return a, nil
}

// AppendString appends the presentation form of name, absolute and with
// A-labels as they are, to dst. Bytes that a master file would not read back as
// themselves are escaped (RFC 1035 §5.1, RFC 4343 §2.1).
func AppendString(dst, name []byte) []byte {
	if name[0] == 0 {
		return append(dst, '.')
	}
	for name[0] != 0 {
		dst = append(appendEscaped(dst, name[1:1+int(name[0])]), '.')
		name = Parent(name)
	}
	return dst
}

func appendEscaped(dst, label []byte) []byte {
	for _, c := range label {
		switch {
		case c == '.' || c == '\\' || c == '"' || c == ';' || c == '(' || c == ')' || c == '@' || c == '$':
			dst = append(dst, '\\', c)
		case c <= ' ' || c > '~':
			dst = append(dst, '\\', '0'+c/100, '0'+c/10%10, '0'+c%10)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// String is [AppendString] as a string.
func String(name []byte) string {
	return string(AppendString(nil, name))
}

// Unicode returns the presentation form of name with each A-label that stands
// for a valid U-label shown as that U-label.
func Unicode(name []byte) string {
	if name[0] == 0 {
		return "."
	}
	var out []byte
	for name[0] != 0 {
		out = append(appendULabel(out, name[1:1+int(name[0])]), '.')
		name = Parent(name)
	}
	return string(out)
}

func appendULabel(dst, label []byte) []byte {
	if len(label) > 4 && lower[label[0]] == 'x' && lower[label[1]] == 'n' && label[2] == '-' && label[3] == '-' {
		a := strings.ToLower(string(label))
		u, err := conversion.ToUnicode(a)
		if back, errBack := conversion.ToASCII(u); err == nil && errBack == nil && back == a && u != a {
			return append(dst, u...)
		}
	}
	return appendEscaped(dst, label)
}

// Display returns name as people read it: with U-labels, and where these
// differ from the A-labels, those in brackets behind it: "台灣. (xn--kpry57d.)".
func Display(name []byte) string {
	u, a := Unicode(name), String(name)
	if u == a {
		return a
	}
	return u + " (" + a + ")"
}
