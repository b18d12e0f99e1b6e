package dname

// A key is a name below some apex, spelled so that plain byte order is the
// canonical order of RFC 4034 §6.1: labels from the apex outwards, in lower
// case, each ended by keyEnd. Bytes that would collide with keyEnd or with
// keyEscape itself are escaped, and keep their order:
//
//	label byte   in the key
//	0x00         0x01 0x01
//	0x01         0x01 0x02
//	others       themselves, capitals made small
//
// So the key of the apex is empty, a key is a prefix of the keys of all that
// lies below its name, and every occurrence of keyEnd ends a label.
const (
	keyEnd    = 0x00
	keyEscape = 0x01
)

// MaxKey is the length of the longest key: every byte of a name escaped.
const MaxKey = 2 * MaxWire

// AppendKey appends the key of name below the apex whose wire format is
// apexLen bytes long (1 for the root) to dst. name must be at or below that apex.
func AppendKey(dst, name []byte, apexLen int) []byte {
	var starts [MaxLabels]uint8
	n, end := 0, len(name)-apexLen
	for i := 0; i < end; i += 1 + int(name[i]) {
		starts[n] = uint8(i)
		n++
	}
	for n--; n >= 0; n-- {
		dst = AppendKeyLabel(dst, name[starts[n]:])
	}
	return dst
}

// AppendKeyLabel appends the label at the start of name, which is in wire
// format with its length byte, as one more label of a key.
func AppendKeyLabel(dst, name []byte) []byte {
	for _, c := range name[1 : 1+int(name[0])] {
		if c <= keyEscape {
			dst = append(dst, keyEscape, c+1)
		} else {
			dst = append(dst, lower[c])
		}
	}
	return append(dst, keyEnd)
}

// KeyLabels returns the number of labels in key, and the length of the part
// of key that these whole labels make up. A key that was matched only in part
// so yields the deepest ancestor that the part names.
func KeyLabels(key []byte) (labels, length int) {
	for i, c := range key {
		if c == keyEnd {
			labels++
			length = i + 1
		}
	}
	return labels, length
}

// AppendFromKey appends the name that key stands for below apex to dst, in
// wire format and lower case.
func AppendFromKey(dst, key, apex []byte) []byte {
	for end := len(key); end > 0; {
		start := end - 1
		for start > 0 && key[start-1] != keyEnd {
			start--
		}
		at := len(dst)
		dst = append(dst, 0)
		for i := start; i < end-1; i++ {
			c := key[i]
			if c == keyEscape {
				i++
				c = key[i] - 1
			}
			dst = append(dst, c)
		}
		dst[at] = byte(len(dst) - at - 1)
		end = start
	}
	return append(dst, apex...)
}
