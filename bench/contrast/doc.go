// Package contrast holds two runs against each other, and tells differences from noise.
//
//	two result.Result ──► Compare ──► Comparison ──► Text, HTML
//
// How sure a difference is comes from the runs' intervals: what is measured varies from
// one to the next, and a bootstrap over them (bootstrap.go) shows how much a figure of
// the whole run would vary if it were repeated under the same conditions. It can't show
// what differs from run to run and not within one, such as where a program lies in
// memory; for that, runs must be repeated.
//
// It may import bench/result, bench/resample, bench/report's packages for text, figures,
// series and plots.
package contrast
