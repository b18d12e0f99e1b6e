package h2

import "encoding/binary"

// Errors of the connection that frames about it, or about streams as such, can
// have.
var (
	errSettingsStream  = &Error{ProtocolError, "SETTINGS for a stream"}
	errSettingsSize    = &Error{FrameSizeError, "SETTINGS of a length that makes no sense"}
	errEnablePush      = &Error{ProtocolError, "SETTINGS_ENABLE_PUSH is neither 0 nor 1"}
	errInitialWindow   = &Error{FlowControlError, "SETTINGS_INITIAL_WINDOW_SIZE is above 2147483647"}
	errMaxFrameSize    = &Error{ProtocolError, "SETTINGS_MAX_FRAME_SIZE is not within 16384 and 16777215"}
	errWindowOfStreams = &Error{FlowControlError, "SETTINGS_INITIAL_WINDOW_SIZE makes a stream's window too large"}
	errPingStream      = &Error{ProtocolError, "PING for a stream"}
	errPingSize        = &Error{FrameSizeError, "PING is not 8 bytes long"}
	errPriorityStream  = &Error{ProtocolError, "PRIORITY without a stream"}
	errPrioritySize    = &Error{FrameSizeError, "PRIORITY is not 5 bytes long"}
	errResetStream     = &Error{ProtocolError, "RST_STREAM for a stream that was never opened"}
	errResetSize       = &Error{FrameSizeError, "RST_STREAM is not 4 bytes long"}
	errGoAwayStream    = &Error{ProtocolError, "GOAWAY for a stream"}
	errGoAwaySize      = &Error{FrameSizeError, "GOAWAY is shorter than 8 bytes"}
	errWindowSize      = &Error{FrameSizeError, "WINDOW_UPDATE is not 4 bytes long"}
	errWindowZero      = &Error{ProtocolError, "WINDOW_UPDATE by 0 for the connection"}
	errWindowOverflow  = &Error{FlowControlError, "the connection's window is above 2147483647"}
	errWindowStream    = &Error{ProtocolError, "WINDOW_UPDATE for a stream that was never opened"}
)

// Settings (RFC 9113 §6.5.2).
const (
	settingHeaderTableSize      = 1
	settingEnablePush           = 2
	settingMaxConcurrentStreams = 3
	settingInitialWindowSize    = 4
	settingMaxFrameSize         = 5
	settingMaxHeaderListSize    = 6
	settingBytes                = 6
)

// greet writes the server's connection preface (RFC 9113 §3.4), and opens the
// connection's window as far as it is to be.
func (c *Conn) greet(t *turn) {
	settings := [...]struct {
		id    uint16
		value uint32
	}{
		{settingMaxConcurrentStreams, uint32(c.server.limits.MaxStreams)},
		{settingInitialWindowSize, streamWindow},
		{settingMaxHeaderListSize, uint32(c.server.limits.MaxHeaderBytes)},
	}
	putFrame(t.out[t.n:], len(settings)*settingBytes, frameSettings, 0, 0)
	t.n += frameHeaderBytes
	for _, s := range settings {
		binary.BigEndian.PutUint16(t.out[t.n:], s.id)
		binary.BigEndian.PutUint32(t.out[t.n+2:], s.value)
		t.n += settingBytes
	}
	t.windowUpdate(0, receiveWindow-initialWindow)
	c.greeted = true
}

// windowUpdate writes WINDOW_UPDATE (RFC 9113 §6.9).
func (t *turn) windowUpdate(stream uint32, by int) {
	putFrame(t.out[t.n:], 4, frameWindowUpdate, 0, stream)
	binary.BigEndian.PutUint32(t.out[t.n+frameHeaderBytes:], uint32(by))
	t.n += frameHeaderBytes + 4
}

// onSettings obeys SETTINGS and acknowledges them (RFC 9113 §6.5).
func (c *Conn) onSettings(t *turn, f frame) *Error {
	switch {
	case f.stream != 0:
		return errSettingsStream
	case f.has(flagAck) && len(f.payload) != 0, len(f.payload)%settingBytes != 0:
		return errSettingsSize
	case f.has(flagAck):
		return c.lose(costFrame)
	}
	c.phase = open
	window := c.peerWindow
	for p := f.payload; len(p) > 0; p = p[settingBytes:] {
		value := binary.BigEndian.Uint32(p[2:])
		switch binary.BigEndian.Uint16(p) {
		case settingHeaderTableSize:
			c.encoder.SetTableSize(value)
		case settingEnablePush:
			if value > 1 {
				return errEnablePush
			}
		case settingInitialWindowSize:
			if value > maxWindow {
				return errInitialWindow
			}
			window = int32(value)
		case settingMaxFrameSize:
			// Frames are never longer than the smallest value allows.
			if value < maxFrameBytes || value > 1<<24-1 {
				return errMaxFrameSize
			}
		}
	}
	if !c.setPeerWindow(window) {
		return errWindowOfStreams
	}
	putFrame(t.out[t.n:], 0, frameSettings, flagAck, 0)
	t.n += frameHeaderBytes
	c.flush(t)
	return c.lose(costFrame)
}

// setPeerWindow changes the windows of streams (RFC 9113 §6.9.2); ok is false if
// one gets too large.
func (c *Conn) setPeerWindow(window int32) (ok bool) {
	by := int64(window) - int64(c.peerWindow)
	c.peerWindow = window
	if by == 0 {
		return true
	}
	for s := c.oldest; s != nil; s = s.newer {
		changed := int64(s.sendWindow) + by
		if changed > maxWindow {
			return false
		}
		// It can't fall below -maxWindow: what was sent was allowed by an earlier
		// window, and this one isn't negative.
		s.sendWindow = int32(changed)
	}
	return true
}

// onPing answers a PING (RFC 9113 §6.7).
func (c *Conn) onPing(t *turn, f frame) *Error {
	switch {
	case f.stream != 0:
		return errPingStream
	case len(f.payload) != 8:
		return errPingSize
	case !f.has(flagAck):
		putFrame(t.out[t.n:], 8, framePing, flagAck, 0)
		copy(t.out[t.n+frameHeaderBytes:], f.payload)
		t.n += frameHeaderBytes + 8
	}
	return c.lose(costFrame)
}

// onPriority ignores a PRIORITY frame (RFC 9113 §5.3.2).
func (c *Conn) onPriority(f frame) *Error {
	switch {
	case f.stream == 0:
		return errPriorityStream
	case len(f.payload) != 5:
		return errPrioritySize
	}
	return c.lose(costFrame)
}

// onRSTStream drops a stream (RFC 9113 §6.4). Its response may well have been sent
// already.
func (c *Conn) onRSTStream(f frame) *Error {
	switch {
	case f.stream > c.lastStream, f.stream%2 == 0:
		return errResetStream
	case len(f.payload) != 4:
		return errResetSize
	}
	if s := c.find(f.stream); s != nil {
		c.drop(s)
	}
	c.server.events.resetByClient.Add(1)
	return c.lose(costReset)
}

// onGoAway lets the client announce that it will leave (RFC 9113 §6.8). It can't
// mean streams of ours, since there are none; it closes when it has its responses.
func (c *Conn) onGoAway(f frame) *Error {
	switch {
	case f.stream != 0:
		return errGoAwayStream
	case len(f.payload) < 8:
		return errGoAwaySize
	}
	return c.lose(costFrame)
}

// onWindowUpdate sends what a larger window lets through (RFC 9113 §6.9).
func (c *Conn) onWindowUpdate(t *turn, f frame) *Error {
	if len(f.payload) != 4 {
		return errWindowSize
	}
	by := int32(binary.BigEndian.Uint32(f.payload) & maxWindow)
	if f.stream == 0 {
		switch {
		case by == 0:
			return errWindowZero
		case c.sendWindow > maxWindow-by:
			return errWindowOverflow
		}
		c.sendWindow += by
		c.flush(t)
		return c.loseUpdate()
	}
	if f.stream > c.lastStream || f.stream%2 == 0 {
		return errWindowStream
	}
	if s := c.find(f.stream); s != nil {
		switch {
		case by == 0:
			return c.resetStream(t, s.id, s, ProtocolError)
		case int64(s.sendWindow)+int64(by) > maxWindow:
			return c.resetStream(t, s.id, s, FlowControlError)
		}
		s.sendWindow += by
		c.flush(t)
	}
	return c.loseUpdate()
}

// loseUpdate uses patience up for WINDOW_UPDATE, unless the client has taken a fair
// amount of bytes for it.
func (c *Conn) loseUpdate() *Error {
	if c.updates > 0 {
		c.updates--
		return nil
	}
	return c.lose(costFrame)
}
