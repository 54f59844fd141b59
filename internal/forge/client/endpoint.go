package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/lumos-governance/lumos/internal/forge"
)

// Endpoint is a host's GraphQL interface. E is an error as the host words it.
type Endpoint[E any] struct {
	Client  *http.Client
	URL     string
	Header  http.Header                             // of every request, beside what GraphQL needs
	Refused func(*http.Response) error              // what an answer is that holds no GraphQL; nil for one that does
	Limited func(http.Header, E) *forge.RateLimited // what an error is that may be tried later; nil for another
	Failed  func([]E) error                         // the errors of a request that gave no data
}

// Ask posts one document. What the host could answer lies in out even when there are errors: the caller
// decides which of them it can live with.
func (e Endpoint[E]) Ask(ctx context.Context, doc string, variables map[string]any, out any) ([]E, error) {
	body, err := json.Marshal(map[string]any{"query": doc, "variables": variables})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.URL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if e.Header != nil {
		req.Header = e.Header.Clone()
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	resp, err := e.Client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if err := e.Refused(resp); err != nil {
		return nil, err
	}
	var answer struct {
		Data   json.RawMessage `json:"data"`
		Errors []E             `json:"errors"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return nil, fmt.Errorf("decoding the GraphQL answer: %w", err)
	}
	for _, one := range answer.Errors {
		if limited := e.Limited(resp.Header, one); limited != nil {
			return nil, limited
		}
	}
	if len(answer.Data) == 0 || string(answer.Data) == "null" {
		if len(answer.Errors) == 0 {
			return nil, errors.New("the GraphQL answer holds neither data nor errors")
		}
		return nil, e.Failed(answer.Errors)
	}
	if err := json.Unmarshal(answer.Data, out); err != nil {
		return nil, fmt.Errorf("decoding the GraphQL answer: %w", err)
	}
	return answer.Errors, nil
}
