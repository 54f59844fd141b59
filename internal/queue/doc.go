// Package queue is the durable engine: wakes by key, timers, small state and the agents' events,
// on NATS JetStream. By default the server is embedded in the process and opens no port; with a URL
// the same client code runs on the user's own cluster, shared by any number of replicas.
//
// A wake says "look at this key again"; what to decide is read live by the handler. So wakes may be
// repeated and merged, but none may be lost:
//
//   - A wake is on disk before Publish returns. The stream keeps it for 72 hours after it was worked
//     on (Limits retention), because a stream that deletes on acknowledgement also forgets, when it
//     restarts, which ids it has seen.
//   - Each key belongs to one of 16 partitions, each read by one shared durable consumer with one
//     message under way, so one key is never worked on twice at a time, over all replicas.
//   - A fence per key says how far its wakes are covered. A run covers everything of its key that
//     was published before it began; what comes again after a crash, or was covered, is dropped.
//   - A failed run comes again by a durable timer, never by a delayed negative acknowledgement,
//     which would hold up the other keys of the partition.
//
// The package knows nothing of code hosts and pull requests, and imports no other room.
package queue
