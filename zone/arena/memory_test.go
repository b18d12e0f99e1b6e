package arena

import "testing"

// The advice reaches from the first whole huge page to the last, and no further.
func TestWholePages(t *testing.T) {
	for _, start := range []uintptr{0x40_0000_0000, 0x40_0000_2000, 0x40_0000_0000 + hugePage - 8192} {
		for _, n := range []uintptr{2 * hugePage, 2*hugePage + 4096, 7*hugePage - 1} {
			first, length := wholePages(start, n)
			if first < start || first+length > start+n {
				t.Errorf("%#x bytes at %#x: the advice is about %#x at %#x", n, start, length, first)
			}
			if first%hugePage != 0 || length%hugePage != 0 || length == 0 || n-length >= 2*hugePage {
				t.Errorf("%#x bytes at %#x: %#x at %#x are not its huge pages", n, start, length, first)
			}
		}
	}
}
