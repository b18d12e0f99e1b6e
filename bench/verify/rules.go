package verify

// rule is what an answer can break.
type rule uint8

const (
	ruleMessage rule = iota
	ruleHeader
	ruleQuestion
	ruleRcode
	ruleAA
	ruleTC
	ruleSize
	ruleEDNS
	ruleAnswer
	ruleAnswerExtra
	ruleOrder
	ruleReferral
	ruleDS
	ruleGlueMissing
	ruleGlueExtra
	ruleSOA
	ruleDenial
	ruleAuthorityExtra
	ruleAdditional
	ruleRRSIG
	ruleSignature
	ruleTTL
	ruleUnasked
	ruleClass
	rules
)

var ruleNames = [rules]string{
	"message", "header", "question", "rcode", "aa", "tc", "size", "edns", "answer", "answer-extra", "section-order",
	"referral-ns", "ds", "glue-missing", "glue-extra", "soa", "denial", "authority-extra", "additional", "rrsig",
	"signature", "ttl", "dnssec-unasked", "class",
}

func (r rule) String() string { return ruleNames[r] }
