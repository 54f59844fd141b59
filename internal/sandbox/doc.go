// Package sandbox is a code host in one process: git repositories served over smart HTTP, the part
// of GitHub's REST and GraphQL interfaces that Lumos uses, Apps and their tokens, teams, branch
// protection that really blocks a merge, signed webhooks with a delivery log, and faults on demand.
// It is what `lumos demo` and `lumos sandbox` run on, and what the tests run against.
//
// It is never more lenient than GitHub: what GitHub refuses (an unknown enum, a missing permission,
// a 51st annotation, a stale head) it refuses in the same way, and it answers with documented fields
// only. Where GitHub's exact behaviour is in doubt it takes the stricter reading.
//
// It listens on the loopback only, needs the git command, and imports nothing of Lumos: what it knows
// of CODEOWNERS comes in through Options.Owners.
//
// One mutex guards the world (accounts, repositories, pull requests, refs): an API request holds it
// while it is answered, git's own object transfer does not.
package sandbox
