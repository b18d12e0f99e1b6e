package fakedns

import (
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// follow asks a script n times, one query each step.
func follow(s Script, n int, step time.Duration) (replies []Reply) {
	start := time.Unix(1_000_000_000, 0)
	m, err := new(dns.Msg).SetQuestion("example.", dns.TypeA).Pack()
	if err != nil {
		panic(err)
	}
	for i := range n {
		replies = append(replies, s(&Query{Message: m, N: i, OnConn: i % 3, Received: start.Add(time.Duration(i) * step)}))
	}
	return replies
}

func delays(replies []Reply) (d []time.Duration) {
	for _, r := range replies {
		d = append(d, r.Delay)
	}
	return d
}

func ends(replies []Reply) (e []End) {
	for _, r := range replies {
		e = append(e, r.End)
	}
	return e
}

func TestStall(t *testing.T) {
	const ms = time.Millisecond
	for name, test := range map[string]struct {
		script Script
		want   []time.Duration
	}{
		"at once":          {Stall(200*ms, 300*ms, Good), []time.Duration{0, 0, 300 * ms, 200 * ms, 100 * ms, 0, 0}},
		"and delays":       {Stall(200*ms, 300*ms, Delayed(Fixed(150*ms), Good)), []time.Duration{150 * ms, 400 * ms, 300 * ms, 200 * ms, 150 * ms, 150 * ms, 150 * ms}},
		"later than all":   {Stall(time.Hour, time.Hour, Good), make([]time.Duration, 7)},
		"from the start":   {Stall(0, 100*ms, Good), []time.Duration{100 * ms, 0, 0, 0, 0, 0, 0}},
		"without a length": {Stall(0, 0, Good), make([]time.Duration, 7)},
	} {
		if got := delays(follow(test.script, 7, 100*ms)); !slices.Equal(got, test.want) {
			t.Errorf("%s: delays %v, expected %v", name, got, test.want)
		}
	}
}

func TestChoices(t *testing.T) {
	for name, test := range map[string]struct {
		script Script
		want   []End
	}{
		"after":                 {After(2, Good, HangsUp), []End{0, 0, Closes, Closes, Closes, Closes}},
		"after on a connection": {AfterOnConn(2, Good, Breaks), []End{0, 0, Resets, 0, 0, Resets}},
		"every":                 {Every(2, Dies, Good), []End{0, Kills, 0, Kills, 0, Kills}},
		"lasting":               {Lasting(3, Good), []End{0, 0, Closes, 0, 0, Closes}},
	} {
		if got := ends(follow(test.script, 6, 0)); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, expected %v", name, got, test.want)
		}
	}
}

func TestDelaysAreDrawn(t *testing.T) {
	for name, test := range map[string]struct {
		draw         func() Delays
		least, most  time.Duration
		p50lo, p50hi time.Duration
	}{
		"fixed":     {func() Delays { return Fixed(7) }, 7, 7, 7, 7},
		"uniform":   {func() Delays { return Uniform(1000, 3000, 1) }, 1000, 3000, 1900, 2100},
		"long tail": {func() Delays { return LongTail(1000, 1, 20_000, 1) }, 1, 20_000, 950, 1050},
	} {
		a, b := test.draw(), test.draw()
		var drawn []time.Duration
		for range 10_000 {
			d := a()
			if again := b(); again != d {
				t.Fatalf("%s: %d and %d from the same seed", name, d, again)
			}
			drawn = append(drawn, d)
		}
		p0, p50, p100 := Quantile(drawn, 0), Quantile(drawn, 0.5), Quantile(drawn, 1)
		if p0 < test.least || p100 > test.most || p50 < test.p50lo || p50 > test.p50hi {
			t.Errorf("%s: from %d to %d, median %d", name, p0, p100, p50)
		}
		if name == "long tail" && p100 < 10*p50 {
			t.Errorf("%s: at most %d with a median of %d", name, p100, p50)
		}
	}
}

func TestQuantile(t *testing.T) {
	times := []time.Duration{5, 1, 4, 2, 3, 10, 9, 8, 7, 6}
	for share, want := range map[float64]time.Duration{0: 1, 0.1: 1, 0.11: 2, 0.5: 5, 0.9: 9, 0.99: 10, 1: 10} {
		if got := Quantile(times, share); got != want {
			t.Errorf("quantile %g of 1 to 10 is %d, expected %d", share, got, want)
		}
	}
	if Quantile(nil, 0.5) != 0 {
		t.Error("a quantile of nothing")
	}
}

func TestAnswersToNonsense(t *testing.T) {
	for _, query := range [][]byte{nil, {1}, {1, 2, 3}, make([]byte, 12), {1, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}, {1, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 63}} {
		if got := Answer(query, 0); len(got) != 12 || len(query) >= 12 && got[3]&15 != dns.RcodeFormatError {
			t.Errorf("%x is answered by %x", query, got)
		}
		if name := (&Query{Message: query}).Name(); name != "" {
			t.Errorf("%x has the name %q", query, name)
		}
	}
}

func TestCookies(t *testing.T) {
	const client = "0123456789abcdef"
	good := client + ServerCookie("s", client)
	for sent, want := range map[string]int{client: dns.RcodeSuccess, good: dns.RcodeSuccess, good[:31] + "x": dns.RcodeBadCookie, client + "00112233": dns.RcodeBadCookie} {
		m := new(dns.Msg).SetQuestion("example.", dns.TypeA)
		m.SetEdns0(1232, false)
		if sent == good[:31]+"x" {
			sent = good[:30] + "ff"
			if sent == good {
				sent = good[:30] + "00"
			}
		}
		m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: sent}}
		wire, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		var got dns.Msg
		if err := got.Unpack(Cookies("s")(&Query{Message: wire}).Messages[0]); err != nil {
			t.Fatal(err)
		}
		cookie := got.IsEdns0().Option[0].(*dns.EDNS0_COOKIE).Cookie
		if got.Rcode != want || cookie != good {
			t.Errorf("cookie %s: rcode %d, cookie %s; expected %d, %s", sent, got.Rcode, cookie, want, good)
		}
	}
	if r := Cookies("s")(&Query{Message: []byte{1, 2, 3}}); r.Messages != nil {
		t.Errorf("nonsense is answered by %x", r.Messages)
	}
}
