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
		"<!-- Written by `go test ./server/config -update` from server/config/schema.go. -->\n\n" +
		"`yushan serve --config yushan.yaml` reads this YAML file, and reads it again at SIGHUP. `yushan check --config yushan.yaml` " +
		"lists all that is wrong with it. [examples/yushan.yaml](../examples/yushan.yaml) is one to start from. " +
		"A key that is not listed here is a mistake, so is a key that is given twice.\n\n" +
		"At SIGHUP all changes take effect but those of `udp.workers`, a larger `udp.max-bytes`, the limits of `tcp`, `user`, `group` and `log.format`, " +
		"and of `dot`, `doh` and `doq` all that is neither an address nor the name of a certificate, `tickets`, `acme`, and names to be ordered from a CA: " +
		"they need a restart, and the log says so. With `user`, new addresses with ports below 1024 need one, too. " +
		"[encrypted.md](encrypted.md) tells how the keys of the encrypted transports go together.\n")
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
