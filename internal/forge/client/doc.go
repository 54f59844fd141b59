// Package client is what the clients of all code hosts share: a transport that bounds what is read and
// never waits, GraphQL documents kept in files, and errors that carry one of forge's kinds.
//
// It knows no host: what a rate limit looks like, and what an answer means, the adapters say. It must
// not import one, nor an SDK.
package client
