// Package approval decides: may this pull request be merged, and if not, why not and who must act.
//
// Decide is a pure function of what was read (forge.Snapshot), how the manifests fared
// (policy.Report), the repository's configuration and the time. It does no I/O, and it imports facts
// and types only: no adapter, no net/http, no clock. Equal input gives byte-equal JSON.
//
// Three rules hold everywhere. What is not known denies. A time may deny, it never grants. And every
// vote that was seen is in the verdict, counted, or ignored with the reason.
package approval
