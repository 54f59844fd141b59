// Package export writes reports in the formats of other systems: JUnit XML for what shows tests,
// CycloneDX 1.6 for an inventory of models, and OSCAL assessment-results for what collects compliance.
// (SARIF and Code Quality mark lines of a manifest, with the words of the annotations: templates has them.)
//
// It turns facts into bytes and does nothing else: no I/O, no clock, no decision. The same facts and the
// same time give the same bytes. It imports the facts (releases, internal/policy) and the library of a
// format, never an adapter, net/http, templates or bot.
//
// What comes from a manifest, a policy or a path is untrusted. Each format has its own way to keep such
// text a text: see printable, phrase and markup.
package export
