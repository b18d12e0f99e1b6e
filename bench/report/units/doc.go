// Package units writes figures for people: three significant digits, the unit that
// fits, and never a rounding that claims more than is so (99.996 % is not 100 %, and
// one lost query in a billion is not 0 %).
//
// All of it is pure functions of numbers to text; it imports nothing of yushan.
package units
