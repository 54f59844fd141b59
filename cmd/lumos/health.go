package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

type healthCmd struct {
	Listen string `default:":8080" env:"LUMOS_LISTEN" help:"The bot's listen address." placeholder:"HOST:PORT"`
}

func (c *healthCmd) Run(ctx context.Context, s streams) error {
	addr := c.Listen
	if strings.HasPrefix(addr, ":") {
		addr = "127.0.0.1" + addr
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/readyz", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		fmt.Fprintf(s.err, "not ready: %s\n", resp.Status)
		return errNo
	}
	fmt.Fprintln(s.out, "ready")
	return nil
}
