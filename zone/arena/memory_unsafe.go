package arena

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// hugePage is what the kernel can map as one piece, where it does so at all.
const hugePage = 2 << 20

// Memory returns n bytes, all zero. From some megabytes on the kernel is asked
// for huge pages: to fault in 100 MB page by page takes twenty times as long as to
// read that much from a file, and lookups find what they need of few large pages
// in the processor's table of them.
//
// The advice is about whole huge pages within the memory, and about nothing else that
// the garbage collector has beside it. Nothing is read or written through the address;
// an error is of no consequence.
func Memory(n int) []byte {
	b := make([]byte, n)
	if n >= 2*hugePage {
		start, length := wholePages(uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(n))
		_, _, _ = unix.RawSyscall(unix.SYS_MADVISE, start, length, unix.MADV_HUGEPAGE)
	}
	return b
}

// wholePages is the part of n bytes at start that is made of whole huge pages. There is
// one if n is at least two of them.
func wholePages(start, n uintptr) (first, length uintptr) {
	first = (start + hugePage - 1) &^ (hugePage - 1)
	return first, (start+n)&^(hugePage-1) - first
}
