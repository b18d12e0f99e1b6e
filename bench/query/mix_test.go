package query

import (
	"math"
	"strings"
	"testing"
)

func TestParseMix(t *testing.T) {
	for text, want := range map[string]string{
		"referral=60,nxdomain=30,apex=10": "referral=60,apex=10,nxdomain=30",
		" DS=0.5 , random = 1 ,nods=0":    "ds=0.5,random=1",
		"positive=1e3":                    "positive=1000",
	} {
		mix, err := ParseMix(text)
		if err != nil || mix.String() != want {
			t.Errorf("%q: %s %v, want %s", text, mix, err, want)
		}
		again, err := ParseMix(mix.String())
		if err != nil || again != mix {
			t.Errorf("%q: read again it is %s: %v", text, again, err)
		}
	}
	for text, want := range map[string]string{
		"":                    `mix: "": expected NAME=WEIGHT, as in "referral=60,apex=10,nxdomain=30"`,
		"referral":            `mix: "referral": expected NAME=WEIGHT`,
		"referal=60":          `mix: "referal": expected one of referral, ds, nods, apex`,
		"ds=1,ds=2":           `mix: "ds" is given twice`,
		"ds=-1":               `mix: ds: "-1": expected a number that is 0 or more`,
		"ds=x":                `mix: ds: "x": expected a number`,
		"ds=nan":              `mix: ds: "nan": expected a number`,
		"ds=inf":              `mix: ds: "inf": expected a number`,
		"ds=0,apex=0":         `mix: the weights sum up to 0`,
		"ds=1e308,nods=1e308": `mix: the weights sum up to +Inf`,
	} {
		mix := DefaultMix
		err := mix.UnmarshalText([]byte(text))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
		if mix != DefaultMix {
			t.Errorf("%q: the mix is changed to %s", text, mix)
		}
	}
}

func TestDeal(t *testing.T) {
	mixes := []Mix{
		DefaultMix, every, {Random: 1},
		{Referral: 1e-9, NXDomain: 1, Random: 1e9},
		{DS: 1. / 3, NoDS: 1. / 3, Apex: 1. / 3},
		{DS: 0.1, NoDS: 0.2, Apex: 0.7},
	}
	for _, mix := range mixes {
		var sum float64
		weighted := 0
		for _, weight := range mix {
			sum += weight
			if weight > 0 {
				weighted++
			}
		}
		for n := 1; n < 5000; n += n/3 + 1 {
			counts := mix.deal(n)
			total := 0
			for p, count := range counts {
				total += count
				if mix[p] == 0 && count > 0 {
					t.Errorf("%s: %d of %d are %s", mix, count, n, Part(p))
				}
				if mix[p] > 0 && n >= weighted && count == 0 {
					t.Errorf("%s: none of %d is %s", mix, n, Part(p))
				}
				if want := mix[p] / sum * float64(n); math.Abs(float64(count)-want) > float64(weighted) {
					t.Errorf("%s: %d of %d are %s, want %.2f", mix, count, n, Part(p), want)
				}
			}
			if total != n {
				t.Errorf("%s: %d dealt of %d", mix, total, n)
			}
		}
	}
}

func FuzzMix(f *testing.F) {
	f.Add("referral=60,nxdomain=30,apex=10")
	f.Add("ds=0.1,ds=2e-300")
	f.Add("=,=")
	f.Fuzz(func(t *testing.T, text string) {
		mix, err := ParseMix(text)
		if err != nil {
			return
		}
		if again, err := ParseMix(mix.String()); err != nil || again != mix {
			t.Errorf("%q: %s is read again as %s: %v", text, mix, again, err)
		}
		sum := 0
		for _, count := range mix.deal(1000) {
			sum += count
		}
		if sum != 1000 {
			t.Errorf("%q: %d dealt of 1,000", text, sum)
		}
	})
}
