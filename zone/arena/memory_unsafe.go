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
// The advice is about whole huge pages, so what else the garbage collector has in
// the first and the last one is meant too. It changes nothing of what is in there;
// nothing is read or written through the address; an error of it is of no consequence.
func Memory(n int) []byte {
	b := make([]byte, n)
	if n >= 2*hugePage {
		start := uintptr(unsafe.Pointer(unsafe.SliceData(b))) &^ (hugePage - 1)
		end := (uintptr(unsafe.Pointer(unsafe.SliceData(b))) + uintptr(n) + hugePage - 1) &^ (hugePage - 1)
		_, _, _ = unix.RawSyscall(unix.SYS_MADVISE, start, end-start, unix.MADV_HUGEPAGE)
	}
	return b
}
