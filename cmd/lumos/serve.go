package main

import (
	"context"
	"os"

	"github.com/lumos-governance/lumos/bot/wire"
	"github.com/lumos-governance/lumos/internal/config"
	"github.com/lumos-governance/lumos/internal/logging"
)

type serveCmd struct {
	Config string `default:"lumos.yaml" help:"Server settings. Every key may also come from the environment, as LUMOS_…" placeholder:"FILE"`
}

func (c *serveCmd) Help() string {
	return `The settings file and every LUMOS_… variable are described in docs/operating.md. The bot refuses to
start without a webhook secret. It stops on SIGTERM, finishing what is under way; what waits in the
queue waits on disk.`
}

func (c *serveCmd) Run(ctx context.Context, s streams) error {
	settings, err := loadSettings(c.Config)
	if err != nil {
		return err
	}
	log, err := logging.New(s.err, settings.Log.Level, settings.Log.Format,
		settings.GitHub.WebhookSecret.Reveal(), settings.GitHub.PrivateKey.Reveal())
	if err != nil {
		return err
	}
	self, err := worker()
	if err != nil {
		return err
	}
	svc, err := wire.Start(ctx, settings, wire.Options{Log: log, Version: versionText(), Worker: self})
	if err != nil {
		return err
	}
	defer svc.Close()
	log.Info().Str("webhooks", svc.URL()).Str("admin", svc.AdminURL()).Str("version", versionText()).Msg("lumos is ready")
	return svc.Run(ctx)
}

// loadSettings reads the settings; a default file that is absent leaves the environment alone to
// speak, as in a container.
func loadSettings(path string) (*config.Server, error) {
	if _, err := os.Stat(path); os.IsNotExist(err) && path == "lumos.yaml" {
		path = ""
	}
	return config.LoadServer(path, os.Environ())
}
