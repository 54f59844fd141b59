// Package sandbox is a code host in one process: git repositories served over smart HTTP, the part
// of GitHub's REST and GraphQL interfaces that Lumos uses, Apps and their tokens, teams, branch
// protection that really blocks a merge, signed webhooks with a delivery log, and faults on demand.
// It is what `lumos demo` and `lumos sandbox` run on, and what the tests run against.
//
// With Options.Dialect it is a GitLab instead: the same repositories and people behind GitLab's REST v4
// and GraphQL interfaces, with groups and access levels, merge requests with versions, approvals,
// discussions and pipelines, protected branches and tags, tokens with scopes, and GitLab's webhooks.
// Those files are called gitlab_*.go: the rules by their theme, the REST routes as gitlab_rest_*.go.
//
// It is never more lenient than the real host: what that refuses (an unknown enum, a missing permission,
// a 51st annotation, a stale head) it refuses in the same way, and it answers with documented fields
// only. Where the exact behaviour is in doubt it takes the stricter reading.
//
// It listens on the loopback only, needs the git command, and imports nothing of Lumos: what it knows
// of CODEOWNERS comes in through Options.Owners.
//
// One mutex guards the world (accounts, repositories, pull requests, refs): an API request holds it
// while it is answered, git's own object transfer does not.
package sandbox
