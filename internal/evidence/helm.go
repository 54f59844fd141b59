package evidence

import "strings"

// isStats tells HELM's stats.json, a list of {name: {name, split, …}, count, …}, by its first item.
func isStats(r *reader, root value) bool {
	found := false
	root.all(func(first value) bool {
		o := r.object(first)
		name := r.object(o["name"])
		found = name["name"].isText() && o["count"] != nil && o["sum"] != nil
		return false
	})
	return found
}

// readStats reads stats.json of a HELM run: Stat and MetricName in src/helm/benchmark/metrics of
// stanford-crfm/helm (2026-11). The file names neither model nor scenario; run_spec.json does. A stat's
// count is one of trials; how many samples there were, the stat num_instances says.
func readStats(r *reader, root value, f *Facts, _ *Trust) {
	type place struct{ split, slice string }
	instances := map[place]int{}
	var stats []Result
	for _, v := range r.list(root, "stats") {
		o := r.object(v)
		name := r.object(o["name"])
		mean, ok := r.number(o["mean"])
		if !ok {
			continue // nothing was counted
		}
		result := Result{Metric: r.text(name["name"]), Split: r.text(name["split"]), Value: mean}
		var slice []string
		if sub := r.text(name["sub_split"]); sub != "" {
			slice = append(slice, "sub_split="+sub)
		}
		if perturbation := r.object(name["perturbation"]); perturbation != nil {
			slice = append(slice, "perturbation="+r.text(perturbation["name"])+" "+r.text(perturbation["computed_on"]))
		}
		result.Slice = strings.TrimSpace(strings.Join(slice, " "))
		if result.Metric == "num_instances" {
			instances[place{result.Split, result.Slice}] = int(min(max(mean, 0), 1e15))
		}
		stats = append(stats, result)
	}
	for _, result := range stats {
		result.N = instances[place{result.Split, result.Slice}]
		if !r.add(f, result) {
			return
		}
	}
	if len(f.Results) == 0 {
		r.fail("it holds no results")
	}
}

// readRunSpec reads run_spec.json of a HELM run, which says what was to be run: RunSpec in
// src/helm/benchmark/run_spec.py of stanford-crfm/helm (2026-11). It holds no results.
func readRunSpec(r *reader, root value, f *Facts, _ *Trust) {
	f.Model = r.text(r.object(r.object(root)["adapter_spec"])["model"])
}
