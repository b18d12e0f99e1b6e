package report

import (
	"io"

	"github.com/HdrHistogram/hdrhistogram-go"

	"yushan/bench/result"
)

// HDRLog writes a histogram of the latencies of each interval in the log format of
// HdrHistogram, version 1.3, in nanoseconds; the column of maxima is in milliseconds,
// as is usual there. Times are seconds since the log's base time, the whole second in
// which the run started. An interval in which nothing was answered has an empty
// histogram.
func HDRLog(w io.Writer, r *result.Result) error {
	log := hdrhistogram.NewHistogramLogWriter(w)
	began := r.Started.UnixMilli()
	for _, write := range []func() error{
		func() error { return log.OutputComment("[Latencies in nanoseconds, written by yushan-bench]") },
		log.OutputLogFormatVersion,
		func() error { return log.OutputBaseTime(began) },
		func() error { return log.OutputStartTime(began) },
		log.OutputLegend,
	} {
		if err := write(); err != nil {
			return err
		}
	}
	for i := range r.Intervals {
		interval := &r.Intervals[i]
		h := interval.Latency.HDR().Clone() // the times are set in the histogram
		// The log's base time has no milliseconds.
		h.SetStartTimeMs(began%1000 + int64(interval.At*1e3))
		h.SetEndTimeMs(began%1000 + int64((interval.At+interval.Seconds)*1e3))
		if err := log.OutputIntervalHistogram(h); err != nil {
			return err
		}
	}
	return nil
}

// ticks is how many percentiles [HGRM] has for each halving of the distance to 100 %.
const ticks = 5

// HGRM writes the percentiles of all latencies in milliseconds as text, which
// HdrHistogram's plotters read.
func HGRM(w io.Writer, r *result.Result) error {
	_, err := r.Total.Latency.HDR().PercentilesPrint(w, ticks, 1e6)
	return err
}
