package evidence

import (
	"slices"
	"strings"
)

// readSARIF reads a log of SARIF 2.1.0 (OASIS Standard, 2020; read 2026-11). It counts what stands: no
// result that is suppressed, and none that has gone since the baseline. The digests of the files that
// were scanned become subjects.
func readSARIF(r *reader, root value, f *Facts, _ *Trust) {
	o := r.object(root)
	if f.Version = r.text(o["version"]); f.Version != "2.1.0" {
		r.fail("SARIF %s is not read, want 2.1.0", clip(f.Version))
		return
	}
	runs := r.list(o["runs"], "runs")
	if len(runs) == 0 {
		r.fail("it holds no run")
		return
	}
	f.Scan = &Scan{}
	var tools []string
	for _, run := range runs {
		tool := r.readRun(r.object(run), f)
		if tool != "" && !slices.Contains(tools, tool) {
			tools = append(tools, tool)
		}
	}
	if f.Scan.Tool = strings.Join(tools, ", "); f.Scan.Tool == "" {
		r.fail("it does not name the tool")
	}
}

// readRun counts one run, and returns the name of its tool.
func (r *reader) readRun(run map[string]value, f *Facts) string {
	tool := r.object(run["tool"])
	driver := r.object(tool["driver"])
	for _, v := range r.list(run["invocations"], "invocations") {
		invocation := r.object(v)
		if string(invocation["executionSuccessful"]) == "false" {
			r.fail("the scan by %s did not run to its end", clip(r.text(driver["name"])))
		}
		for _, key := range []string{"endTimeUtc", "startTimeUtc"} {
			if at := moment(r.text(invocation[key])); f.At == "" || at > f.At {
				f.At = at
			}
		}
	}
	if r.object(run["externalPropertyFileReferences"])["results"] != nil {
		r.fail("its results lie in other files")
	}
	if !run["results"].isList() { // section 3.14.23: the run did not scan
		r.fail("a run by %s has no list of results: it did not scan", clip(r.text(driver["name"])))
	}
	for _, v := range r.list(run["artifacts"], "artifacts") {
		artifact := r.object(v)
		hashes := r.object(artifact["hashes"])
		if digest := r.text(hashes["sha-256"]); digest != "" {
			r.about(f, r.text(r.object(artifact["location"])["uri"]), "sha256", digest)
		}
	}
	rules := []map[string]string{r.levels(driver["rules"])} // of the driver, then of each extension
	byIndex := [][]string{r.levelList(driver["rules"])}
	for _, v := range r.list(tool["extensions"], "extensions") {
		extension := r.object(v)
		rules, byIndex = append(rules, r.levels(extension["rules"])), append(byIndex, r.levelList(extension["rules"]))
	}
	// A log may hold more results than are kept of others: they are only counted.
	run["results"].all(func(v value) bool {
		result := r.object(v)
		if !r.standing(result) {
			return true
		}
		switch r.level(result, rules, byIndex) {
		case "error":
			f.Scan.Errors++
		case "note":
			f.Scan.Notes++
		case "none":
		default:
			f.Scan.Warnings++
		}
		return r.err == nil
	})
	return r.text(driver["name"])
}

// standing tells whether a result counts: section 3.27.23 on suppressions, 3.27.24 on the baseline.
func (r *reader) standing(result map[string]value) bool {
	if r.text(result["baselineState"]) == "absent" {
		return false
	}
	suppressions := r.list(result["suppressions"], "suppressions")
	for _, v := range suppressions {
		if status := r.text(r.object(v)["status"]); status != "" && status != "accepted" {
			return true
		}
	}
	return len(suppressions) == 0
}

// level is that of section 3.27.10: the result's own, else its rule's, else warning. What is no failure
// has none.
func (r *reader) level(result map[string]value, rules []map[string]string, byIndex [][]string) string {
	if kind := r.text(result["kind"]); kind != "" && kind != "fail" {
		return "none"
	}
	if level := r.text(result["level"]); level != "" {
		return level
	}
	rule := r.object(result["rule"])
	part := 0
	if at := r.object(rule["toolComponent"])["index"]; at != nil {
		part = r.count(at) + 1
	}
	id, index := r.text(result["ruleId"]), result["ruleIndex"]
	if id == "" {
		id = r.text(rule["id"])
	}
	if index == nil {
		index = rule["index"]
	}
	if part >= len(rules) {
		return "warning"
	}
	if i := r.count(index); index != nil && string(index) != "-1" && i < len(byIndex[part]) {
		return byIndex[part][i]
	}
	// "RULE/sub" is a rule that refines RULE (section 3.27.5).
	for ; id != ""; id = id[:max(strings.LastIndexByte(id, '/'), 0)] {
		if level, ok := rules[part][id]; ok {
			return level
		}
	}
	return "warning"
}

// levels gives each rule's default level by its id.
func (r *reader) levels(rules value) map[string]string {
	out := map[string]string{}
	list := r.levelList(rules)
	i := 0
	rules.all(func(v value) bool {
		if i < len(list) {
			out[r.text(r.object(v)["id"])] = list[i]
		}
		i++
		return r.err == nil
	})
	return out
}

// levelList gives each rule's default level in the order of the rules.
func (r *reader) levelList(rules value) []string {
	var out []string
	rules.all(func(v value) bool {
		level := r.text(r.object(r.object(v)["defaultConfiguration"])["level"])
		if level == "" {
			level = "warning"
		}
		out = append(out, level)
		return r.err == nil && len(out) < 100*maxResults
	})
	return out
}
