package export

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/lumos-governance/lumos/internal/policy"
	"github.com/lumos-governance/lumos/releases"
)

// CycloneDX is the releases as one machine learning BOM (CycloneDX 1.6, ECMA-424, in JSON). A single
// release is what the BOM is about; of several, each is a component. The released files lie within their
// model, with their digests; what Lumos adds has names that begin with "lumos:".
//
// Manifests are those that could be read, by path: a report without one is only named. Version is that of
// Lumos and may be empty. Now is when the BOM is made; the zero time leaves it out, so that the same
// release gives the same bytes. Its serial number is always that of the manifests.
func CycloneDX(reports []policy.Report, manifests map[string]*releases.Release, version string, now time.Time) ([]byte, error) {
	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{Tools: &cdx.ToolsChoice{Components: &[]cdx.Component{
		{Type: cdx.ComponentTypeApplication, Name: "Lumos", Version: printable(version), ExternalReferences: &[]cdx.ExternalReference{{Type: cdx.ERTypeWebsite, URL: project}}},
	}}}
	if !now.IsZero() {
		bom.Metadata.Timestamp = now.UTC().Format(time.RFC3339)
	}
	var models, others []cdx.Component
	var depends []cdx.Dependency
	var unread properties
	serial := []string{"cyclonedx"}
	for i := range reports {
		r := &reports[i]
		rel := manifests[r.Path]
		if rel == nil {
			unread.add("lumos:unreadable", r.Path)
			serial = append(serial, r.Path)
			continue
		}
		serial = append(serial, rel.Path, rel.Digest)
		m := modelOf(rel, r)
		data := datasets(rel)
		link := cdx.Dependency{Ref: m.BOMRef}
		if len(data) > 0 {
			var refs []string
			for _, d := range data {
				refs = append(refs, d.BOMRef)
			}
			link.Dependencies = &refs
		}
		models, others, depends = append(models, m), append(others, data...), append(depends, link)
	}
	bom.SerialNumber = "urn:uuid:" + uuid(serial...)
	bom.Metadata.Properties = unread.list()
	if len(models) == 1 && len(reports) == 1 {
		bom.Metadata.Component, models = &models[0], nil
	}
	if all := append(models, others...); len(all) > 0 {
		bom.Components = &all
	}
	if len(depends) > 0 {
		bom.Dependencies = &depends
	}
	var b bytes.Buffer
	if err := cdx.NewBOMEncoder(&b, cdx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false).EncodeVersion(bom, cdx.SpecVersion1_6); err != nil {
		return nil, fmt.Errorf("writing the CycloneDX BOM: %w", err)
	}
	return b.Bytes(), nil
}

// properties are names and values that CycloneDX has no field for.
type properties []cdx.Property

func (p *properties) add(name, value string) {
	if value = printable(value); value != "" {
		*p = append(*p, cdx.Property{Name: name, Value: value})
	}
}

func (p properties) list() *[]cdx.Property {
	if len(p) == 0 {
		return nil
	}
	return (*[]cdx.Property)(&p)
}

// modelOf is the released model.
func modelOf(rel *releases.Release, r *policy.Report) cdx.Component {
	about, spec := &rel.Manifest.Metadata, &rel.Manifest.Spec
	m := cdx.Component{
		BOMRef: bomRef(rel, ""), Type: cdx.ComponentTypeMachineLearningModel,
		Name: phrase(about.Name), Version: printable(about.Version), Description: printable(spec.IntendedUse.Purpose),
		Publisher:          printable(spec.Source.Publisher),
		PackageURL:         packageURL(spec.Source.Type, spec.Source.ModelID, spec.Source.Revision),
		Licenses:           licenses(spec.Model.License.SPDX, value(spec.Model.License.Name), value(spec.Model.License.Link)),
		Hashes:             modelHashes(spec.Artifacts),
		ModelCard:          modelCard(rel),
		Pedigree:           pedigree(spec),
		ExternalReferences: references(spec),
		Properties:         reportFacts(rel, r).list(),
	}
	if len(about.Authors) > 0 {
		var authors []cdx.OrganizationalContact
		for _, a := range about.Authors {
			authors = append(authors, cdx.OrganizationalContact{Name: phrase(a)})
		}
		m.Authors = &authors
	}
	if files := artifacts(rel); len(files) > 0 {
		m.Components = &files
	}
	return m
}

// reportFacts says what CycloneDX cannot: who answers for the model, and how it fares under the policy.
func reportFacts(rel *releases.Release, r *policy.Report) properties {
	about, spec := &rel.Manifest.Metadata, &rel.Manifest.Spec
	var p properties
	p.add("lumos:manifest:path", rel.Path)
	p.add("lumos:manifest:digest", rel.Digest)
	p.add("lumos:owner:team", about.Owner.Team)
	p.add("lumos:owner:person", about.Owner.Person)
	p.add("lumos:system", about.System)
	p.add("lumos:businessUnit", about.BusinessUnit)
	p.add("lumos:source:registry", spec.Source.Registry)
	p.add("lumos:source:type", spec.Source.Type)
	p.add("lumos:source:modelId", spec.Source.ModelID)
	p.add("lumos:source:revision", spec.Source.Revision)
	p.add("lumos:euAiAct:class", spec.Risk.EUAIAct.Class)
	p.add("lumos:policy:digest", r.Policy)
	p.add("lumos:conclusion", string(r.Conclusion))
	p.add("lumos:score", percent(r.Score))
	p.add("lumos:coverage", percent(r.Coverage))
	p.add("lumos:tier", string(r.Tier.Effective))
	p.add("lumos:tier:reason", r.Tier.Reason)
	for _, f := range r.Frameworks {
		p.add("lumos:framework:"+printable(f.Framework)+":score", percent(f.Score))
		p.add("lumos:framework:"+printable(f.Framework)+":edition", f.Edition)
		p.add("lumos:framework:"+printable(f.Framework)+":unverified", strings.Join(f.Unverified, ", "))
	}
	for _, c := range r.Controls {
		p.add("lumos:control:"+printable(c.ID), string(c.Outcome))
	}
	return p
}

// artifacts are the released files, in the manifest's order, which puts weights first.
func artifacts(rel *releases.Release) []cdx.Component {
	var out []cdx.Component
	for i, a := range rel.Manifest.Spec.Artifacts {
		var p properties
		p.add("lumos:format", a.Format)
		if a.Size != nil {
			p.add("lumos:size", strconv.FormatInt(*a.Size, 10))
		}
		if a.Scan != nil {
			p.add("lumos:scan:status", a.Scan.Status)
		}
		out = append(out, cdx.Component{
			BOMRef: bomRef(rel, fmt.Sprintf("#/spec/artifacts/%d", i)), Type: cdx.ComponentTypeFile,
			Name: phrase(a.Name), Hashes: hashes(a.Digest), Properties: p.list(),
		})
	}
	return out
}

// modelHashes gives a model of one file of weights that file's digest as its own. Of several, no digest
// is the model's: each file has its own.
func modelHashes(files []releases.Artifact) *[]cdx.Hash {
	if len(files) == 0 || slices.ContainsFunc(files[1:], func(a releases.Artifact) bool { return a.Format == files[0].Format }) {
		return nil
	}
	return hashes(files[0].Digest)
}

// hashes reads "sha256:<hex>"; nil when it is no such digest.
func hashes(digest string) *[]cdx.Hash {
	sum, ok := strings.CutPrefix(digest, "sha256:")
	if b, err := hex.DecodeString(sum); !ok || err != nil || len(b) != 32 {
		return nil
	}
	return &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: strings.ToLower(sum)}}
}

// commit is what pins a model of Hugging Face.
var commit = regexp.MustCompile(`^[0-9a-fA-F]{40}$`)

// packageURL is the purl of a model of Hugging Face, pkg:huggingface/<namespace>/<name>@<commit>, as the
// purl specification has it (github.com/package-url/purl-spec, 2026). Other registries give none, since
// the manifest does not tell their address.
func packageURL(registry, id, revision string) string {
	namespace, name, nested := strings.Cut(id, "/")
	if !nested {
		namespace, name = "", id
	}
	if registry != "huggingface" || name == "" || nested && namespace == "" || strings.Contains(name, "/") || !commit.MatchString(revision) {
		return ""
	}
	path := purlEscape(name)
	if nested {
		path = purlEscape(namespace) + "/" + path
	}
	return "pkg:huggingface/" + path + "@" + strings.ToLower(revision)
}

// purlEscape escapes all but what a purl leaves as it is.
func purlEscape(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || strings.IndexByte(".-_~:", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// pedigree names the models that this one was made from.
func pedigree(spec *releases.Spec) *cdx.Pedigree {
	var bases []cdx.Component
	for _, b := range spec.Model.BaseModels {
		var p properties
		p.add("lumos:relation", b.Relation)
		p.add("lumos:release", b.Release)
		bases = append(bases, cdx.Component{
			Type: cdx.ComponentTypeMachineLearningModel, Name: phrase(b.ID), Version: printable(b.Revision),
			PackageURL: packageURL(spec.Source.Type, b.ID, b.Revision), Properties: p.list(),
		})
	}
	var notes []string
	for _, s := range []string{spec.Model.Adaptation.Method, spec.Model.Adaptation.Summary} {
		if s = printable(s); s != "" {
			notes = append(notes, s)
		}
	}
	if bases == nil && notes == nil {
		return nil
	}
	p := &cdx.Pedigree{Notes: strings.Join(notes, ": ")}
	if bases != nil {
		p.Ancestors = &bases
	}
	return p
}

// datasets are the data that went into the model or judged it. Who looks after a dataset the manifest
// does not tell, so its governance is left out; its grounds in law are properties.
func datasets(rel *releases.Release) []cdx.Component {
	var out []cdx.Component
	for i, d := range rel.Manifest.Spec.Data {
		var p properties
		p.add("lumos:data:role", d.Role)
		p.add("lumos:data:personalData", d.PersonalData)
		if b := d.LegalBasis; b != nil {
			p.add("lumos:data:legalBasis", b.Article+" "+b.Ref)
		}
		if b := d.Article9Basis; b != nil {
			p.add("lumos:data:article9Basis", b.Article+" "+b.Ref)
		}
		if x := d.Deidentification; x != nil {
			p.add("lumos:data:deidentification", x.Method)
		}
		set := cdx.ComponentData{Type: cdx.ComponentDataTypeDataset, Name: phrase(d.ID), Classification: printable(d.Confidentiality)}
		if d.Role != "" {
			set.Description = "used for " + printable(d.Role)
		}
		if address := webAddress(d.URI); address != "" {
			set.Contents = &cdx.ComponentDataContents{URL: address}
		}
		if d.PersonalData != "" && d.PersonalData != "none" {
			set.SensitiveData = &[]string{"personal data: " + printable(d.PersonalData)}
		}
		out = append(out, cdx.Component{
			BOMRef: dataRef(rel, i), Type: cdx.ComponentTypeData, Name: phrase(d.ID), Version: printable(d.Revision),
			Hashes: hashes(d.Digest), Licenses: licenses(d.License, "", ""), Data: &[]cdx.ComponentData{set}, Properties: p.list(),
		})
	}
	return out
}

func dataRef(rel *releases.Release, i int) string {
	return bomRef(rel, fmt.Sprintf("#/spec/data/%d", i))
}

// bomRef names a part of a BOM by its place in the manifest that it comes from.
func bomRef(rel *releases.Release, pointer string) string { return phrase(rel.Path) + pointer }

// referenceTypes are CycloneDX's words for the kinds of evidence that it has a word for.
var referenceTypes = map[string]cdx.ExternalReferenceType{
	"model-card": "model-card", "mlbom": "bom", "scan": "static-analysis-report", "signature": "digital-signature",
	"evaluation-report": "quality-metrics", "impact-assessment": "risk-assessment", "dpia": "risk-assessment",
	"instructions-for-use": "documentation",
}

// references are the evidence, with its digests.
func references(spec *releases.Spec) *[]cdx.ExternalReference {
	var out []cdx.ExternalReference
	for _, e := range spec.Evidence {
		address := webAddress(e.URI)
		if address == "" {
			continue
		}
		kind, known := referenceTypes[e.Type]
		if !known {
			kind = "evidence"
		}
		out = append(out, cdx.ExternalReference{Type: kind, URL: address, Comment: printable(e.ID + " " + e.Type), Hashes: hashes(e.Digest)})
	}
	if out == nil {
		return nil
	}
	return &out
}

// webAddress is s where it is a reference to something, else "".
func webAddress(s string) string {
	u, err := url.Parse(s)
	if err != nil || s == "" || printable(s) != s || strings.ContainsAny(s, " \"<>\\^`{|}") {
		return ""
	}
	return u.String()
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// texts is what is left of some sentences; nil when nothing is.
func texts(all ...string) *[]string {
	var out []string
	for _, s := range all {
		if s = printable(s); s != "" {
			out = append(out, s)
		}
	}
	if out == nil {
		return nil
	}
	return &out
}

// modelCard is the manifest's claims in the form of CycloneDX.
func modelCard(rel *releases.Release) *cdx.MLModelCard {
	spec := &rel.Manifest.Spec
	p := &cdx.MLModelParameters{
		Task: printable(spec.Model.Task), ArchitectureFamily: printable(spec.Model.Architecture.Family), ModelArchitecture: printable(spec.Model.Architecture.Name),
		Inputs: formats(spec.Model.Modalities.Inputs), Outputs: formats(spec.Model.Modalities.Outputs),
	}
	if len(spec.Data) > 0 {
		var sets []cdx.MLDatasetChoice
		for i := range spec.Data {
			sets = append(sets, cdx.MLDatasetChoice{Ref: dataRef(rel, i)})
		}
		p.Datasets = &sets
	}
	card := &cdx.MLModelCard{BOMRef: bomRef(rel, "#/spec/modelCard"), ModelParameters: p, Considerations: considerations(spec)}
	if metrics := metrics(spec); len(metrics) > 0 {
		card.QuantitativeAnalysis = &cdx.MLQuantitativeAnalysis{PerformanceMetrics: &metrics}
	}
	return card
}

func formats(modalities []string) *[]cdx.MLInputOutputParameters {
	var out []cdx.MLInputOutputParameters
	for _, m := range modalities {
		out = append(out, cdx.MLInputOutputParameters{Format: phrase(m)})
	}
	if out == nil {
		return nil
	}
	return &out
}

// metrics are the measurements, each on the whole and then on its slices, and then speed and load. What a
// measurement was made on is part of its type, since CycloneDX has no field for it.
func metrics(spec *releases.Spec) []cdx.MLPerformanceMetric {
	var out []cdx.MLPerformanceMetric
	for _, e := range spec.Evaluations {
		name := printable(strings.Join([]string{value(e.Test), e.Metric}, " "))
		if on := printable(strings.Join([]string{e.Dataset.ID, e.Dataset.Task, e.Dataset.Split}, " ")); on != "" {
			name += " on " + on
		}
		m := cdx.MLPerformanceMetric{Type: name, Value: number(e.Value)}
		if m.Value == "" && e.Passed != nil {
			m.Value = map[bool]string{true: "passed", false: "failed"}[*e.Passed]
		}
		if len(e.ConfidenceInterval) == 2 {
			m.ConfidenceInterval = &cdx.MLPerformanceMetricConfidenceInterval{LowerBound: number(&e.ConfidenceInterval[0]), UpperBound: number(&e.ConfidenceInterval[1])}
		}
		out = append(out, m)
		for _, s := range e.Slices {
			out = append(out, cdx.MLPerformanceMetric{Type: name, Value: number(s.Value), Slice: printable(s.Name)})
		}
	}
	profile := &spec.Performance.Profile
	slice := printable(strings.Join([]string{profile.Hardware, profile.Engine}, " "))
	for _, name := range slices.Sorted(maps.Keys(spec.Performance.Metrics)) {
		v := spec.Performance.Metrics[name]
		out = append(out, cdx.MLPerformanceMetric{Type: printable(name), Value: number(&v), Slice: slice})
	}
	return out
}

// number is v with the digits that give back the same number; "" for none.
func number(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'f', -1, 64)
}

func considerations(spec *releases.Spec) *cdx.MLModelCardConsiderations {
	c := &cdx.MLModelCardConsiderations{
		Users: texts(spec.IntendedUse.Users...), UseCases: texts(spec.IntendedUse.Purpose), TechnicalLimitations: texts(spec.Limitations...),
		EnvironmentalConsiderations: environment(&spec.Environment),
	}
	var ethics []cdx.MLModelCardEthicalConsideration
	for _, s := range spec.IntendedUse.OutOfScope {
		ethics = append(ethics, cdx.MLModelCardEthicalConsideration{Name: "out of scope: " + phrase(s)})
	}
	for _, r := range spec.Risk.Residual {
		e := cdx.MLModelCardEthicalConsideration{Name: "residual risk: " + phrase(r.Description)}
		if r.AcceptedBy != "" {
			e.MitigationStrategy = "accepted by " + printable(r.AcceptedBy)
		}
		ethics = append(ethics, e)
	}
	if ethics != nil {
		c.EthicalConsiderations = &ethics
	}
	var fairness []cdx.MLModelCardFairnessAssessment
	for _, b := range spec.Biases {
		fairness = append(fairness, cdx.MLModelCardFairnessAssessment{GroupAtRisk: printable(b.Group), Harms: printable(b.Finding), MitigationStrategy: printable(b.Mitigation)})
	}
	if fairness != nil {
		c.FairnessAssessments = &fairness
	}
	if *c == (cdx.MLModelCardConsiderations{}) {
		return nil
	}
	return c
}

// environment is the energy and the emissions of the training. CycloneDX wants to know who provided the
// energy, which the manifest does not say.
func environment(e *releases.Environment) *cdx.MLModelCardEnvironmentalConsiderations {
	grams, hours := e.CO2eq.Grams, e.TrainingEnergy.KilowattHours
	var p properties
	p.add("lumos:environment:co2eq:source", e.CO2eq.Source)
	p.add("lumos:environment:trainingEnergy:source", e.TrainingEnergy.Source)
	if grams != nil && hours == nil { // a field for emissions is only there beside the energy
		p.add("lumos:environment:co2eq:grams", number(grams))
	}
	if hours == nil {
		if p == nil {
			return nil
		}
		return &cdx.MLModelCardEnvironmentalConsiderations{Properties: p.list()}
	}
	energy := cdx.MLModelEnergyMeasure{Value: float32(*hours), Unit: cdx.MLModelEnergyUnitKWH}
	training := cdx.MLModelEnergyConsumption{
		Activity: cdx.MLModelEnergyConsumptionActivityTraining, ActivityEnergyCost: energy,
		EnergyProviders: &[]cdx.MLModelEnergyProvider{{Organization: &cdx.OrganizationalEntity{Name: "not stated"}, EnergySource: cdx.MLModelEnergySourceUnknown, EnergyProvided: &energy}},
	}
	if grams != nil {
		training.CO2CostEquivalent = &cdx.MLModelCO2Measure{Value: float32(*grams / 1e6), Unit: cdx.MLModelCO2UnitTCO2Eq}
	}
	return &cdx.MLModelCardEnvironmentalConsiderations{EnergyConsumptions: &[]cdx.MLModelEnergyConsumption{training}, Properties: p.list()}
}
