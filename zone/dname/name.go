package dname

import "bytes"

// Limits of RFC 1035 §2.3.4, in bytes.
const (
	MaxWire  = 255 // a whole name in wire format, the root label included
	MaxLabel = 63  // one label, without its length byte
)

// MaxLabels is the largest number of labels in a name, the root not counted:
// 127 labels of one byte each fill a name of 255 bytes.
const MaxLabels = 127

// Root is the wire format of the root name. It must not be written to.
var Root = []byte{0}

// lower maps ASCII capitals to small letters and leaves every other byte alone
// (RFC 4343 §3).
var lower = func() (t [256]byte) {
	for i := range t {
		t[i] = byte(i)
		if 'A' <= i && i <= 'Z' {
			t[i] += 'a' - 'A'
		}
	}
	return t
}()

// Check returns the length of the uncompressed name at the start of b, and
// whether there is a valid one: no compression pointer, no label longer than
// [MaxLabel], no more than [MaxWire] bytes, ended by the root label.
func Check(b []byte) (n int, ok bool) {
	for n < len(b) && n < MaxWire {
		l := int(b[n])
		if l == 0 {
			return n + 1, true
		}
		if l > MaxLabel {
			return 0, false
		}
		n += 1 + l
	}
	return 0, false
}

// Labels returns the number of labels in name, the root not counted.
func Labels(name []byte) (n int) {
	for name[0] != 0 {
		name = name[1+int(name[0]):]
		n++
	}
	return n
}

// Parent returns the name without its first label. The parent of the root is
// the root. The result shares memory with name.
func Parent(name []byte) []byte {
	if name[0] == 0 {
		return name
	}
	return name[1+int(name[0]):]
}

// AppendLower appends name to dst with its ASCII capitals made small. Length
// bytes are below 'A', so the whole name can be mapped byte by byte.
func AppendLower(dst, name []byte) []byte {
	for _, c := range name {
		dst = append(dst, lower[c])
	}
	return dst
}

// Lower makes the ASCII capitals of name small, in place.
func Lower(name []byte) {
	for i, c := range name {
		name[i] = lower[c]
	}
}

// Equal tells whether a and b are the same name, ASCII case ignored (RFC 4343).
func Equal(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i, c := range a {
		if lower[c] != lower[b[i]] {
			return false
		}
	}
	return true
}

// IsSubdomain tells whether child is parent or lies below it.
func IsSubdomain(child, parent []byte) bool {
	for len(child) > len(parent) {
		child = Parent(child)
	}
	return len(child) == len(parent) && Equal(child, parent)
}

// IsWildcard tells whether the first label of name is the asterisk label
// (RFC 4592 §2.1.1).
func IsWildcard(name []byte) bool {
	return name[0] == 1 && name[1] == '*'
}

// Compare orders a and b canonically (RFC 4034 §6.1): by label from the root
// downwards, ASCII case ignored, a name before what lies below it. The result
// is negative, zero or positive.
func Compare(a, b []byte) int {
	var ka, kb [MaxKey]byte
	return bytes.Compare(AppendKey(ka[:0], a, len(Root)), AppendKey(kb[:0], b, len(Root)))
}
