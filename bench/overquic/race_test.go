//go:build race

package overquic

import (
	"os/exec"
	"testing"
)

const raceDetector = true

// TestWithoutRaceDetector runs what the race detector keeps from being run: 0-RTT, in which
// quic-go has a race of its own.
func TestWithoutRaceDetector(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-run", "Early|Handshake|Ends|Unreachable|Yushan", ".").CombinedOutput()
	if err != nil {
		t.Errorf("go test without -race: %v\n%s", err, out)
	}
}
