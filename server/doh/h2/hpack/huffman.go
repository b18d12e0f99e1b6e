package hpack

// huffmanLengths are the lengths in bits of the codes of RFC 7541 Appendix B, by symbol. The code is
// canonical, shorter codes first and symbols of one length in their order, so that the
// lengths tell all.
var huffmanLengths = [256]uint8{
	13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
	28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
	6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
	5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
	13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
	7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
	15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
	6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
	20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
	24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
	22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
	21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
	26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
	19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
	20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
	26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
}

const (
	shortBits = 8  // codes as short are looked up at once
	longBits  = 30 // the longest: LF, CR, 22, and EOS, whose bits are all ones
)

// huffman is what decoding looks things up in.
type huffman struct {
	// short has, for each eight bits that a code may begin with, its symbol and in
	// the upper half its length; 0 if it is longer.
	short [1 << shortBits]uint16
	// For each longer length: its first code, how many there are, and where their
	// symbols begin.
	first, count, at [longBits + 1]uint32
	symbols          [256]uint8
}

var huffmanCode = makeHuffman()

func makeHuffman() *huffman {
	h := new(huffman)
	var code, filled uint32
	for length := uint32(1); length <= longBits; length++ {
		code <<= 1
		h.first[length], h.at[length] = code, filled
		for symbol, l := range huffmanLengths {
			if uint32(l) != length {
				continue
			}
			h.symbols[filled] = uint8(symbol)
			filled++
			if length <= shortBits {
				from := code << (shortBits - length)
				for i := range uint32(1) << (shortBits - length) {
					h.short[from+i] = uint16(length<<8) | uint16(symbol)
				}
			}
			code++
		}
		h.count[length] = code - h.first[length]
	}
	return h
}

// appendHuffman appends to dst what src stands for, as far as dst's capacity
// goes: fits is false if it doesn't do, and the rest isn't looked at then. ok is
// false if src isn't properly coded (RFC 7541 §5.2).
func appendHuffman(dst, src []byte) (decoded []byte, fits, ok bool) {
	h := huffmanCode
	room := dst[len(dst):cap(dst)]
	n := 0
	bits, have := ^uint64(0), 0 // to be decoded, from the top; below them ones
	for {
		if have < longBits {
			for have <= 56 && len(src) > 0 {
				bits &^= uint64(^src[0]) << (56 - have)
				src = src[1:]
				have += 8
			}
			if have < 8 && bits == ^uint64(0) {
				return dst[:len(dst)+n], true, true // padding, or nothing
			}
		}
		entry := h.short[bits>>(64-shortBits)]
		length, symbol := int(entry>>8), uint8(entry)
		if length == 0 {
			symbol, length = h.long(bits)
		}
		if length > have || length == 0 {
			return dst, true, false // what remains is no padding; or EOS
		}
		if n >= len(room) {
			return dst, false, true
		}
		room[n] = symbol
		n++
		bits = bits<<(length&63) | (1<<(length&63) - 1)
		have -= length
	}
}

// long finds the code that bits begin with, if it is longer than shortBits; length
// is 0 for EOS.
func (h *huffman) long(bits uint64) (symbol uint8, length int) {
	for l := shortBits + 1; l <= longBits; l++ {
		if i := uint32(bits>>(64-l)) - h.first[l]; i < h.count[l] {
			return h.symbols[h.at[l]+i], l
		}
	}
	return 0, 0
}
