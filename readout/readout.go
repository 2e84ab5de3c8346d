package readout

import (
	"github.com/tracklayer/tracklayer/registry"
	"github.com/tracklayer/tracklayer/stats"
)

// Readout is one run as of a stream sequence. Its JSON is the API's.
type Readout struct {
	ExperimentID    string           `json:"experiment_id"`
	Run             *int             `json:"run"` // null: a draft that has no run
	Status          registry.Status  `json:"status"`
	Invalid         bool             `json:"invalid,omitempty"` // the whole run ended early: do not trust its numbers
	InvalidReason   string           `json:"invalid_reason,omitempty"`
	AsOf            AsOf             `json:"as_of"`
	Control         string           `json:"control"`
	PrimaryMetric   *string          `json:"primary_metric"` // null: no metric decides
	CrossoverPolicy string           `json:"crossover_policy"`
	Filtered        string           `json:"filtered"` // exclude or include: whether bots and internal users are counted
	Variants        []Variant        `json:"variants"`
	Metrics         []Metric         `json:"metrics"`
	OtherPolicy     OtherPolicy      `json:"other_policy"`
	Crossovers      []Pair           `json:"crossovers"`
	EarlyStop       EarlyStop        `json:"early_stop"`
	UnknownVariants []UnknownVariant `json:"unknown_variants"`
	OutsideRun      int64            `json:"outside_run"` // exposures outside every run of the experiment
	// Conversions says what became of every conversion that concerns the run. no_exposure counts those that name the
	// experiment, of persons who were never exposed to any run of it; the others are of this run.
	Conversions     map[string]int64 `json:"conversions_by_status"`
	VariantMismatch int64            `json:"variant_mismatch"` // conversions that claim another variant than was met
	Checks          []Check          `json:"checks"`
	Decision        Decision         `json:"decision"`
}

// AsOf names what a readout stands for: the same four give the same bytes.
type AsOf struct {
	StreamSeq        uint64 `json:"stream_seq"`
	RegistryRevision int    `json:"registry_revision"`
	CodeVersion      string `json:"code_version"`
	// Unsettled persons have so many events that they are recomputed in the background, and count until then for what
	// they were before. Nearly always none.
	Unsettled int   `json:"unsettled_users,omitempty"`
	Erasures  int64 `json:"erasures,omitempty"` // persons erased so far: what is older shows others
}

// Variant is who is in an arm, and who was taken out of it.
type Variant struct {
	Variant         string `json:"variant"`
	ExposedUsers    int64  `json:"exposed_users"`     // counted
	CrossoverUsers  int64  `json:"crossover_users"`   // seen here, and not counted because they were seen elsewhere as well
	EndedEarlyUsers int64  `json:"ended_early_users"` // not counted because their participation was ended
	FilteredUsers   int64  `json:"filtered_users"`    // not counted because they are bots or internal users
	RepeatExposures int64  `json:"repeat_exposures"`
	Invalid         bool   `json:"invalid,omitempty"` // the variant ended early: do not trust its numbers
	InvalidReason   string `json:"invalid_reason,omitempty"`
}

// Metric is one metric in every arm.
type Metric struct {
	Metric    string              `json:"metric"`
	Role      registry.Role       `json:"role"`
	Type      registry.MetricType `json:"type"`
	Direction string              `json:"direction"`
	Variants  []Row               `json:"variants"`
}

// Reasons say why a number beside them is null, by its JSON name.
type Reasons map[string]stats.Reason

// Row is one metric in one arm, in units of the metric.
type Row struct {
	Variant        string   `json:"variant"`
	Users          int64    `json:"users"`
	ConvertedUsers int64    `json:"converted_users"`
	ConversionRate *float64 `json:"conversion_rate"`
	Sum            float64  `json:"sum"`                   // of a proportion: users who converted; of a ratio: the numerator
	Denominator    *float64 `json:"denominator,omitempty"` // of a mean or a ratio
	Mean           *float64 `json:"mean"`                  // per user; of a mean or a ratio: sum over denominator
	Variance       *float64 `json:"variance"`              // of one user's value, with n-1; of a mean or a ratio the linearised one
	*Effect                 // of a treatment
	Reasons        Reasons  `json:"reasons,omitempty"`
}

// Effect is a treatment against the control. Intervals are of the relative lift, two-sided, 95 %.
type Effect struct {
	Lift                     Lift        `json:"lift"`
	ProbabilityToBeatControl *float64    `json:"probability_to_beat_control"`
	CredibleInterval         *[2]float64 `json:"credible_interval"`
	ExpectedLoss             *float64    `json:"expected_loss"` // of choosing this variant, in units of the metric
	PValue                   *float64    `json:"p_value"`
	ConfidenceInterval       *[2]float64 `json:"confidence_interval"`
	SequentialInterval       *[2]float64 `json:"sequential_interval"`
}

// Lift is the difference of the means; the relative one is a share of the control's magnitude.
type Lift struct {
	Relative *float64 `json:"relative"`
	Absolute *float64 `json:"absolute"`
	Reasons  Reasons  `json:"reasons,omitempty"`
}

// OtherPolicy is the headline under the crossover policy that the definition did not choose.
type OtherPolicy struct {
	CrossoverPolicy string     `json:"crossover_policy"`
	Variants        []Headline `json:"variants"`
}

// Headline is one arm under the other policy.
type Headline struct {
	Variant        string `json:"variant"`
	ExposedUsers   int64  `json:"exposed_users"`
	ConvertedUsers *int64 `json:"converted_users"` // in the primary metric; null where none is
}

// Pair counts the persons who were seen in both variants. A person seen in three is in three pairs.
type Pair struct {
	Variants [2]string `json:"variants"`
	Users    int64     `json:"users"`
}

// EarlyStop are the persons whose participation was ended early, in whatever variant they were. Those who are
// crossovers as well are among them; under the policy exclude the variants count them as crossovers.
type EarlyStop struct {
	Users           int64            `json:"users"`
	ByReason        map[string]int64 `json:"by_reason"`
	CrossoverUsers  int64            `json:"crossover_users"`  // of Users
	WithoutExposure int64            `json:"without_exposure"` // beside Users: ended, but never exposed to a known variant
}

// UnknownVariant is a label that the definition does not know. Its persons and exposures are in no arm.
type UnknownVariant struct {
	Variant   string `json:"variant"`
	Users     int64  `json:"users"` // who met no known variant
	Exposures int64  `json:"exposures"`
}

// CheckStatus is what a check found.
type CheckStatus string

// What a check may find. A failed one makes the readout unhealthy.
const (
	OK            CheckStatus = "ok"
	Warning       CheckStatus = "warning"
	Failed        CheckStatus = "failed"
	NotEnoughData CheckStatus = "not_enough_data"
)

// Check is one look at whether the numbers can be trusted. At most one of the embedded parts is set.
type Check struct {
	Check  string      `json:"check"`
	Status CheckStatus `json:"status"`
	*SampleRatio
	*Share
	*Labels
	Detail  string  `json:"detail"`
	Reasons Reasons `json:"reasons,omitempty"`
}

// SampleRatio is whether the persons are divided as the weights say.
type SampleRatio struct {
	PValue    *float64 `json:"p_value"`
	ChiSquare *float64 `json:"chi_square"`
	DF        int      `json:"degrees_of_freedom"`
	Split     []Split  `json:"split"`
}

// Split is one arm of the division.
type Split struct {
	Variant  string   `json:"variant"`
	Weight   float64  `json:"weight"`
	Users    int64    `json:"users"`
	Expected *float64 `json:"expected_users"` // null while nobody is counted
}

// Share is how many of all are affected.
type Share struct {
	Rate     *float64 `json:"rate"` // null of none
	Affected int64    `json:"affected"`
	Of       int64    `json:"of"`
}

// Labels is how many variants the definition does not know.
type Labels struct {
	Labels    int   `json:"labels"`
	Users     int64 `json:"users"`
	Exposures int64 `json:"exposures"`
}

// DecisionStatus is whether a decision may be taken.
type DecisionStatus string

// Statuses of a decision: while the run is running, the strongest first, and from when it has ended.
const (
	Draft             DecisionStatus = "draft"               // has not started
	Unhealthy         DecisionStatus = "unhealthy"           // a check failed
	Collecting        DecisionStatus = "collecting"          // something is still missing
	EligibleForReview DecisionStatus = "eligible_for_review" // people may decide now
	Stopped           DecisionStatus = "stopped"             // the run has ended, and people have not decided yet
	EndedEarly        DecisionStatus = "ended_early"         // the run's data, or a variant's, are not to be trusted
	Decided           DecisionStatus = "decided"             // people decided
)

// Decision is whether the run may be decided, by its own rule.
type Decision struct {
	Status    DecisionStatus `json:"status"`
	Threshold float64        `json:"threshold"` // of the definition
	// RequiredProbability is what the leading variant must reach: the threshold's chance of an error shared among the
	// treatments.
	RequiredProbability float64   `json:"required_probability"`
	LeadingVariant      *string   `json:"leading_variant"` // most likely to beat control in the primary metric; null: unknown
	Blockers            []Blocker `json:"blockers"`
	// Outcome is what people decided about the run; nil: nothing yet.
	Outcome *registry.Outcome `json:"outcome,omitempty"`
}

// Blocker is one thing that stands between the run and a decision, and what would lift it.
type Blocker struct {
	Blocker string `json:"blocker"`
	Detail  string `json:"detail"`
}
