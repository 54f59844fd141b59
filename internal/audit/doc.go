// Package audit keeps the record of every release decision on the branch lumos/audit of the
// governed repository, and verifies it from a plain clone.
//
// The log is a list of events, one canonical JSON line each (RFC 8785), 256 to a file under log/.
// Every event holds the hash of the line before it; the file checkpoint is a signed note
// (https://c2sp.org/tlog-checkpoint) over the number of events and their RFC 6962 Merkle root; the
// file checkpoint.sig signs those same bytes for ssh-keygen. What the log says therefore rests on
// what lies in the tree, whoever made the commits.
//
//   - Log holds the part of the log that deciding needs and appends to it, by compare-and-swap
//     through a Store: GitRemote here, the host's API elsewhere.
//   - Verify and List read a clone through two or three git processes, offline.
//   - Release tags (SignTag, GitRemote.PushTag) carry a decision and the checkpoint out of the branch.
//
// The package knows no code host and no policy engine, and it must not import them; it imports
// forge for the votes that a decision needs back and the shape of a changed file.
package audit
