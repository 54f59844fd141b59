// Package github speaks to GitHub: it turns its REST and GraphQL answers into the facts of package
// forge, and is the only room that imports its SDK. It decides nothing, imports no other room of
// ours than forge, keeps no state but caches, and never sleeps: a rate limit comes back as
// *forge.RateLimited.
//
// The GraphQL documents are in graphql/. Beside POST /graphql these routes are called:
//
//	GET  /app                                              who we are
//	GET  /app/installations                                every installation
//	GET  /repos/{owner}/{repo}/installation                the one of a repository
//	POST /app/installations/{id}/access_tokens             by ghinstallation
//	GET  /users/{login}                                    our bot account
//	GET  /installation/repositories
//	GET  /repos/{owner}/{repo}/activity?ref=refs/heads/…   who moved a branch
//	GET  /repos/{owner}/{repo}/pulls?state=open
//	GET  /repos/{owner}/{repo}/pulls/{number}              only when the diff does not tell its head
//	GET  /repos/{owner}/{repo}/pulls/{number}/files
//	PUT  /repos/{owner}/{repo}/pulls/{number}/merge
//	GET  /repos/{owner}/{repo}/issues?creator=…&labels=lumos
//	POST /repos/{owner}/{repo}/issues
//	PATCH /repos/{owner}/{repo}/issues/{number}
//	POST /repos/{owner}/{repo}/labels                      only when the first issue came back without its label
//	POST /repos/{owner}/{repo}/issues/{number}/labels      likewise
//	GET  /repos/{owner}/{repo}/git/blobs/{sha}             Accept: application/vnd.github.raw+json
//	GET  /repos/{owner}/{repo}/git/trees/{sha}
//	POST /repos/{owner}/{repo}/git/{trees,commits,refs}    a branch's birth: inline contents, no parents
package github
