package stream

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/net/http2"
)

// reset is RST_STREAM.
func (c *h2) reset(f frame) error {
	if len(f.payload) != 4 || f.stream == 0 {
		return violation("a bad RST_STREAM")
	}
	s, belongs := c.find(f.stream)
	if !belongs || s.state != underWay {
		return nil // it has been answered, and the rest of the request isn't wanted
	}
	code := http2.ErrCode(binary.BigEndian.Uint32(f.payload))
	c.forget(s.number)
	c.release(s.number)
	if code == http2.ErrCodeRefusedStream && !s.again { // a second time would be one of many
		c.p.retry(s)
		return nil
	}
	c.p.fault(fmt.Errorf("HTTP/2: the server has reset a stream: %s", code))
	c.p.lose(s)
	return nil
}

// settings is SETTINGS (RFC 9113 §6.5).
func (c *h2) settings(f frame) error {
	if f.flags.Has(http2.FlagSettingsAck) {
		return nil
	}
	if len(f.payload)%6 != 0 || f.stream != 0 {
		return violation("bad SETTINGS")
	}
	if !c.settled {
		c.settled, c.maxStreams = true, lastStream // unless it says otherwise
	}
	for s := f.payload; len(s) > 0; s = s[6:] {
		value := binary.BigEndian.Uint32(s[2:])
		switch http2.SettingID(binary.BigEndian.Uint16(s)) {
		case http2.SettingHeaderTableSize:
			c.encoder.limit(value)
		case http2.SettingMaxConcurrentStreams:
			c.maxStreams = value
		case http2.SettingInitialWindowSize:
			if value > maxWindow {
				return violation("an initial window that is too large")
			}
			for i := range c.stalled {
				c.stalled[i].window += int64(value) - c.newWindow
			}
			c.newWindow = int64(value)
		case http2.SettingMaxFrameSize:
			if value < frameBytes || value > 1<<24-1 {
				return violation("a frame size out of range")
			}
			c.maxFrame = int(value)
		}
	}
	c.p.requests = appendFrame(c.p.requests, http2.FrameSettings, http2.FlagSettingsAck, 0, 0)
	c.p.w.touch(c.p)
	c.proceed()
	return nil
}

func (c *h2) ping(f frame) error {
	if len(f.payload) != 8 || f.stream != 0 {
		return violation("a bad PING")
	}
	if !f.flags.Has(http2.FlagPingAck) {
		c.p.requests = append(appendFrame(c.p.requests, http2.FramePing, http2.FlagPingAck, 0, 8), f.payload...)
		c.p.w.touch(c.p)
	}
	return nil
}

// goAway is GOAWAY: queries above the last stream have not been looked at and may be
// sent again (RFC 9113 §6.8). The others are still answered.
func (c *h2) goAway(f frame) error {
	if len(f.payload) < 8 || f.stream != 0 {
		return violation("a bad GOAWAY")
	}
	p := c.p
	p.draining = true
	if code := http2.ErrCode(binary.BigEndian.Uint32(f.payload[4:])); code != http2.ErrCodeNo {
		p.fault(fmt.Errorf("HTTP/2: the server has ended the connection: %s", code))
	}
	last := binary.BigEndian.Uint32(f.payload) &^ (1 << 31)
	p.table.each(func(s *slot) {
		if 2*s.number+1 <= last {
			return
		}
		c.forget(s.number)
		c.release(s.number)
		p.retry(s)
	})
	return nil
}

func (c *h2) windowUpdate(f frame) error {
	if len(f.payload) != 4 {
		return violation("a bad WINDOW_UPDATE")
	}
	more := int64(binary.BigEndian.Uint32(f.payload) &^ (1 << 31))
	if f.stream == 0 {
		if c.window += more; c.window > maxWindow {
			return violation("a window that is too large")
		}
	}
	for i := range c.stalled {
		if s := &c.stalled[i]; f.stream == 2*s.number+1 {
			s.window += more
		}
	}
	c.proceed()
	return nil
}

// appendFrame appends the head of a frame.
func appendFrame(dst []byte, kind http2.FrameType, flags http2.Flags, stream uint32, length int) []byte {
	return append(dst, byte(length>>16), byte(length>>8), byte(length), byte(kind), byte(flags),
		byte(stream>>24), byte(stream>>16), byte(stream>>8), byte(stream))
}

// putLength corrects the length in the head of a frame.
func putLength(frame []byte, length int) {
	frame[0], frame[1], frame[2] = byte(length>>16), byte(length>>8), byte(length)
}

func appendSetting(dst []byte, id http2.SettingID, value uint32) []byte {
	return appendUint32(append(dst, byte(id>>8), byte(id)), value)
}

func appendUint32(dst []byte, value uint32) []byte { return binary.BigEndian.AppendUint32(dst, value) }
