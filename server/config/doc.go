// Package config reads the server's configuration: a YAML file, strictly.
//
// One table, [Config.schema], names every key with its place in [Config], what
// it accepts and what it is for. The reader, the "did you mean" and the
// reference ([WriteReference], docs/config.md) all come from that table, so a
// new key is one new line there.
//
//	file ─ yaml.Node ─► reader ── schema ──► Config ─ Check ─► zones, files, users
//	                      │                              │
//	                      └────────── Problems ◄─────────┘
//
// Nothing stops at the first mistake: [Load] returns all of them as [Problems],
// each with file, line, column, key and what was expected.
//
// Keys that are not in the table, keys given twice, values of the wrong type,
// unitless durations, and two zones of one name (whether written with A-labels
// or U-labels) are mistakes. Relative paths are relative to the configuration's
// directory, zone files to zone-directory.
package config
