// Package threshold reads and judges conditions on a run: "p99>5ms", "loss<0.1%".
//
// It may import bench/result and bench/report/units.
package threshold
