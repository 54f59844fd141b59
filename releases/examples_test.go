package releases

import (
	"io/fs"
	"path"
	"strings"
	"testing"
	"time"
)

// Every example parses, and every file of the repository that it names is there with its digest.
func TestExamples(t *testing.T) {
	t.Parallel()
	manifests, err := fs.Glob(Examples, "examples/*/*.yaml")
	if err != nil || len(manifests) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, m := range manifests {
		src, err := Examples.ReadFile(m)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Parse("releases/"+m, src)
		if err != nil {
			t.Error(err)
			continue
		}
		files := map[string][]byte{}
		for _, p := range r.EvidencePaths() {
			files[p], err = Examples.ReadFile(strings.TrimPrefix(p, "releases/"))
			if err != nil {
				t.Errorf("%s: %v", m, err)
			}
		}
		checkEvidence(t, r, files)
	}
}

func TestExample(t *testing.T) {
	t.Parallel()
	for _, today := range []time.Time{exampleDay, time.Date(2026, 11, 22, 23, 0, 0, 0, time.UTC), time.Date(2031, 2, 28, 1, 2, 3, 4, time.FixedZone("", 3600))} {
		files, err := Example(today)
		if err != nil {
			t.Fatal(err)
		}
		const manifest = "releases/roberta-squad2/1.0.0.yaml"
		r, err := Parse(manifest, files[manifest])
		if err != nil {
			t.Fatal(err)
		}
		checkEvidence(t, r, files)
		for _, e := range r.Manifest.Spec.Evidence {
			if age := today.Sub(*e.ProducedAt); age < 0 || age > 10*24*time.Hour {
				t.Errorf("on %s, evidence %s is %s old", today, e.ID, age)
			}
		}
		if got := r.Manifest.Spec.Source.PublishedAt.Format(time.RFC3339); got != "2024-09-24T15:48:47Z" {
			t.Errorf("the model was published at %s", got)
		}
		for p := range files {
			if !strings.HasPrefix(p, "releases/roberta-squad2/") || path.Clean(p) != p {
				t.Errorf("unexpected file %s", p)
			}
		}
	}
}

func checkEvidence(t *testing.T, r *Release, files map[string][]byte) {
	t.Helper()
	weights := r.Manifest.Spec.Artifacts[0].Digest
	ids := map[string]bool{}
	for _, e := range r.Manifest.Spec.Evidence {
		ids[e.ID] = true
		if got := digest(files[e.URI]); got != e.Digest {
			t.Errorf("%s: digest %s, the manifest says %s", e.URI, got, e.Digest)
		}
		if e.SubjectDigest != "" && e.SubjectDigest != weights {
			t.Errorf("%s is about %s, which is not the weights", e.ID, e.SubjectDigest)
		}
		if e.SubjectDigest != "" && !strings.Contains(string(files[e.URI]), weights) {
			t.Errorf("%s does not name the weights' digest", e.URI)
		}
	}
	card := r.Manifest.Spec.ModelCard
	if got := digest(files[card.Path]); got != card.Digest {
		t.Errorf("the model card's digest is %s, the manifest says %s", got, card.Digest)
	}
	named := []string{r.Manifest.Spec.Signature.Evidence, r.Manifest.Spec.Performance.Evidence}
	for _, e := range r.Manifest.Spec.Evaluations {
		named = append(named, e.Evidence)
	}
	for _, a := range r.Manifest.Spec.Artifacts {
		named = append(named, a.Scan.Evidence)
	}
	for _, b := range r.Manifest.Spec.Biases {
		named = append(named, b.Evidence)
	}
	for _, id := range named {
		if !ids[id] {
			t.Errorf("evidence %q is referred to but not listed", id)
		}
	}
	for pointer := range r.Manifest.Spec.Provenance {
		if !exists(r.Value, pointer) {
			t.Errorf("provenance of %s, which is not there", pointer)
		}
	}
}
