// Package deps is temporary: it keeps modules in go.mod until the rooms that need them import them.
package deps

import (
	_ "github.com/CycloneDX/cyclonedx-go"
	_ "github.com/go-sql-driver/mysql"
	_ "github.com/in-toto/attestation/go/v1"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "github.com/sigstore/sigstore-go/pkg/bundle"
	_ "github.com/sigstore/sigstore-go/pkg/root"
	_ "github.com/sigstore/sigstore-go/pkg/testing/ca"
	_ "github.com/sigstore/sigstore-go/pkg/verify"
	_ "go.starlark.net/starlark"
	_ "go.starlark.net/syntax"
	_ "modernc.org/sqlite"
)
