// Package series makes of results what package chart draws: values over time and by
// percentile.
//
// It may import bench/result and the packages below bench/report.
package series
