package h2

import "encoding/binary"

// Code is an error code (RFC 9113 §7).
type Code uint32

// The codes of RFC 9113 §7.
const (
	NoError            Code = 0x0
	ProtocolError      Code = 0x1
	InternalError      Code = 0x2
	FlowControlError   Code = 0x3
	SettingsTimeout    Code = 0x4
	StreamClosed       Code = 0x5
	FrameSizeError     Code = 0x6
	RefusedStream      Code = 0x7
	Cancel             Code = 0x8
	CompressionError   Code = 0x9
	ConnectError       Code = 0xa
	EnhanceYourCalm    Code = 0xb
	InadequateSecurity Code = 0xc
	HTTP11Required     Code = 0xd
)

var codeNames = [...]string{
	"NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED", "FRAME_SIZE_ERROR",
	"REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
}

func (c Code) String() string {
	if int(c) < len(codeNames) {
		return codeNames[c]
	}
	return "unknown error code"
}

// Error ends a connection (RFC 9113 §5.4.1). The client has been told both fields
// with GOAWAY.
type Error struct {
	Code   Code
	Reason string
}

func (e *Error) Error() string { return "HTTP/2 " + e.Code.String() + ": " + e.Reason }

// frameType is a frame's (RFC 9113 §6).
type frameType uint8

const (
	frameData         frameType = 0x0
	frameHeaders      frameType = 0x1
	framePriority     frameType = 0x2
	frameRSTStream    frameType = 0x3
	frameSettings     frameType = 0x4
	framePushPromise  frameType = 0x5
	framePing         frameType = 0x6
	frameGoAway       frameType = 0x7
	frameWindowUpdate frameType = 0x8
	frameContinuation frameType = 0x9
)

const (
	flagEndStream  = 0x1 // of DATA and HEADERS
	flagAck        = 0x1 // of SETTINGS and PING
	flagEndHeaders = 0x4
	flagPadded     = 0x8
	flagPriority   = 0x20
)

const (
	frameHeaderBytes = 9
	// maxFrameBytes is how long the payload of a frame may be, either way: the initial
	// value of SETTINGS_MAX_FRAME_SIZE, which can't be less (RFC 9113 §6.5.2).
	maxFrameBytes = 16384
	maxWindow     = 1<<31 - 1
	initialWindow = 65535 // RFC 9113 §6.9.2
)

// preface is what a client begins with (RFC 9113 §3.4).
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// frame is one that was received.
type frame struct {
	kind    frameType
	flags   uint8
	stream  uint32
	payload []byte
}

func (f frame) has(flag uint8) bool { return f.flags&flag != 0 }

// unpad takes padding off a DATA or HEADERS frame (RFC 9113 §6.1).
func (f *frame) unpad() (ok bool) {
	if !f.has(flagPadded) {
		return true
	}
	if len(f.payload) == 0 {
		return false
	}
	padding := int(f.payload[0])
	if 1+padding > len(f.payload) {
		return false
	}
	f.payload = f.payload[1 : len(f.payload)-padding]
	return true
}

// putFrame writes a frame's header to the start of b (RFC 9113 §4.1).
func putFrame(b []byte, length int, kind frameType, flags uint8, stream uint32) {
	_ = b[frameHeaderBytes-1]
	b[0], b[1], b[2] = byte(length>>16), byte(length>>8), byte(length)
	b[3], b[4] = byte(kind), flags
	binary.BigEndian.PutUint32(b[5:], stream)
}
