package sandbox

import "net/http"

// How GitLab's REST interface writes a refusal; the Kind of an Error tells them apart.
const (
	kindMessage = ""      // {"message": "404 Project Not Found"}
	kindError   = "error" // {"error": "sha is missing"}
	kindScope   = "insufficient_scope"
	kindExpired = "invalid_token"
)

var (
	errUnauthorized = &Error{Status: http.StatusUnauthorized, Message: "401 Unauthorized"}
	errForbidden    = &Error{Status: http.StatusForbidden, Message: "403 Forbidden"}
	errNoRoute      = &Error{Status: http.StatusNotFound, Kind: kindError, Message: "404 Not Found"}
	errExpired      = &Error{Status: http.StatusUnauthorized, Kind: kindExpired, Message: "Token is expired. You can either do re-authorization or token refresh."}
)

func (e *Error) as(kind string) *Error { e.Kind = kind; return e }

// notFoundOf is GitLab's 404 for one kind of thing.
func notFoundOf(what string) *Error {
	if what != "" {
		what += " "
	}
	return refuse(http.StatusNotFound, "404 %sNot Found", what)
}

// badField is GitLab's 400 for a field that its models refuse: {"message": {"title": ["is too long"]}}.
func badField(field, why string) *Error {
	return &Error{Status: http.StatusBadRequest, Message: "400 Bad request", Fields: []FieldError{{Field: field, Message: why}}}
}

// sentences are GitLab's refusals in a list: {"message": ["Another open merge request already exists"]}.
func sentences(status int, list ...string) *Error {
	return &Error{Status: status, Message: http.StatusText(status), Details: list}
}

// gitlabBody is a refusal as GitLab's REST interface writes it.
func (e *Error) gitlabBody() obj {
	switch {
	case e.Kind == kindScope:
		return obj{"error": kindScope, "error_description": "The request requires higher privileges than provided by the access token.", "scope": e.Message}
	case e.Kind == kindExpired:
		return obj{"error": kindExpired, "error_description": e.Message}
	case e.Kind == kindError:
		return obj{"error": e.Message}
	case len(e.Fields) > 0:
		fields := map[string][]string{}
		for _, f := range e.Fields {
			fields[f.Field] = append(fields[f.Field], f.Message)
		}
		return obj{"message": fields}
	case len(e.Details) > 0:
		return obj{"message": e.Details}
	}
	return obj{"message": e.Message}
}
