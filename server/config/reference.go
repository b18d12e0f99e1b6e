package config

import (
	"fmt"
	"io"
	"strings"
)

// WriteReference writes the reference of all keys in Markdown.
func WriteReference(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# Configuration\n\n" +
		"<!-- Written by `go test ./server/config -update` from server/config/schema*.go. -->\n\n" +
		"`yushan serve --config yushan.yaml` reads this YAML file, and reads it again at SIGHUP. `yushan check --config yushan.yaml` " +
		"lists all that is wrong with it. [examples/yushan.yaml](../examples/yushan.yaml) is one to start from, " +
		"[examples/encrypted.yaml](../examples/encrypted.yaml) one with DoT, DoH and DoQ; [encrypted.md](encrypted.md) tells how their keys go together. " +
		"A key that is not listed here is a mistake, so is a key that is given twice. " +
		"Relative paths are relative to the directory of the file itself; those of zones to `zone-directory`.\n\n" +
		"At SIGHUP all changes take effect but these, which need a restart, as the log says:\n\n" +
		"- `udp.workers`, and a larger `udp.max-bytes`;\n" +
		"- the limits of `tcp`;\n" +
		"- of `dot`, `doh` and `doq` all but addresses and the name of the certificate;\n" +
		"- `tickets` and `acme` (files are read again, those of certificates and the secret of `tickets`), and new names to be ordered from a CA: until then the transport keeps its old certificate;\n" +
		"- `storage`;\n" +
		"- `user`, `group` and `log.format`;\n" +
		"- with `user`, new addresses with ports below 1024.\n")
	c := Default()
	writeKeys(&b, "", c.schema(), 2)
	_, err := io.WriteString(w, b.String())
	return err
}

func writeKeys(b *strings.Builder, prefix string, fields object, depth int) {
	for _, f := range fields {
		at := join(prefix, f.key)
		fmt.Fprintf(b, "\n%s `%s`\n\n%s\n", strings.Repeat("#", min(depth, 4)), at, f.doc)
		switch v := f.value.(type) {
		case *mapping:
			writeKeys(b, at, v.fields, depth+1)
			continue
		case interface{ element() object }:
			writeKeys(b, at+"[]", v.element(), depth+1)
			continue
		}
		fmt.Fprintf(b, "\n- Accepts %s.\n", f.value.expects())
		switch shown := f.value.shown(); {
		case f.need:
			b.WriteString("- Must be given.\n")
		case shown != "":
			fmt.Fprintf(b, "- Default: `%s`\n", shown)
		}
	}
}
