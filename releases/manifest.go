package releases

import "time"

// Manifest is a release manifest. schema/manifest.schema.json says what each field means and in what
// unit; a nil pointer is a field that is not stated.
type Manifest struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Metadata   Metadata `json:"metadata"`
	Spec       Spec     `json:"spec"`
}

// Metadata says which release this is and who answers for it.
type Metadata struct {
	Name         string   `json:"name"`
	Version      string   `json:"version"`
	Owner        Owner    `json:"owner"`
	Authors      []string `json:"authors"`
	System       string   `json:"system"`
	BusinessUnit string   `json:"businessUnit"`
}

// Owner answers for a model in operation.
type Owner struct {
	Team   string `json:"team"`
	Person string `json:"person"`
}

// Spec holds the claims.
type Spec struct {
	Source       Source            `json:"source"`
	Artifacts    []Artifact        `json:"artifacts"`
	Signature    *Signature        `json:"signature"`
	Model        Model             `json:"model"`
	ModelCard    *ModelCard        `json:"modelCard"`
	IntendedUse  IntendedUse       `json:"intendedUse"`
	Limitations  []string          `json:"limitations"`
	Biases       []Bias            `json:"biases"`
	Data         []Dataset         `json:"data"`
	Evaluations  []Evaluation      `json:"evaluations"`
	Performance  Performance       `json:"performance"`
	Risk         Risk              `json:"risk"`
	Oversight    Oversight         `json:"oversight"`
	Privacy      Privacy           `json:"privacy"`
	Transparency Transparency      `json:"transparency"`
	Monitoring   Monitoring        `json:"monitoring"`
	Rollout      Rollout           `json:"rollout"`
	Environment  Environment       `json:"environment"`
	Change       ChangeRecord      `json:"change"`
	Evidence     []Evidence        `json:"evidence"`
	Provenance   map[string]Origin `json:"provenance"` // by RFC 6901 pointer
}

// Source is where the model comes from.
type Source struct {
	Registry        string     `json:"registry"`
	Type            string     `json:"type"`
	ModelID         string     `json:"modelId"`
	RegistryVersion string     `json:"registryVersion"`
	Revision        string     `json:"revision"`
	Aliases         []string   `json:"aliases"`
	Publisher       string     `json:"publisher"`
	PublishedAt     *time.Time `json:"publishedAt"`
	Hosting         Hosting    `json:"hosting"`
}

// Hosting is where the model runs.
type Hosting struct {
	Location    string  `json:"location"`
	ThirdParty  *bool   `json:"thirdParty"`
	ContractRef *string `json:"contractRef"`
}

// Artifact is a released file.
type Artifact struct {
	Name   string `json:"name"`
	Digest string `json:"digest"` // "sha256:<hex>"
	Size   *int64 `json:"size"`   // bytes
	Format string `json:"format"`
	Scan   *Scan  `json:"scan"`
}

// Scan is the result of a scan for hidden code.
type Scan struct {
	Status   string `json:"status"`
	Evidence string `json:"evidence"`
}

// Signature is the signature over the artifacts.
type Signature struct {
	Type     string `json:"type"`
	Verified *bool  `json:"verified"`
	Identity string `json:"identity"`
	Issuer   string `json:"issuer"`
	Evidence string `json:"evidence"`
}

// Model says what kind of model it is.
type Model struct {
	Task         string       `json:"task"`
	Architecture Architecture `json:"architecture"`
	Library      string       `json:"library"`
	Modalities   Modalities   `json:"modalities"`
	Generative   *bool        `json:"generative"`
	Languages    []string     `json:"languages"`
	License      License      `json:"license"`
	BaseModels   []BaseModel  `json:"baseModels"`
	Adaptation   Adaptation   `json:"adaptation"`
}

// Architecture is how the model is built.
type Architecture struct {
	Family     string `json:"family"`
	Name       string `json:"name"`
	Parameters *int64 `json:"parameters"`
}

// Modalities are what goes in and comes out.
type Modalities struct {
	Inputs  []string `json:"inputs"`
	Outputs []string `json:"outputs"`
}

// License is the licence and what each source says of it.
type License struct {
	SPDX    string         `json:"spdx"`
	Name    *string        `json:"name"`
	Link    *string        `json:"link"`
	Sources LicenseSources `json:"sources"`
}

// LicenseSources are the places that state a licence.
type LicenseSources struct {
	CardData *string `json:"cardData"`
	Tag      *string `json:"tag"`
	File     *string `json:"file"`
}

// BaseModel is a model that this one was made from.
type BaseModel struct {
	ID       string `json:"id"`
	Revision string `json:"revision"`
	Relation string `json:"relation"`
	Release  string `json:"release"`
}

// Adaptation is what was done to the base models.
type Adaptation struct {
	Method  string `json:"method"`
	Summary string `json:"summary"`
}

// ModelCard is the card that the release is judged by.
type ModelCard struct {
	Path         string   `json:"path"`
	Digest       string   `json:"digest"`
	Placeholders *int     `json:"placeholders"`
	Sections     []string `json:"sections"`
}

// IntendedUse is what the model is and is not for.
type IntendedUse struct {
	Purpose    string     `json:"purpose"`
	Users      []string   `json:"users"`
	OutOfScope []string   `json:"outOfScope"`
	Deployment Deployment `json:"deployment"`
}

// Deployment is where and upon whom the model acts.
type Deployment struct {
	Exposure       string   `json:"exposure"`
	Regions        []string `json:"regions"`
	AffectsPersons *bool    `json:"affectsPersons"`
	Commercial     *bool    `json:"commercial"`
}

// Bias is a known bias.
type Bias struct {
	Group      string `json:"group"`
	Finding    string `json:"finding"`
	Mitigation string `json:"mitigation"`
	Evidence   string `json:"evidence"`
}

// Dataset is data that went into the model or judged it.
type Dataset struct {
	Role             string            `json:"role"`
	ID               string            `json:"id"`
	Revision         string            `json:"revision"`
	Digest           string            `json:"digest"`
	URI              string            `json:"uri"`
	License          string            `json:"license"`
	PersonalData     string            `json:"personalData"`
	Confidentiality  string            `json:"confidentiality"`
	LegalBasis       *LegalBasis       `json:"legalBasis"`
	Article9Basis    *LegalBasis       `json:"article9Basis"`
	Deidentification *Deidentification `json:"deidentification"`
	Croissant        *Croissant        `json:"croissant"`
	Quality          *Quality          `json:"quality"`
}

// LegalBasis is why personal data may be processed.
type LegalBasis struct {
	Article string `json:"article"`
	Ref     string `json:"ref"`
}

// Deidentification is how persons were made unrecognisable.
type Deidentification struct {
	Method   string `json:"method"`
	Evidence string `json:"evidence"`
}

// Croissant is a dataset's Croissant description.
type Croissant struct {
	URI    string `json:"uri"`
	Digest string `json:"digest"`
}

// Quality is a dataset's assessment.
type Quality struct {
	Evidence string `json:"evidence"`
}

// Evaluation is a measurement or a test.
type Evaluation struct {
	ID                 string           `json:"id"`
	Category           string           `json:"category"`
	Test               *string          `json:"test"`
	Dataset            EvaluatedDataset `json:"dataset"`
	Metric             string           `json:"metric"`
	Value              *float64         `json:"value"`
	Direction          string           `json:"direction"` // "higher" or "lower" is better
	Passed             *bool            `json:"passed"`
	N                  *int64           `json:"n"`
	ConfidenceInterval []float64        `json:"confidenceInterval"`
	Slices             []Slice          `json:"slices"`
	Evaluator          string           `json:"evaluator"`
	SelfReported       *bool            `json:"selfReported"`
	Contamination      string           `json:"contamination"`
	RunAt              *time.Time       `json:"runAt"`
	Evidence           string           `json:"evidence"`
}

// EvaluatedDataset is what was measured on.
type EvaluatedDataset struct {
	ID       string `json:"id"`
	Task     string `json:"task"`
	Split    string `json:"split"`
	Revision string `json:"revision"`
}

// Slice is the same metric on a part of the data.
type Slice struct {
	Name  string   `json:"name"`
	Value *float64 `json:"value"`
	N     *int64   `json:"n"`
}

// Performance is speed and load on named hardware.
type Performance struct {
	Profile  Profile            `json:"profile"`
	Metrics  map[string]float64 `json:"metrics"`
	Evidence string             `json:"evidence"`
}

// Profile is what performance was measured on.
type Profile struct {
	Hardware         string   `json:"hardware"`
	Count            *int     `json:"count"`
	Engine           string   `json:"engine"`
	Concurrency      *int     `json:"concurrency"`
	MeanInputTokens  *float64 `json:"meanInputTokens"`
	MeanOutputTokens *float64 `json:"meanOutputTokens"`
}

// Risk is how much can go wrong.
type Risk struct {
	Tier      Tier           `json:"tier"`
	Rationale string         `json:"rationale"`
	Factors   map[string]int `json:"factors"` // 0 to 3; see the schema for their names
	EUAIAct   EUAIAct        `json:"euAiAct"`
	Residual  []Residual     `json:"residual"`
}

// EUAIAct is the class under Regulation (EU) 2024/1689.
type EUAIAct struct {
	Class    string  `json:"class"`
	AnnexIII *string `json:"annexIII"`
	GPAI     *bool   `json:"gpai"`
}

// Residual is a risk that remains.
type Residual struct {
	Description string     `json:"description"`
	AcceptedBy  string     `json:"acceptedBy"`
	AcceptedAt  *time.Time `json:"acceptedAt"`
}

// Oversight is how people stay in charge.
type Oversight struct {
	Roles         []string `json:"roles"`
	HumanReview   string   `json:"humanReview"`
	Contest       string   `json:"contest"`
	StopMechanism string   `json:"stopMechanism"`
}

// Privacy is about personal data over the model's life.
type Privacy struct {
	DPIA      DPIA       `json:"dpia"`
	ROPARef   string     `json:"ropaRef"`
	Retention string     `json:"retention"` // ISO 8601 duration
	Erasure   string     `json:"erasure"`
	Transfers []Transfer `json:"transfers"`
}

// DPIA is the data protection impact assessment.
type DPIA struct {
	Ref      string `json:"ref"`
	Evidence string `json:"evidence"`
}

// Transfer is a transfer of personal data to another country.
type Transfer struct {
	Country   string `json:"country"`
	Mechanism string `json:"mechanism"`
	Ref       string `json:"ref"`
}

// Transparency is what people are told and what is recorded.
type Transparency struct {
	Disclosure    string  `json:"disclosure"`
	OutputMarking string  `json:"outputMarking"`
	Logging       Logging `json:"logging"`
}

// Logging is what is logged in operation.
type Logging struct {
	What      []string `json:"what"`
	Retention string   `json:"retention"` // ISO 8601 duration
}

// Monitoring is how trouble in operation is noticed.
type Monitoring struct {
	Metrics         []string `json:"metrics"`
	Alerts          string   `json:"alerts"`
	IncidentContact string   `json:"incidentContact"`
}

// Rollout is how a release goes into operation and out again.
type Rollout struct {
	Strategy   string   `json:"strategy"`
	Rollback   string   `json:"rollback"`
	WithdrawIf []string `json:"withdrawIf"`
}

// Environment is energy and emissions.
type Environment struct {
	CO2eq          CO2eq  `json:"co2eq"`
	TrainingEnergy Energy `json:"trainingEnergy"`
}

// CO2eq are the emissions of the training.
type CO2eq struct {
	Grams  *float64 `json:"grams"`
	Source string   `json:"source"`
}

// Energy is the energy of the training.
type Energy struct {
	KilowattHours *float64 `json:"kilowattHours"`
	Source        string   `json:"source"`
}

// ChangeRecord says what changed since the previous release.
type ChangeRecord struct {
	Type     string `json:"type"`
	Previous string `json:"previous"`
	Summary  string `json:"summary"`
}

// Evidence is a document that claims rest on.
type Evidence struct {
	ID            string             `json:"id"`
	Type          string             `json:"type"`
	URI           string             `json:"uri"`
	Digest        string             `json:"digest"`
	MediaType     string             `json:"mediaType"`
	SubjectDigest string             `json:"subjectDigest"`
	ProducedBy    string             `json:"producedBy"`
	ProducedAt    *time.Time         `json:"producedAt"`
	ExpiresAt     *time.Time         `json:"expiresAt"`
	Signature     *EvidenceSignature `json:"signature"`
}

// EvidenceSignature is a signature over a document.
type EvidenceSignature struct {
	Type string `json:"type"`
	URI  string `json:"uri"`
}

// Origin is where a value of the manifest comes from.
type Origin struct {
	From   string `json:"from"`
	At     string `json:"at"`
	Method string `json:"method"`
}
