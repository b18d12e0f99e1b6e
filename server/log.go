package server

import (
	"fmt"
	"io"
	"sort"
	"strings"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"

	"yushan/zone/dname"
)

// LogStyle is how a log is written.
type LogStyle uint8

const (
	JSON LogStyle = iota
	Console
	ColourConsole // by the escape sequences of terminals
)

// NewLog makes a logger that writes to w. The level may be changed while it is in use.
func NewLog(w io.Writer, style LogStyle, level zap.AtomicLevel) *zap.Logger {
	var encoder zapcore.Encoder
	switch style {
	case Console, ColourConsole:
		encoder = &consoleEncoder{MapObjectEncoder: zapcore.NewMapObjectEncoder(), colour: style == ColourConsole}
	default:
		encoder = zapcore.NewJSONEncoder(zapcore.EncoderConfig{
			TimeKey:        "time",
			LevelKey:       "level",
			MessageKey:     "message",
			EncodeTime:     zapcore.RFC3339NanoTimeEncoder,
			EncodeLevel:    zapcore.LowercaseLevelEncoder,
			EncodeDuration: zapcore.StringDurationEncoder,
		})
	}
	return zap.New(zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(w)), level))
}

// zoneField names a zone: with its U-label for people; for machines the A-label
// is a field of its own.
func zoneField(name []byte) zap.Field { return zap.Inline(zoneName(name)) }

type zoneName []byte

// MarshalLogObject implements zapcore.ObjectMarshaler.
func (z zoneName) MarshalLogObject(to zapcore.ObjectEncoder) error {
	u, a := dname.Unicode(z), dname.String(z)
	to.AddString("zone", u)
	to.AddString("zone_ascii", a)
	return nil
}

// consoleEncoder writes "15:04:05 INFO  message  key=value".
type consoleEncoder struct {
	*zapcore.MapObjectEncoder // what Logger.With has added
	colour                    bool
}

var buffers = buffer.NewPool()

// Clone implements zapcore.Encoder.
func (c *consoleEncoder) Clone() zapcore.Encoder {
	clone := &consoleEncoder{zapcore.NewMapObjectEncoder(), c.colour}
	for k, v := range c.Fields {
		clone.Fields[k] = v
	}
	return clone
}

const (
	dim   = "\x1b[2m"
	reset = "\x1b[0m"
)

var levelColours = map[zapcore.Level]string{
	zapcore.DebugLevel: "\x1b[2m",
	zapcore.InfoLevel:  "\x1b[36m",
	zapcore.WarnLevel:  "\x1b[33m",
	zapcore.ErrorLevel: "\x1b[1;31m",
}

// EncodeEntry implements zapcore.Encoder.
func (c *consoleEncoder) EncodeEntry(entry zapcore.Entry, fields []zapcore.Field) (*buffer.Buffer, error) {
	b := buffers.Get()
	c.paint(b, dim, entry.Time.Format(time.TimeOnly))
	b.AppendByte(' ')
	c.paint(b, levelColours[entry.Level], fmt.Sprintf("%-5s", entry.Level.CapitalString()))
	b.AppendByte(' ')
	b.AppendString(entry.Message)
	gap := "  "
	appendPair := func(key string, value any) {
		b.AppendString(gap)
		gap = " "
		c.paint(b, dim, key+"=")
		b.AppendString(plain(value))
	}
	for _, key := range sortedKeys(c.Fields) {
		appendPair(key, c.Fields[key])
	}
	for _, f := range fields {
		if name, ok := f.Interface.(zoneName); ok {
			b.AppendString(gap)
			gap = " "
			c.paint(b, dim, "zone=")
			b.AppendString(dname.Display(name))
			continue
		}
		one := zapcore.NewMapObjectEncoder()
		f.AddTo(one)
		for _, key := range sortedKeys(one.Fields) {
			appendPair(key, one.Fields[key])
		}
	}
	b.AppendByte('\n')
	return b, nil
}

func (c *consoleEncoder) paint(b *buffer.Buffer, colour, text string) {
	if !c.colour || colour == "" {
		b.AppendString(text)
		return
	}
	b.AppendString(colour + text + reset)
}

// plain quotes text only where it could be misread. Control characters, which
// might come from a zone file, never reach the terminal.
func plain(value any) string {
	text := fmt.Sprint(value)
	switch v := value.(type) {
	case time.Duration:
		text = roundDuration(v).String()
	case []any:
		texts := make([]string, len(v))
		for i := range v {
			texts[i] = fmt.Sprint(v[i])
		}
		text = strings.Join(texts, ", ")
	}
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == '"' || r == 0x7f || r == '\u0085' || 0x80 <= r && r < 0xa0 }) {
		return fmt.Sprintf("%q", text)
	}
	return text
}

// roundDuration keeps three digits.
func roundDuration(d time.Duration) time.Duration {
	unit := time.Nanosecond
	for d/unit >= 1000 {
		unit *= 10
	}
	return d.Round(unit)
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
