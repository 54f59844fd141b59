package forge

import (
	"errors"
	"fmt"
	"time"
)

// What adapters answer when the host refuses; callers decide by these, never by status codes.
var (
	ErrNotFound     = errors.New("not found on the code host")
	ErrForbidden    = errors.New("the code host refused: a permission is missing")
	ErrTooLarge     = errors.New("larger than Lumos reads")
	ErrHeadMoved    = errors.New("the head has moved")
	ErrNotMergeable = errors.New("the code host refuses to merge for now")
	ErrNoInstall    = errors.New("Lumos is not installed on this repository")
)

// RateLimited is returned instead of sleeping: the caller sets a durable timer.
type RateLimited struct{ Until time.Time }

func (e *RateLimited) Error() string {
	return fmt.Sprintf("rate limited by the code host until %s", e.Until.UTC().Format(time.RFC3339))
}
