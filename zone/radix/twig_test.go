package radix

import (
	"fmt"
	"strings"
	"testing"

	"yushan/zone/arena"
)

// Twigs with suffixes shorter and longer than a head, with equal heads, and
// with zero bytes where short heads are filled up with zeros.
func TestTwigs(t *testing.T) {
	for name, keys := range map[string][]string{
		"short and zero":     {"ka\x00", "kb\x00\x00", "kb\x00\x01", "kc", "kd\x00\x00\x00", "ke\x00\x00\x00\x00"},
		"equal heads":        {"kaaaa1", "kaaaa2", "kaaaab\x00", "kaaab", "kaaac1", "kaaac2xyz\x00", "kb"},
		"all heads equal":    {"kaaaa1", "kaaaa2", "kaaaa3", "kaaaa4444", "kbbbb\x00\x00", "kbbbb\x00\x01"},
		"heads at the edges": {"k\x00\x00\x00\x00\x00", "k\x00\x00\x00\x01", "k\xff\xff\xff\xfe", "k\xff\xff\xff\xff\x00", "k\xff\xff\xff\xff\xff"},
		"too long for one":   {"k" + strings.Repeat("a", 200), "kb" + strings.Repeat("b", 70), "kc"},
	} {
		for _, stop := range []bool{false, true} {
			m := model{}
			for i, k := range keys {
				m[k] = Entry{uint32(i) + 1, stop}
			}
			var ask []string
			for _, k := range keys {
				for n := range len(k) + 1 {
					for _, tail := range []string{"", "\x00", "\x00\x00", "\x01", "\xff", "a", "www\x00"} {
						ask = append(ask, k[:n]+tail)
					}
				}
			}
			if err := m.compare(m.build(arena.New()), ask...); err != nil {
				t.Errorf("%s, Stop %v: %v", name, stop, err)
			}
		}
	}
}

func TestTwigFoldsAndUnfolds(t *testing.T) {
	m := model{}
	x := Tree{}.Edit()
	tree := x.Commit()
	for _, step := range []int{1, -1} {
		for i := range twigMax + 5 {
			k := fmt.Sprintf("name%c%03d\x00", 'a'+i%7, i)
			if step == 1 {
				m[k] = Entry{uint32(i), i%2 == 0}
				x.Set([]byte(k), uint32(i), i%2 == 0)
			} else {
				delete(m, k)
				x.Delete([]byte(k))
			}
			tree = x.Commit()
			if err := m.compare(tree); err != nil {
				t.Fatalf("with %d entries: %v", len(m), err)
			}
			if got, want := shape(tree), shape(m.build(arena.New())); got != want {
				t.Fatalf("with %d entries, edited:\n%s\nbuilt:\n%s", len(m), got, want)
			}
			isTwig := false
			if tree.root != 0 {
				isTwig = decode(tree.view.At(tree.root)).twig.count > 0
			}
			if want := len(m) >= 2 && len(m) <= twigMax; isTwig != want {
				t.Fatalf("with %d entries the root is a twig: %v", len(m), isTwig)
			}
		}
	}
}
