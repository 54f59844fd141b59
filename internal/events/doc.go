// Package events is how the agents tell the world what they concluded: CloudEvents 1.0 in JSON, on
// the queue's event stream and by signed outgoing webhooks (Standard Webhooks).
//
// Events inform. They are never read back as facts, and nothing is allowed because one was sent.
// The package decides nothing and imports no other room: the queue is met through small interfaces.
package events
