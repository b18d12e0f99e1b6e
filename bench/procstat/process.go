package procstat

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// memoryEvery is how old a figure of memory may get: the kernel walks through all pages of the
// process for it, of which a server at work takes notice if it is done often.
const memoryEvery = time.Second

// process is one with its descendants.
type process struct {
	pid     int
	started uint64 // of the process; 0 before the first sample
	cpu     map[identity]time.Duration

	rss        bool // since PSS isn't told
	bytes      uint64
	measuredAt time.Time
}

// identity tells a process from a later one that has its ID.
type identity struct {
	pid     int
	started uint64
}

// status is what /proc/PID/stat says.
type status struct {
	identity
	parent  int
	threads int
	ended   bool // a zombie
}

func newProcess(pid int) *process {
	return &process{pid: pid, cpu: map[identity]time.Duration{}}
}

func (p *process) memory() string {
	if p.rss {
		return "RSS"
	}
	return "PSS"
}

func (p *process) close() {}

func (p *process) sample() (Sample, error) {
	family, err := p.family()
	if err != nil {
		return Sample{}, err
	}
	var s Sample
	for _, member := range family {
		used, err := cpuTime(member.pid)
		if err != nil {
			continue // it has ended meanwhile
		}
		p.cpu[member.identity] = max(used, p.cpu[member.identity])
		s.Threads += member.threads
	}
	for _, used := range p.cpu {
		s.CPU += used
	}
	if p.measuredAt.IsZero() || time.Since(p.measuredAt) >= memoryEvery {
		if err := p.measure(family); err != nil {
			return Sample{}, err
		}
	}
	s.MemoryBytes = p.bytes
	return s, nil
}

// family returns the process and its descendants.
func (p *process) family() ([]status, error) {
	root, err := readStatus(p.pid)
	switch {
	case errors.Is(err, fs.ErrNotExist) && p.started == 0:
		return nil, errors.New("there is no such process")
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH):
		return nil, ErrEnded
	case err != nil:
		return nil, err
	case root.ended || p.started != 0 && root.started != p.started:
		return nil, ErrEnded
	}
	p.started = root.started
	all, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	children := map[int][]status{}
	for _, entry := range all {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == p.pid {
			continue
		}
		if s, err := readStatus(pid); err == nil && !s.ended {
			children[s.parent] = append(children[s.parent], s)
		}
	}
	family := []status{root}
	for i := 0; i < len(family); i++ {
		family = append(family, children[family[i].pid]...)
	}
	return family, nil
}

// measure sums up the memory of the family.
func (p *process) measure(family []status) error {
	var sum uint64
	for _, member := range family {
		if !p.rss {
			bytes, err := proportional(member.pid)
			if err == nil {
				sum += bytes
				continue
			}
			if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
				continue // it has ended meanwhile
			}
			// It is another user's, or the kernel is older than 4.14. Both are not
			// added to each other.
			p.rss = true
			return p.measure(family)
		}
		bytes, err := resident(member.pid)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ESRCH) {
			return err
		}
		sum += bytes
	}
	p.bytes, p.measuredAt = sum, time.Now()
	return nil
}

func readStatus(pid int) (status, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return status{}, err
	}
	s, ok := parseStatus(text)
	if !ok {
		return status{}, fmt.Errorf("/proc/%d/stat is not understood", pid)
	}
	return s, nil
}

// parseStatus reads the fields of proc_pid_stat(5). The second one is the program's name in
// parentheses, in which there may be spaces and parentheses.
func parseStatus(text []byte) (s status, ok bool) {
	open, end := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	if open < 1 || end < open {
		return s, false
	}
	fields := bytes.Fields(text[end+1:])
	const third = 3 // what fields[0] is called
	if len(fields) < 22-third+1 {
		return s, false
	}
	var errs [4]error
	s.pid, errs[0] = strconv.Atoi(string(bytes.TrimSpace(text[:open])))
	s.parent, errs[1] = strconv.Atoi(string(fields[4-third]))
	s.threads, errs[2] = strconv.Atoi(string(fields[20-third]))
	s.started, errs[3] = strconv.ParseUint(string(fields[22-third]), 10, 64)
	s.ended = fields[0][0] == 'Z' || fields[0][0] == 'X'
	return s, errors.Join(errs[:]...) == nil && s.pid > 0 && s.threads >= 0
}

// proportional returns the proportional set size.
func proportional(pid int) (uint64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(text) {
		if value, ok := bytes.CutPrefix(line, []byte("Pss:")); ok {
			if fields := bytes.Fields(value); len(fields) == 2 && string(fields[1]) == "kB" {
				kib, err := strconv.ParseUint(string(fields[0]), 10, 50)
				return kib << 10, err
			}
		}
	}
	return 0, fmt.Errorf("/proc/%d/smaps_rollup has no Pss", pid)
}

// resident returns the resident set size.
func resident(pid int) (uint64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	fields := bytes.Fields(text)
	if len(fields) < 2 {
		return 0, fmt.Errorf("/proc/%d/statm is not understood", pid)
	}
	pages, err := strconv.ParseUint(string(fields[1]), 10, 48)
	return pages * uint64(os.Getpagesize()), err
}

// cpuTime reads the CPU clock of a process (clock_getcpuclockid(3)): the time of all its
// threads, those that have ended too, which a sum over /proc/PID/task/*/schedstat would lose.
// Anyone may read it.
func cpuTime(pid int) (time.Duration, error) {
	const scheduled = 2 // CPUCLOCK_SCHED of the kernel: what the scheduler has counted, in nanoseconds
	var at unix.Timespec
	if err := unix.ClockGettime(^int32(pid)<<3|scheduled, &at); err != nil {
		return 0, err
	}
	return time.Duration(at.Nano()), nil
}
