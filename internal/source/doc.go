// Package source reads compliance data that lies outside the repositories: lists and limits, by one query
// of a database (PostgreSQL, MySQL, SQLite) or from one JSON document over HTTPS.
//
// Every reading is bounded in time, rows and bytes, is cached, and gives the same fact for the same
// content: values sorted, each once, with their digest and the time at which this very content was first
// read. What cannot be read is a fact as well, in words that hold no secret, no address of this machine
// and no clock reading, for they end up in reports. Nothing is written anywhere but in Memory.
//
// It is an adapter: it imports database drivers and net/http. It imports neither the policy nor the bot,
// and only the wiring and the command line import it.
package source
