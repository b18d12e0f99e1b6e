package main

import (
	"yushan/examples/lab"
	"yushan/server/doh/lookup"
)

// labExamples are the questions that the lookup page offers at once.
var labExamples = []lookup.Example{
	{Name: "資訊.台灣", Type: "A", Shows: "an address"},
	{Name: "資訊.台灣", Type: "HTTPS", With: "do", Shows: "how to reach a service, signed"},
	{Name: "www.夜市.台灣", Type: "A", With: "do", Shows: "a delegation with glue"},
	{Name: "www.signed.com.tw", Type: "A", With: "do", Shows: "a signed delegation"},
	{Name: "入口.登記.台灣", Type: "A", Shows: "a DNAME"},
	{Name: "不存在.台灣", Type: "A", With: "do,padding", Shows: "the proof that a name does not exist"},
	{Name: "tw", Type: "DNSKEY", With: "do", Shows: "the zone's key"},
	{Name: "example.com", Type: "A", Shows: "a name of somebody else's"},
}

// labLookup is the lookup page with these, and all questions that the zones' files
// propose.
func labLookup() (*lookup.Page, error) {
	opts := lookup.Options{Server: "yushan lab", SelfSigned: true, Examples: labExamples}
	for _, z := range lab.Zones {
		for _, q := range z.Questions() {
			opts.Catalogue = append(opts.Catalogue, lookup.Example{Name: q.Name, Type: q.Type, With: "do", Shows: q.Shows})
		}
	}
	return lookup.New(opts)
}
