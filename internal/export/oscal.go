package export

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/lumos-governance/lumos/internal/policy"
)

// The part of OSCAL's assessment-results (NIST, JSON) that a report needs. Lists that the schema wants
// filled are left out when they are empty.
type (
	oscalDocument struct {
		Results oscalAssessment `json:"assessment-results"`
	}
	oscalAssessment struct {
		UUID     string         `json:"uuid"`
		Metadata oscalMetadata  `json:"metadata"`
		ImportAP oscalImport    `json:"import-ap"`
		Results  []oscalResult  `json:"results"`
		Back     oscalResources `json:"back-matter"`
	}
	oscalMetadata struct {
		Title        string      `json:"title"`
		LastModified string      `json:"last-modified"`
		Version      string      `json:"version"`
		OSCALVersion string      `json:"oscal-version"`
		Props        []oscalProp `json:"props,omitempty"`
		Remarks      string      `json:"remarks"`
	}
	oscalImport struct {
		Href    string `json:"href"`
		Remarks string `json:"remarks,omitempty"`
	}
	oscalResources struct {
		Resources []oscalResource `json:"resources"`
	}
	oscalResource struct {
		UUID        string       `json:"uuid"`
		Title       string       `json:"title"`
		Description string       `json:"description"`
		Props       []oscalProp  `json:"props,omitempty"`
		Links       []oscalRlink `json:"rlinks,omitempty"`
	}
	oscalRlink struct {
		Href string `json:"href"`
	}
	oscalProp struct {
		Name  string `json:"name"`
		NS    string `json:"ns"`
		Value string `json:"value"`
		Class string `json:"class,omitempty"`
	}
	oscalResult struct {
		UUID         string             `json:"uuid"`
		Title        string             `json:"title"`
		Description  string             `json:"description"`
		Start        string             `json:"start"`
		End          string             `json:"end"`
		Props        []oscalProp        `json:"props,omitempty"`
		Local        oscalLocal         `json:"local-definitions"`
		Reviewed     oscalReviewed      `json:"reviewed-controls"`
		Observations []oscalObservation `json:"observations,omitempty"`
		Risks        []oscalRisk        `json:"risks,omitempty"`
		Findings     []oscalFinding     `json:"findings,omitempty"`
		Remarks      string             `json:"remarks,omitempty"`
	}
	oscalLocal struct {
		Components []oscalComponent `json:"components"`
	}
	oscalComponent struct {
		UUID        string      `json:"uuid"`
		Type        string      `json:"type"`
		Title       string      `json:"title"`
		Description string      `json:"description"`
		Props       []oscalProp `json:"props,omitempty"`
		Status      oscalState  `json:"status"`
	}
	oscalState struct {
		State   string `json:"state"`
		Reason  string `json:"reason,omitempty"`
		Remarks string `json:"remarks,omitempty"`
	}
	oscalReviewed struct {
		Selections []oscalSelection           `json:"control-selections"`
		Objectives []oscalObjectiveSelections `json:"control-objective-selections,omitempty"`
	}
	oscalSelection struct {
		Description string         `json:"description"`
		Props       []oscalProp    `json:"props,omitempty"`
		All         *struct{}      `json:"include-all,omitempty"`
		Controls    []oscalControl `json:"include-controls,omitempty"`
	}
	oscalControl struct {
		ID string `json:"control-id"`
	}
	oscalObjectiveSelections struct {
		Description string           `json:"description"`
		Objectives  []oscalObjective `json:"include-objectives"`
	}
	oscalObjective struct {
		ID string `json:"objective-id"`
	}
	oscalObservation struct {
		UUID        string          `json:"uuid"`
		Title       string          `json:"title"`
		Description string          `json:"description"`
		Props       []oscalProp     `json:"props,omitempty"`
		Methods     []string        `json:"methods"`
		Types       []string        `json:"types"`
		Origins     []oscalOrigin   `json:"origins"`
		Subjects    []oscalSubject  `json:"subjects"`
		Evidence    []oscalEvidence `json:"relevant-evidence"`
		Collected   string          `json:"collected"`
		Remarks     string          `json:"remarks,omitempty"`
	}
	oscalOrigin struct {
		Actors []oscalActor `json:"actors"`
	}
	oscalActor struct {
		Type string `json:"type"`
		UUID string `json:"actor-uuid"`
	}
	oscalSubject struct {
		UUID string `json:"subject-uuid"`
		Type string `json:"type"`
	}
	oscalEvidence struct {
		Href        string `json:"href"`
		Description string `json:"description"`
	}
	oscalRisk struct {
		UUID         string             `json:"uuid"`
		Title        string             `json:"title"`
		Description  string             `json:"description"`
		Statement    string             `json:"statement"`
		Props        []oscalProp        `json:"props,omitempty"`
		Status       string             `json:"status"`
		Deadline     string             `json:"deadline,omitempty"`
		Remediations []oscalRemediation `json:"remediations,omitempty"`
		Related      []oscalObserved    `json:"related-observations"`
	}
	oscalRemediation struct {
		UUID        string `json:"uuid"`
		Lifecycle   string `json:"lifecycle"`
		Title       string `json:"title"`
		Description string `json:"description"`
	}
	oscalObserved struct {
		UUID string `json:"observation-uuid"`
	}
	oscalRisked struct {
		UUID string `json:"risk-uuid"`
	}
	oscalFinding struct {
		UUID         string          `json:"uuid"`
		Title        string          `json:"title"`
		Description  string          `json:"description"`
		Props        []oscalProp     `json:"props,omitempty"`
		Target       oscalTarget     `json:"target"`
		Observations []oscalObserved `json:"related-observations"`
		Risks        []oscalRisked   `json:"related-risks,omitempty"`
	}
	oscalTarget struct {
		Type   string     `json:"type"`
		ID     string     `json:"target-id"`
		Title  string     `json:"title,omitempty"`
		Status oscalState `json:"status"`
	}
)

const (
	oscalVersion = "1.1.3"
	oscalSpace   = project + "/ns/oscal" // of our properties' names
)

// disclaimer says what the document is, wherever it travels to.
const disclaimer = "This is the result of automated checks of release manifests against policy as code. It is no certification and no legal opinion. " +
	"That a check cites a provision relates the two; it does not claim that the provision is met as a whole."

// OSCAL is the reports as OSCAL assessment-results (1.1.3, JSON): a result for each manifest; for each
// control that applies an observation and a finding, and for each that is open or waived a risk. What does
// not apply is observed without a finding, since OSCAL knows satisfied and not-satisfied only. Every UUID
// is that of what it names, so that the same gap has the same one tomorrow. Version is that of Lumos and
// may be empty; now is when it was checked.
func OSCAL(reports []policy.Report, version string, now time.Time) ([]byte, error) {
	o := oscal{now: now.UTC().Format(time.RFC3339), version: printable(version)}
	doc := oscalAssessment{
		Metadata: oscalMetadata{Title: "Compliance of AI model releases", LastModified: o.now, Version: "1.0", OSCALVersion: oscalVersion, Remarks: disclaimer},
		Results:  []oscalResult{},
	}
	doc.Metadata.Props = o.props("generator", "Lumos "+o.version)
	subject := []string{"oscal"}
	seen := map[string]bool{}
	for i := range reports {
		r := &reports[i]
		subject = append(subject, r.Path, r.Digest, r.Policy)
		if id := policyID(r); !seen[id] {
			seen[id] = true
			doc.Back.Resources = append(doc.Back.Resources, oscalResource{
				UUID: id, Title: "Policy as code", Description: "The controls, packs, configuration, lists and waivers that judged, as they were on the base branch.",
				Props: o.props("policy-digest", r.Policy),
			})
		}
		doc.Results = append(doc.Results, o.result(r))
	}
	if len(doc.Back.Resources) == 0 {
		return nil, fmt.Errorf("writing OSCAL: there is no report, and assessment-results must hold one")
	}
	doc.UUID = uuid(subject...)
	doc.ImportAP = oscalImport{"#" + doc.Back.Resources[0].UUID, "The plan is the policy: what is assessed follows from it and from the manifest alone."}
	for i := range reports {
		r := &reports[i]
		doc.Back.Resources = append(doc.Back.Resources, oscalResource{
			UUID: uuid("manifest", r.Path, r.Digest), Title: "Release manifest", Description: "The manifest " + markup(r.Path) + ", which holds the claims and names the evidence.",
			Props: o.props("manifest-digest", r.Digest), Links: []oscalRlink{{reference(r.Path, 0)}},
		})
	}
	b, err := document(oscalDocument{doc})
	if err != nil {
		return nil, fmt.Errorf("writing OSCAL: %w", err)
	}
	return b, nil
}

func policyID(r *policy.Report) string { return uuid("policy", r.Policy) }

type oscal struct{ now, version string }

// props makes properties of names and values, leaving out what has no value.
func (oscal) props(pairs ...string) []oscalProp {
	var out []oscalProp
	for i := 0; i < len(pairs); i += 2 {
		if value := printable(pairs[i+1]); value != "" {
			out = append(out, oscalProp{Name: pairs[i], NS: oscalSpace, Value: value})
		}
	}
	return out
}

func (o oscal) result(r *policy.Report) oscalResult {
	name := r.Path
	if r.Model != "" {
		name = r.Model + " " + r.Version
	}
	key := func(parts ...string) string { return uuid(append([]string{r.Path, r.Digest, r.Policy}, parts...)...) }
	model, tool := key("model"), key("tool")
	out := oscalResult{
		UUID: key("result"), Title: "Compliance of " + markup(name), Start: o.now, End: o.now,
		Description: fmt.Sprintf("%d controls judged %s: %s.", len(r.Controls), markup(r.Path), markup(string(r.Conclusion))),
		Props: o.props("conclusion", string(r.Conclusion), "score", percent(r.Score), "coverage", percent(r.Coverage), "tier", string(r.Tier.Effective),
			"tier-reason", r.Tier.Reason, "policy-digest", r.Policy, "manifest-digest", r.Digest),
		Local: oscalLocal{[]oscalComponent{
			{UUID: model, Type: "software", Title: markup(name), Description: "The AI model release that " + markup(r.Path) + " describes.",
				Props: o.props("model", r.Model, "version", r.Version, "manifest-digest", r.Digest), Status: oscalState{State: "under-development"}},
			{UUID: tool, Type: "software", Title: "Lumos", Description: "The tool that judged, from policy as code and without a person.", Props: o.props("version", o.version),
				Status: oscalState{State: "operational"}},
		}},
		Reviewed: o.reviewed(r),
	}
	for _, f := range r.Frameworks {
		for _, p := range o.props("framework-score", percent(f.Score), "framework-coverage", percent(f.Coverage), "framework-title", f.Title,
			"framework-edition", f.Edition, "unverified-citations", strings.Join(f.Unverified, ", ")) {
			p.Class = token(f.Framework)
			out.Props = append(out.Props, p)
		}
	}
	for _, s := range r.Sources {
		out.Props = append(out.Props, o.props("source", strings.TrimSpace(s.Name+" "+s.Digest+" "+s.Since+" "+s.Error))...)
	}
	var remarks []string
	for _, n := range r.Notices {
		remarks = append(remarks, "Notice: "+markup(n))
	}
	for _, p := range r.Problems {
		remarks = append(remarks, "The policy cannot be trusted: "+markup(p))
	}
	for _, e := range r.Invalid {
		remarks = append(remarks, "The manifest cannot be read: "+markup(e.Error()))
	}
	out.Remarks = strings.Join(remarks, "\n\n")

	for i := range r.Controls {
		c := &r.Controls[i]
		seen := o.observation(r, c, key("observation", c.ID))
		seen.Origins = []oscalOrigin{{[]oscalActor{{"tool", tool}}}}
		seen.Subjects = []oscalSubject{{model, "component"}}
		out.Observations = append(out.Observations, seen)
		if c.Outcome == policy.NotApplicable {
			continue
		}
		f := o.finding(c, key("finding", c.ID))
		f.Observations = []oscalObserved{{seen.UUID}}
		if c.Outcome != policy.Pass {
			risk := o.risk(c, key("risk", c.ID), key("remediation", c.ID))
			risk.Related = f.Observations
			f.Risks = []oscalRisked{{risk.UUID}}
			out.Risks = append(out.Risks, risk)
		}
		out.Findings = append(out.Findings, f)
	}
	return out
}

// reviewed names what was looked at: our own controls, and the provisions that those which apply cite, by
// framework. An id is a token of the framework's name and the id; the finding has it as it is written.
func (o oscal) reviewed(r *policy.Report) oscalReviewed {
	cited := map[string]map[string]bool{}
	var own []oscalControl
	var objectives []oscalObjective
	for _, c := range r.Controls {
		own = append(own, oscalControl{token(c.ID)})
		if c.Outcome == policy.NotApplicable {
			continue
		}
		objectives = append(objectives, oscalObjective{token(c.ID)})
		for framework, ids := range c.References {
			if cited[framework] == nil {
				cited[framework] = map[string]bool{}
			}
			for _, id := range ids {
				cited[framework][token(framework+"_"+id)] = true
			}
		}
	}
	out := oscalReviewed{Selections: []oscalSelection{{Description: "The controls of the policy.", Controls: own}}}
	if own == nil {
		out.Selections[0].All = &struct{}{}
	}
	if objectives != nil {
		out.Objectives = []oscalObjectiveSelections{{"What each control of the policy asks for.", objectives}}
	}
	scores := map[string]policy.FrameworkScore{}
	for _, f := range r.Frameworks {
		scores[f.Framework] = f
	}
	for _, framework := range slices.Sorted(maps.Keys(cited)) {
		f := scores[framework]
		s := oscalSelection{
			Description: "Provisions of " + markup(strings.TrimSpace(orElse(f.Title, framework)+" "+f.Edition)) + " that controls of the policy cite.",
			Props:       o.props("framework", framework, "edition", f.Edition, "unverified-citations", strings.Join(f.Unverified, ", ")),
		}
		for _, id := range slices.Sorted(maps.Keys(cited[framework])) {
			s.Controls = append(s.Controls, oscalControl{id})
		}
		out.Selections = append(out.Selections, s)
	}
	return out
}

func orElse(s, other string) string {
	if printable(s) == "" {
		return other
	}
	return s
}

func (o oscal) observation(r *policy.Report, c *policy.Result, id string) oscalObservation {
	out := oscalObservation{
		UUID: id, Title: markup(c.ID + " " + c.Title), Description: "Outcome: " + markup(strings.ReplaceAll(string(c.Outcome), "-", " ")) + ".",
		Props:   o.props("outcome", string(c.Outcome), "pack", c.Pack, "severity", string(c.Severity), "mode", mode(c), "effective-from", c.EffectiveFrom),
		Methods: []string{"TEST"}, Types: []string{"control-objective"}, Collected: o.now,
	}
	if c.Reason != "" {
		out.Remarks = markup(c.Reason)
	}
	for _, f := range c.Findings {
		words := markup(f.Message)
		if f.Pointer != "" {
			words += " (at " + markup(f.Pointer) + ")"
		}
		if f.Fix != nil {
			words += " It should be " + markup(f.Fix.Value) + "."
		}
		out.Evidence = append(out.Evidence, oscalEvidence{reference(r.Path, f.Line), words})
	}
	if out.Evidence == nil {
		out.Evidence = []oscalEvidence{{reference(r.Path, 0), "The manifest that was judged."}}
	}
	return out
}

func mode(c *policy.Result) string {
	if c.Mandatory {
		return "mandatory"
	}
	return "weighted"
}

// finding says whether what the control asks for is there. A waiver does not make it so.
func (o oscal) finding(c *policy.Result, id string) oscalFinding {
	state := oscalState{State: "not-satisfied", Reason: "other"}
	switch c.Outcome {
	case policy.Pass:
		state = oscalState{State: "satisfied", Reason: "pass"}
	case policy.Fail:
		state.Reason = "fail"
	case policy.Missing:
		state.Remarks = "There is no evidence either way."
	case policy.Waived:
		state.Remarks = "Waived: " + markup(waiverWords(c)) + "."
	default:
		state.Remarks = "It could not be evaluated."
	}
	out := oscalFinding{
		UUID: id, Title: markup(c.ID + " " + c.Title), Description: "Whether the release has what the control asks for: " + markup(c.Title) + ".",
		Target: oscalTarget{Type: "objective-id", ID: token(c.ID), Title: markup(c.Title), Status: state},
	}
	for _, framework := range slices.Sorted(maps.Keys(c.References)) {
		for _, id := range c.References[framework] {
			for _, p := range o.props("cites", id) {
				p.Class = token(framework)
				out.Props = append(out.Props, p)
			}
		}
	}
	return out
}

func (o oscal) risk(c *policy.Result, id, remediation string) oscalRisk {
	var found []string
	for _, f := range c.Findings {
		found = append(found, markup(f.Message))
	}
	if found == nil {
		found = []string{markup(orElse(c.Reason, "There is no evidence either way."))}
	}
	out := oscalRisk{
		UUID: id, Title: markup("Open: " + c.ID + " " + c.Title), Description: strings.Join(found, "\n\n"),
		Statement: "A release with this gap may not do what " + markup(c.ID) + " asks for: " + markup(c.Title) + ".",
		Props:     o.props("severity", string(c.Severity), "mode", mode(c)), Status: "open",
	}
	if w := c.Waiver; c.Outcome == policy.Waived && w != nil {
		out.Status = "deviation-approved"
		out.Props = append(out.Props, o.props("waiver", w.Path, "waiver-reason", w.Reason)...)
		if t, err := time.Parse(time.RFC3339, w.ExpiresAt); err == nil {
			out.Deadline = t.UTC().Format(time.RFC3339)
		}
	}
	if c.Remediation != "" {
		out.Remediations = []oscalRemediation{{remediation, "recommendation", "How to close the gap", markup(c.Remediation)}}
	}
	return out
}

// reference is a relative reference to a line of a file of the repository.
func reference(path string, line int) string {
	s := (&url.URL{Path: path}).String()
	if line > 0 {
		s += fmt.Sprintf("#L%d", line)
	}
	return s
}

// token is s as OSCAL's token: a letter or an underscore, then letters, digits, points, hyphens and
// underscores. Whatever else is there becomes one hyphen: "164.308(a)(1)" is "_164.308-a-1".
func token(s string) string {
	var b strings.Builder
	gap := false
	for _, r := range printable(s) {
		if !unicode.IsLetter(r) && !unicode.Is(unicode.N, r) && !strings.ContainsRune("._-", r) {
			gap = b.Len() > 0
			continue
		}
		if gap {
			b.WriteByte('-')
			gap = false
		}
		if b.Len() == 0 && !unicode.IsLetter(r) {
			b.WriteByte('_')
		}
		b.WriteRune(r)
	}
	if b.Len() == 0 {
		return "_"
	}
	return b.String()
}
