package arena

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// hugePage is what the kernel can map as one piece, where it does so at all.
const hugePage = 2 << 20

// Memory returns n bytes, all zero, for the chunks of a dump. From some
// megabytes on the kernel is asked for huge pages: to fault in 100 MB page by
// page takes twenty times as long as to read that much from a file.
//
// The advice is about addresses within the slice alone, aligned as the kernel
// wants them, and changes nothing of what is in there; an error of it is of no
// consequence.
func Memory(n int) []byte {
	if n < 2*hugePage {
		return make([]byte, n)
	}
	b := make([]byte, n+hugePage)
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) & (hugePage - 1)
	b = b[skip : skip+n : skip+n]
	_ = unix.Madvise(b[:n&^(hugePage-1)], unix.MADV_HUGEPAGE)
	return b
}
