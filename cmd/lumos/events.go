package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
)

type eventsCmd struct {
	URL    string        `default:"http://127.0.0.1:9090" env:"LUMOS_ADMIN_URL" help:"The bot's metrics_listen address." placeholder:"URL"`
	Follow bool          `short:"f" help:"Go on with what happens from now on."`
	Since  time.Duration `default:"24h" help:"How far to look back." placeholder:"DURATION"`
	JSON   bool          `name:"json" help:"Print the CloudEvents as they are, one a line."`
}

func (c *eventsCmd) Help() string {
	return `Events are CloudEvents 1.0. They inform; they are never read back as facts. The same events go to
the webhooks of the server settings, signed.`
}

func (c *eventsCmd) Run(ctx context.Context, s streams) error {
	q := url.Values{"since": {time.Now().Add(-c.Since).UTC().Format(time.RFC3339Nano)}}
	if c.Follow {
		q.Set("follow", "1")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(c.URL, "/")+"/events?"+q.Encode(), nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("is the bot running, and is --url its metrics_listen address? %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", c.URL, resp.Status)
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if c.JSON {
			fmt.Fprintln(s.out, lines.Text())
			continue
		}
		var e event.Event
		if err := e.UnmarshalJSON(lines.Bytes()); err != nil {
			return fmt.Errorf("an event that cannot be read: %w", err)
		}
		var data struct {
			Summary string `json:"summary"`
		}
		_ = json.Unmarshal(e.Data(), &data) // not every event has a summary
		agent := strings.TrimPrefix(e.Source(), "/lumos/")
		fmt.Fprintf(s.out, "%s  %-12s  %-26s  %s  %s\n", e.Time().Local().Format(time.DateTime), agent, e.Type(), e.Subject(), data.Summary)
	}
	if ctx.Err() != nil {
		return nil
	}
	return lines.Err()
}
