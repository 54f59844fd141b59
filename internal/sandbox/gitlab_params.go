package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// readParams reads the query and the body, by a list of what the route declares: "title! state:a|b
// page:int squash:bool ids:ints labels:list position:object". A "!" marks what must be there.
func (c *glCall) readParams(spec string, body []byte) error {
	given := map[string]any{}
	if err := c.parse(body, given); err != nil {
		return err
	}
	c.params = map[string]any{}
	var missing []string
	for _, one := range strings.Fields(spec + " page:int per_page:int") {
		name, kind, _ := strings.Cut(one, ":")
		name, required := strings.CutSuffix(name, "!")
		v, ok := given[name]
		if !ok || v == nil {
			if required {
				missing = append(missing, name+" is missing")
			}
			continue
		}
		read, why := readParam(kind, v)
		if why != "" {
			return refuse(http.StatusBadRequest, "%s %s", name, why).as(kindError)
		}
		c.params[name] = read
	}
	if len(missing) > 0 {
		return refuse(http.StatusBadRequest, "%s", strings.Join(missing, ", ")).as(kindError)
	}
	return nil
}

// parse gathers what was sent: query, form, or JSON, whose values win.
func (c *glCall) parse(body []byte, into map[string]any) error {
	values := c.req.URL.Query()
	kind, _, _ := mime.ParseMediaType(c.req.Header.Get("Content-Type"))
	if kind == "application/x-www-form-urlencoded" {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return refuse(http.StatusBadRequest, "The provided content-type does not fit the body").as(kindError)
		}
		for k, v := range form {
			values[k] = v
		}
	}
	for k, v := range values {
		if name, list := strings.CutSuffix(k, "[]"); list {
			into[name] = each(v, func(s string) any { return s })
		} else {
			into[k] = v[len(v)-1]
		}
	}
	if kind != "application/json" || len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	sent := map[string]any{}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if err := dec.Decode(&sent); err != nil && err != io.EOF {
		return refuse(http.StatusBadRequest, "400 Bad request - message body does not match declared format")
	}
	for k, v := range sent {
		into[k] = v
	}
	return nil
}

// readParam converts a value to a declared kind, or says what is wrong with it.
func readParam(kind string, v any) (any, string) {
	text, scalar := "", true
	switch v := v.(type) {
	case string:
		text = v
	case json.Number:
		text = v.String()
	case bool:
		text = strconv.FormatBool(v)
	default:
		scalar = false
	}
	switch kind {
	case "int":
		n, err := strconv.ParseInt(text, 10, 64)
		if !scalar || err != nil {
			return nil, "is invalid"
		}
		return n, ""
	case "bool":
		if b, err := strconv.ParseBool(text); scalar && err == nil {
			return b, ""
		}
		return nil, "is invalid"
	case "ints", "list":
		return readList(kind, text, scalar, v)
	case "object":
		if m, ok := v.(map[string]any); ok {
			return m, ""
		}
		return nil, "is invalid"
	case "any":
		return v, ""
	}
	if !scalar {
		return nil, "is invalid"
	}
	if kind != "" && !slices.Contains(strings.Split(kind, "|"), text) {
		return nil, "does not have a valid value"
	}
	return text, ""
}

// readList reads a list, which GitLab also takes as one text with commas.
func readList(kind, text string, scalar bool, v any) (any, string) {
	var words []string
	if scalar {
		for word := range strings.SplitSeq(text, ",") {
			if word = strings.TrimSpace(word); word != "" {
				words = append(words, word)
			}
		}
	} else if many, ok := v.([]any); ok {
		for _, one := range many {
			words = append(words, fmt.Sprint(one))
		}
	} else {
		return nil, "is invalid"
	}
	if kind == "list" {
		return words, ""
	}
	var out []int64
	for _, w := range words {
		n, err := strconv.ParseInt(w, 10, 64)
		if err != nil {
			return nil, "is invalid"
		}
		out = append(out, n)
	}
	return out, ""
}

func (c *glCall) has(name string) bool { _, ok := c.params[name]; return ok }

// text, number and flag are a parameter, or the zero value without it.
func (c *glCall) text(name string) string  { v, _ := c.params[name].(string); return v }
func (c *glCall) number(name string) int64 { v, _ := c.params[name].(int64); return v }
func (c *glCall) flag(name string) bool    { v, _ := c.params[name].(bool); return v }

// optional is a text that may be left out.
func (c *glCall) optional(name string) *string {
	if v, ok := c.params[name].(string); ok {
		return &v
	}
	return nil
}
