package source

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"modernc.org/sqlite"
)

// problem is an error in our own words: the same for the same trouble, and fit for a report.
type problem string

func (p problem) Error() string { return string(p) }

// why says what is wrong in words that are fit for a report. What drivers and the system say is not: it
// names ports and addresses that change from one try to the next, clock readings, and at times the
// password. Only what a database says of the query itself is passed on.
func why(err error, timeout time.Duration) string {
	var (
		own      problem
		pg       *pgconn.PgError
		my       *mysql.MySQLError
		lite     *sqlite.Error
		long     *pgproto3.ExceededMaxBodyLenErr
		dns      *net.DNSError
		cert     *tls.CertificateVerificationError
		notTLS   tls.RecordHeaderError
		alert    tls.AlertError
		timedOut interface{ Timeout() bool }
	)
	late := fmt.Sprintf("there was no answer within %s", timeout)
	switch {
	case errors.As(err, &own):
		return own.Error()
	case errors.As(err, &pg):
		if pg.Code == "57014" { // query_canceled: statement_timeout, which is ours
			return late
		}
		return says(pg.Code, pg.Message)
	case errors.As(err, &long):
		return "it gives a row of more bytes than its max_bytes allows"
	case errors.As(err, &my):
		if slices.Contains([]uint16{3024, 1969, 1317}, my.Number) { // max_execution_time, MariaDB's max_statement_time, interrupted
			return late
		}
		return says(string(my.SQLState[:]), my.Message)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return late
	case errors.As(err, &lite):
		if lite.Code()&0xff == 9 { // SQLITE_INTERRUPT
			return late
		}
		return "the database says: " + lite.Error()
	case errors.As(err, &cert):
		return certificate(cert.Err)
	case errors.As(err, &notTLS), errors.Is(err, http.ErrSchemeMismatch):
		return "it does not speak TLS"
	case errors.As(err, &alert):
		return "it refused the TLS connection: " + alert.Error()
	case errors.As(err, &dns):
		if dns.IsNotFound {
			return "its host name is not known"
		}
		return "its host name cannot be looked up"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection was refused"
	case errors.Is(err, fs.ErrNotExist):
		return "there is nothing at its address"
	case errors.Is(err, fs.ErrPermission):
		return "its address may not be opened"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE),
		errors.Is(err, net.ErrClosed), errors.Is(err, driver.ErrBadConn), errors.Is(err, mysql.ErrInvalidConn):
		return "the connection was cut"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "it cannot be reached"
	case errors.As(err, &timedOut) && timedOut.Timeout():
		return late
	}
	return "it cannot be read; the log says more"
}

// says passes on what a database says of a query. Of errors in the data (SQLSTATE classes 22 and 23) only
// the code, for their text quotes the data.
func says(code, message string) string {
	if strings.HasPrefix(code, "22") || strings.HasPrefix(code, "23") {
		return "the database found an error in the data (SQLSTATE " + code + ")"
	}
	return fmt.Sprintf("the database says: %s (SQLSTATE %s)", message, code)
}

// certificate says what is wrong with a server's certificate, without the time at which it was looked at.
func certificate(err error) string {
	var (
		unknown x509.UnknownAuthorityError
		invalid x509.CertificateInvalidError
		host    x509.HostnameError
	)
	switch {
	case errors.As(err, &unknown):
		return "its certificate is signed by nobody who is trusted"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "its certificate has expired, or is not valid yet"
	case errors.As(err, &host):
		return "its certificate is for another name"
	}
	return "its certificate cannot be verified"
}

const redacted = "[redacted]"

// hide notes texts that must never be shown, in every form that a driver may quote them in.
func (s *source) hide(secrets ...string) {
	for _, secret := range secrets {
		for _, form := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret), strings.ReplaceAll(secret, `\`, `\\`), fmt.Sprintf("%q", secret)} {
			if form != "" && form != `""` && !slices.Contains(s.secrets, form) {
				s.secrets = append(s.secrets, form)
			}
		}
	}
	// The longest first, for a secret may be part of another.
	slices.SortFunc(s.secrets, func(a, b string) int { return len(b) - len(a) })
}

// redact takes the secrets out of a text.
func (s *source) redact(text string) string {
	for _, secret := range s.secrets {
		text = strings.ReplaceAll(text, secret, redacted)
	}
	return text
}
