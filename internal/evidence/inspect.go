package evidence

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
)

func isInspect(o map[string]value) bool {
	return o["eval"].isObject() && o["status"].isText() && o["version"] != nil
}

// readInspect reads an evaluation log of Inspect as JSON: EvalLog in src/inspect_ai/log/_log.py of
// UKGovernmentBEIS/inspect_ai (2026-11), version 2. A log that does not say success is no evidence.
func readInspect(r *reader, root value, f *Facts, _ *Trust) {
	o := r.object(root)
	eval, results, stats := r.object(o["eval"]), r.object(o["results"]), r.object(o["stats"])
	if version := r.count(o["version"]); version != 1 && version != 2 {
		r.fail("version %s of the log is not known, want 2", clip(string(o["version"])))
		return
	}
	f.Version, f.Model = r.text(r.object(eval["packages"])["inspect_ai"]), r.text(eval["model"])
	for _, at := range []string{r.text(stats["completed_at"]), r.text(stats["started_at"]), r.text(eval["created"])} {
		if f.At == "" {
			f.At = moment(at)
		}
	}
	if status := r.text(o["status"]); status != "success" {
		f.Error = clip(fmt.Sprintf("the evaluation did not succeed: its status is %q", status))
		return
	}
	if string(o["invalidated"]) == "true" {
		f.Error = "the log is marked as invalidated"
		return
	}
	dataset, task := r.text(r.object(eval["dataset"])["name"]), r.text(eval["task"])
	scores := r.list(results["scores"], "scores")
	if len(scores) == 0 && results["scorer"].isObject() { // version 1
		scores = []value{results["scorer"]}
	}
	for _, v := range scores {
		score := r.object(v)
		n := r.count(score["scored_samples"])
		if n == 0 {
			n = r.count(results["completed_samples"])
		}
		metrics := r.object(score["metrics"])
		if metrics == nil {
			metrics = r.object(results["metrics"]) // version 1
		}
		var stderr *float64
		if s, ok := r.number(r.object(metrics["stderr"])["value"]); ok {
			stderr = &s
		}
		for _, key := range slices.Sorted(maps.Keys(metrics)) {
			value, ok := r.number(r.object(metrics[key])["value"])
			if !ok || key == "stderr" {
				continue
			}
			result := Result{Dataset: dataset, Task: task, Metric: key, Value: value, N: n}
			if len(scores) > 1 {
				result.Metric = r.text(score["name"]) + "/" + key
			}
			if key == "accuracy" || key == "mean" {
				result.Stderr = stderr
			}
			if !r.add(f, result) {
				return
			}
		}
	}
	if len(f.Results) == 0 {
		r.fail("it holds no scores")
	}
}

// The parts of an .eval archive (src/inspect_ai/log/_recorders/eval.py, 2026-11). The header is the log
// without its samples; it is written last.
const (
	evalHeader = "header.json"
	evalStart  = "_journal/start.json"
)

// readEvalArchive reads the header of an .eval archive. Nothing else is unpacked, and of that no more
// than a file may have. Another kind of archive is of no known format.
func readEvalArchive(data []byte) *Facts {
	if len(data) > maxSize {
		return nil
	}
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil
	}
	var header, start *zip.File
	for _, part := range archive.File {
		switch part.Name {
		case evalHeader:
			if header != nil {
				return broken(Inspect, "%s stands twice in the archive", evalHeader)
			}
			header = part
		case evalStart:
			start = part
		}
	}
	switch {
	case header == nil && start == nil:
		return nil
	case header == nil:
		return broken(Inspect, "the log is not finished: the archive has no %s", evalHeader)
	case header.Method != zip.Store && header.Method != zip.Deflate:
		return broken(Inspect, "the archive is compressed by method %d, which is not read: write the log as JSON (inspect log convert --to json)", header.Method)
	}
	part, err := header.Open()
	if err != nil {
		return broken(Inspect, "%s: %v", evalHeader, err)
	}
	text, err := io.ReadAll(io.LimitReader(part, maxSize+1))
	if err != nil {
		return broken(Inspect, "%s: %v", evalHeader, err)
	}
	root, err := parse(text)
	if err != nil {
		return broken(Inspect, "%s: %v", evalHeader, err)
	}
	r := &reader{}
	if !isInspect(r.object(root)) {
		if start == nil && r.err == nil {
			return nil
		}
		return broken(Inspect, "%s is not the header of a log", evalHeader)
	}
	return how{Inspect, readInspect}.facts(r, root, nil)
}

func broken(format, message string, args ...any) *Facts {
	return &Facts{Format: format, Error: clip(fmt.Sprintf(message, args...))}
}
