// Package lab holds the example zones that "yushan lab" serves: tw., 台灣. and
// 台湾., written with U-labels as people write them. Between them they show every
// sort of answer; the files say which question shows which.
//
// The zones are stored unsigned, since signatures would expire. [Zone.Sign]
// gives them new keys and signatures whenever the lab starts.
//
// It imports zone/sign, zone/master and zone/dname, and nothing of the server.
package lab
