// Package gitlab speaks to GitLab: it turns its REST and GraphQL answers into the facts of package
// forge, and is the only room that imports its SDK. It decides nothing, imports no other room of ours
// than forge, keeps no state but caches, and never sleeps: a rate limit comes back as
// *forge.RateLimited. It needs GitLab 16.11 or newer, of any tier.
//
// The GraphQL documents are in graphql/. Beside POST /api/graphql these routes are called, below
// /api/v4/projects/:id (the project's path, escaped):
//
//	GET  /repository/{tree,blobs/:sha/raw}
//	GET  /repository/branches/:branch                      only when the query could not tell the tip
//	GET  /repository/commits/:sha/signature                only of commits that GitLab itself may have made
//	GET  /events?action=pushed                             who moved a branch
//	GET  /merge_requests/:iid                              what GraphQL does not tell of a merged one; diff refs
//	GET  /merge_requests/:iid/versions[/:id]               which head an approval was of; the changed files
//	POST /statuses/:sha                                    the gate
//	GET  /external_status_checks                           licensed: the checks that are ours
//	POST /merge_requests/:iid/status_check_responses       licensed
//	PUT  /merge_requests/:iid/merge
//	GET  /issues?author_id=…&labels=lumos&scope=all        those that are ours
//	POST /issues
//	PUT  /issues/:iid                                      with state_event
//	POST /merge_trains/merge_requests/:iid                 where merge trains are on
//	GET  /projects/:id, /projects?membership=true, /user   outside of a project
package gitlab
