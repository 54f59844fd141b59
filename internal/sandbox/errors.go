package sandbox

import (
	"fmt"
	"net/http"
)

// Error is a refusal of the host, the same whether it is met over REST, GraphQL or in Go.
type Error struct {
	Status  int // the HTTP status of the REST answer
	Message string
	Fields  []FieldError // with 422
	Details []string     // with 422, where GitHub lists sentences instead of fields
	Kind    string       // GraphQL's "type"; derived from Status when empty
}

// FieldError is one entry of a 422's "errors".
type FieldError struct {
	Resource string `json:"resource"`
	Field    string `json:"field"`
	Code     string `json:"code"`
	Message  string `json:"message,omitempty"`
}

func (e *Error) Error() string {
	s := fmt.Sprintf("%d %s", e.Status, e.Message)
	for _, f := range e.Fields {
		s += fmt.Sprintf(" [%s.%s: %s %s]", f.Resource, f.Field, f.Code, f.Message)
	}
	for _, d := range e.Details {
		s += " [" + d + "]"
	}
	return s
}

func (e *Error) kind() string {
	switch {
	case e.Kind != "":
		return e.Kind
	case e.Status == http.StatusNotFound:
		return "NOT_FOUND"
	case e.Status == http.StatusForbidden:
		return "FORBIDDEN"
	}
	return "UNPROCESSABLE"
}

func refuse(status int, format string, args ...any) *Error {
	return &Error{Status: status, Message: fmt.Sprintf(format, args...)}
}

var (
	errNotFound   = &Error{Status: http.StatusNotFound, Message: "Not Found"}
	errBadCreds   = &Error{Status: http.StatusUnauthorized, Message: "Bad credentials"}
	errNeedAuth   = &Error{Status: http.StatusUnauthorized, Message: "Requires authentication"}
	errNoAccess   = &Error{Status: http.StatusForbidden, Message: "Resource not accessible by integration"}
	errNotAllowed = &Error{Status: http.StatusForbidden, Message: "Must have push access to this repository."}
)

// invalid is GitHub's 422 for one field.
func invalid(resource, field, code, message string) *Error {
	return &Error{Status: http.StatusUnprocessableEntity, Message: "Validation Failed",
		Fields: []FieldError{{Resource: resource, Field: field, Code: code, Message: message}}}
}

// unprocessable is GitHub's 422 in plain sentences.
func unprocessable(details ...string) *Error {
	return &Error{Status: http.StatusUnprocessableEntity, Message: "Unprocessable Entity", Details: details}
}

// malformed is GitHub's 422 for a body that breaks the schema of the request.
func malformed(format string, args ...any) *Error {
	return refuse(http.StatusUnprocessableEntity, "Invalid request.\n\n"+format, args...)
}
