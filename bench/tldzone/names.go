package tldzone

import (
	"strings"

	"golang.org/x/net/idna"
)

// syllables are 128. Each begins with a consonant and has its vowels in one piece, with n or
// ng behind them or nothing, so that a row of syllables can be read in one way
// only: two rows that differ make two names that differ.
var syllables = strings.Fields(`
	ba bai ban bao bei bo cai cha chang chao chen cheng chi chu chun da
	dai dan dao de ding dong du fa fan fang fei fen feng fu gang gao
	ge gong gu guang gui guo hai han hao he hong hua huang hui ji jia
	jian jin jing jiu ju kai kang ke kong kuai la lan lang le li lian
	liang lin ling liu long lu ma mei meng mi ming mo mu na nan ni
	nong pan pei peng ping pu qi qian qing qiu ren rong ru san shan shang
	shen sheng shi shou shu si song su ta tai tang tao tian ting tong tu
	wan wang wei wen wu xi xia xian xiang xin xing xiu ya yang yi yu`)

// characters are 128, too.
var characters = strings.Split("中華民國台灣資訊網路商業組織公司科技文化教育山水風雲日月星光龍鳳春夏秋冬東西南北金木火土"+
	"大小天地人心美好新生活力健康醫學法律工程建設計電子通信出版旅遊食品飲茶花園農林牧漁機械車行"+
	"服務社會福利安全保險投產銀店家居書院音樂藝術影視廣告創意動畫球場海港明德和平泰", "")

// suffixes of some names begin with what no syllable has.
var suffixes = []string{"88", "168", "520", "101", "24h", "-tw", "-shop", "-online", "-lab", "-group", "-tech", "-design"}

// categories are the second-level domains of names in Latin letters, with the number
// of 64 such names that are below each.
var categories = []struct {
	name string
	of64 int
}{{"com", 40}, {"org", 8}, {"idv", 7}, {"edu", 3}, {"net", 2}, {"gov", 2}, {"club", 1}, {"game", 1}}

// chineseCategories are 商業, 組織 and 網路.
var chineseCategories = []string{"xn--czrw28b", "xn--uc0atv", "xn--zf0ao64a"}

// appendName appends the owner name of the i-th delegation, relative to the origin. No two of
// them are equal.
func (z *Zone) appendName(dst []byte, i int) []byte {
	d := newDraw(z.Seed, i, forName)
	if d.below(20) == 0 {
		dst = z.appendChinese(dst, i)
		if d.below(5) == 0 {
			dst = append(dst, '.')
			dst = append(dst, chineseCategories[d.below(len(chineseCategories))]...)
		}
		return dst
	}
	for number, digits := z.scramble(i); digits > 0; digits-- {
		dst = append(dst, syllables[number%base]...)
		number /= base
	}
	if d.below(6) == 0 {
		dst = append(dst, suffixes[d.below(len(suffixes))]...)
	}
	if d.below(5) < 2 {
		dst = append(dst, '.')
		dst = append(dst, d.category()...)
	}
	return dst
}

func (d *draw) category() string {
	n := d.below(64)
	for _, c := range categories {
		if n -= c.of64; n < 0 {
			return c.name
		}
	}
	panic("tldzone: the categories have less than 64 parts")
}

func (z *Zone) appendChinese(dst []byte, i int) []byte {
	var label strings.Builder
	for number, digits := z.scramble(i); digits > 0; digits-- {
		label.WriteString(characters[number%base])
		number /= base
	}
	// Punycode fails with labels only that are longer than these are.
	ascii, err := idna.Punycode.ToASCII(label.String())
	if err != nil {
		panic(err)
	}
	return append(dst, ascii...)
}

// base is how many syllables there are, and characters.
const (
	base     = 1 << baseBits
	baseBits = 7
)

// scramble returns what the i-th name is written with: so many digits of base, at least 2, of a number.
// No two indices have the same.
func (z *Zone) scramble(i int) (number uint64, digits int) {
	number, digits = uint64(i), 2
	for number >= 1<<(baseBits*digits) {
		number -= 1 << (baseBits * digits)
		digits++
	}
	// Each step maps the numbers of that many bits onto themselves.
	bits := baseBits * digits
	mask := uint64(1)<<bits - 1
	key := mix(z.Seed + uint64(digits))
	for range 2 {
		number = (number*golden + key) & mask
		number ^= number >> (bits / 2)
	}
	return number, digits
}
