//go:build !unix

package queue

import (
	"errors"
	"os"
)

var errLocked = errors.New("locked by another process")

// flock fails closed: without a lock, a second process could ruin the directory.
func flock(*os.File) error {
	return errors.New("the embedded queue needs a Unix system: set queue.url to a NATS cluster")
}
