package evidence

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// isHarness tells the results file of lm-evaluation-harness: per task an object of metrics, and beside
// it what only the harness writes.
func isHarness(o map[string]value) bool {
	if !o["results"].isObject() || !o["versions"].isObject() {
		return false
	}
	return o["config"].isObject() || o["configs"].isObject() || o["n-shot"].isObject() || o["lm_eval_version"] != nil
}

// readHarness reads what lm-evaluation-harness saves as results_….json: the keys of EvalResults in
// lm_eval/result_schema.py of EleutherAI/lm-evaluation-harness (2026-11). A metric's key is
// "metric,filter" and that of its error "metric_stderr,filter"; before 0.4 there were no filters.
func readHarness(r *reader, root value, f *Facts, _ *Trust) {
	o := r.object(root)
	config := r.object(o["config"])
	f.Version = r.text(o["lm_eval_version"])
	if f.Model = r.text(o["model_name"]); f.Model == "" {
		f.Model = r.text(config["model"])
	}
	if seconds, ok := r.number(o["date"]); ok && seconds > 0 && seconds < 1<<37 {
		f.At = time.Unix(int64(seconds), 0).UTC().Format(time.RFC3339)
	}
	samples := r.object(o["n-samples"])
	tasks := r.object(o["results"])
	maps.DeleteFunc(tasks, func(_ string, v value) bool { return !v.isObject() })
	groups := r.object(o["groups"]) // older files have groups only there
	for name, metrics := range groups {
		if _, both := tasks[name]; !both && metrics.isObject() {
			tasks[name] = metrics
		}
	}
	for _, task := range slices.Sorted(maps.Keys(tasks)) {
		if len(task) > maxText {
			r.fail("the name of a task has %d bytes", len(task))
			return
		}
		metrics := r.object(tasks[task])
		n := r.count(r.object(samples[task])["effective"])
		if n == 0 {
			n = r.count(metrics["sample_len"])
		}
		for _, key := range slices.Sorted(maps.Keys(metrics)) {
			metric, filter, _ := strings.Cut(key, ",")
			value, ok := r.number(metrics[key])
			if !ok || strings.HasSuffix(metric, "_stderr") || slices.Contains([]string{"alias", "name", "samples", "sample_len"}, metric) {
				continue
			}
			result := Result{Task: task, Metric: metric, Value: value, N: n}
			errorKey := metric + "_stderr"
			if filter != "" {
				errorKey += "," + filter
			}
			if filter != "" && filter != "none" {
				result.Metric = key
			}
			if stderr, ok := r.number(metrics[errorKey]); ok {
				result.Stderr = &stderr
			}
			if !r.add(f, result) {
				return
			}
		}
	}
	if len(f.Results) == 0 {
		r.fail("it holds no results")
	}
}

// add keeps a result, within the limit.
func (r *reader) add(f *Facts, result Result) bool {
	switch {
	case len(f.Results) == maxResults:
		r.fail("it has more than %d results", maxResults)
		return false
	case result.Metric == "" || len(result.Metric) > maxText:
		r.fail("a result in it has no metric's name, or one of more than %d bytes", maxText)
		return false
	}
	f.Results = append(f.Results, result)
	return true
}
