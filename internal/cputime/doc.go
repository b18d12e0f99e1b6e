// Package cputime tells benchmarks how long their process had a core. Other
// processes hardly disturb that, as they do the time on the clock. It imports
// nothing of yushan.
package cputime
