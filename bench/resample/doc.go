// Package resample tells how sure a figure is, by a bootstrap: what it was made of is drawn
// again and again, with repetition, and how far the figures vary that are made of what was
// drawn shows how far it would vary if it were measured again.
//
// It imports nothing of yushan.
package resample
