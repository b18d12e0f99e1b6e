package server

import (
	"bytes"
	"errors"
	"regexp"
	"testing"
	"time"

	"go.uber.org/zap"

	"yushan/zone/dname"
)

func logOnce(style LogStyle) string {
	var b bytes.Buffer
	log := NewLog(&b, style, zap.NewAtomicLevelAt(zap.InfoLevel))
	name, _ := dname.ParseFQDN("台灣")
	log.Info("zone loaded", zoneField(name), zap.Int("records", 12), zap.Duration("took", 1234567*time.Nanosecond), zap.String("at", "a \x1b[2Jb"), zap.Strings("on", []string{"UDP 192.0.2.1:53", "TCP [2001:db8::1]:53"}))
	log.With(zap.String("since", "ever")).Error("went wrong", zoneField(dname.Root), zap.Error(errors.New("no reason")))
	log.Debug("not shown")
	return b.String()
}

func TestConsoleLog(t *testing.T) {
	got := regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d`).ReplaceAllString(logOnce(Console), "TIME")
	want := "TIME INFO  zone loaded  zone=台灣. (xn--kpry57d.) records=12 took=1.23ms at=\"a \\x1b[2Jb\" on=UDP 192.0.2.1:53, TCP [2001:db8::1]:53\n" +
		"TIME ERROR went wrong  since=ever zone=. error=no reason\n"
	if got != want {
		t.Errorf("expected\n%shave\n%s", want, got)
	}
}

func TestJSONLog(t *testing.T) {
	got := regexp.MustCompile(`"time":"[^"]+"`).ReplaceAllString(logOnce(JSON), `"time":"TIME"`)
	want := `{"level":"info","time":"TIME","message":"zone loaded","zone":"台灣.","zone_ascii":"xn--kpry57d.","records":12,"took":"1.234567ms","at":"a \u001b[2Jb","on":["UDP 192.0.2.1:53","TCP [2001:db8::1]:53"]}` + "\n" +
		`{"level":"error","time":"TIME","message":"went wrong","since":"ever","zone":".","zone_ascii":".","error":"no reason"}` + "\n"
	if got != want {
		t.Errorf("expected\n%shave\n%s", want, got)
	}
}

func TestRoundDuration(t *testing.T) {
	for d, want := range map[time.Duration]time.Duration{
		999: 999, 1234: 1230, 1234567: 1230000, 12345678901: 12300000000, 0: 0,
	} {
		if got := roundDuration(d); got != want {
			t.Errorf("roundDuration(%d) = %d, expected %d", d, got, want)
		}
	}
}
