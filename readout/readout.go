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
	// Other counts what is not listed because there is too much of it; null: everything is.
	Other *Other `json:"other,omitempty"`

	refundsLost int64 // refunds that were sent under the dedup key of their order
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
	// Currency is what a metric over value is in: the declared one, or the one that all counted amounts have; empty while
	// there is none, or more than one.
	Currency string `json:"currency,omitempty"`
	// AmountsByCurrency counts the amounts of the counted conversions, "" if they state no currency, and with "?" behind the
	// currency if the metric has no rate for their day.
	AmountsByCurrency map[string]int64 `json:"amounts_by_currency,omitempty"`
	Variants          []Row            `json:"variants"`
	Matured           *Matured         `json:"matured,omitempty"` // the same over those alone whose window has closed
	Power             *Power           `json:"power,omitempty"`   // of the primary metric
	Novelty           *Novelty         `json:"novelty,omitempty"` // of the primary metric, if there is enough to tell
}

// Reasons say why a number beside them is null, by its JSON name.
type Reasons map[string]stats.Reason

// Row is one metric in one arm, in units of the metric.
type Row struct {
	Variant        string   `json:"variant"`
	Users          int64    `json:"users"`
	ConvertedUsers int64    `json:"converted_users"`
	ConversionRate *float64 `json:"conversion_rate"`
	Sum            *float64 `json:"sum"`                   // of a proportion: users who converted; of a ratio: the numerator
	Denominator    *float64 `json:"denominator,omitempty"` // of a mean or a ratio
	Mean           *float64 `json:"mean"`                  // per user; of a mean or a ratio: sum over denominator
	Variance       *float64 `json:"variance"`              // of one user's value, with n-1; of a mean or a ratio the linearised one
	// ProbabilityToBeBest of all variants, the control among them.
	ProbabilityToBeBest *float64 `json:"probability_to_be_best"`
	*Effect                      // of a treatment
	Reasons             Reasons  `json:"reasons,omitempty"`
}

// Effect is a treatment against the control. Intervals are of the relative lift, two-sided, 95%.
type Effect struct {
	Lift                     Lift        `json:"lift"`
	ProbabilityToBeatControl *float64    `json:"probability_to_beat_control"`
	CredibleInterval         *[2]float64 `json:"credible_interval"`
	ExpectedLoss             *float64    `json:"expected_loss"` // of choosing this variant, in units of the metric
	PValue                   *float64    `json:"p_value"`
	ConfidenceInterval       *[2]float64 `json:"confidence_interval"`
	SequentialInterval       *[2]float64 `json:"sequential_interval"`
	SequentialPValue         *float64    `json:"sequential_p_value"`         // always valid
	AdjustedPValue           *float64    `json:"adjusted_p_value,omitempty"` // of a secondary metric: Holm, over all of them and all treatments
	Intervals                Intervals   `json:"intervals"`
	// EarlyStop is Win or Harm if the always-valid interval excludes no effect, in the direction that is better or
	// worse.
	EarlyStop         string    `json:"early_stop_marker,omitempty"`
	CovariateAdjusted *Adjusted `json:"covariate_adjusted,omitempty"` // beside the raw figures
}

// Early-stop markers.
const (
	Win  = "win"
	Harm = "harm"
)

// Intervals are those of the relative lift, two-sided, at three levels.
type Intervals struct {
	Credible   Levels `json:"credible"`
	Confidence Levels `json:"confidence"`
	Sequential Levels `json:"sequential"`
}

// Levels are one interval at 80, 90 and 95%; null if it does not exist, for the reason of the 95% one.
type Levels struct {
	P80 *[2]float64 `json:"80"`
	P90 *[2]float64 `json:"90"`
	P95 *[2]float64 `json:"95"`
}

// Adjusted is a treatment against the control after the same metric before the exposure was accounted for (CUPED).
type Adjusted struct {
	Days                     int         `json:"days"`      // before the exposure that the covariate covers
	Theta                    float64     `json:"theta"`     // within the arms, one for all
	Reduction                float64     `json:"reduction"` // share of the variance of the difference that went away
	ControlMean              *float64    `json:"control_mean"`
	Mean                     *float64    `json:"mean"`
	Lift                     Lift        `json:"lift"`
	ProbabilityToBeatControl *float64    `json:"probability_to_beat_control"`
	CredibleInterval         *[2]float64 `json:"credible_interval"`
	PValue                   *float64    `json:"p_value"`
	ConfidenceInterval       *[2]float64 `json:"confidence_interval"`
	SequentialInterval       *[2]float64 `json:"sequential_interval"`
	Reasons                  Reasons     `json:"reasons,omitempty"`
}

// Matured is a metric over those alone whose window had closed by the watermark, by whole days (UTC) of the first
// exposure.
type Matured struct {
	Through  *string `json:"through"` // the last such day; null: none yet
	Variants []Row   `json:"variants"`
}

// Power is how far the primary metric's data reach, by the plan in force.
type Power struct {
	PlannedUnitsPerVariant int64 `json:"planned_units_per_variant"`
	// MaturedUnitsPerVariant is the smallest arm.
	MaturedUnitsPerVariant int64 `json:"matured_units_per_variant"`
	// MinimumDetectableEffect is the relative lift that the matured users show with a power of 0.8, two-sided at 5%.
	MinimumDetectableEffect *float64 `json:"minimum_detectable_effect"`
	// PlannedEffect is the relative lift that the plan is to detect, and Reached the power for it now; null: the plan
	// names none.
	PlannedEffect *float64 `json:"planned_effect"`
	Reached       *float64 `json:"reached"`
	// DaysLeft until the plan's horizon at the last week's pace; null: no new users, or it is reached.
	DaysLeft *int64  `json:"days_left"`
	Reasons  Reasons `json:"reasons,omitempty"`
}

// Novelty is whether the primary metric's effect changes with the time since the exposure.
type Novelty struct {
	Variant   string       `json:"variant"`
	ByHazard  *NoveltyTest `json:"by_first_conversion"` // by days since exposure; of a proportion
	ByCohort  *NoveltyTest `json:"by_cohort"`           // by day of first exposure
	Suspected bool         `json:"suspected"`
}

// NoveltyTest is a weighted regression of the daily effect on the day. The effects are relative: by days since exposure
// to the share of both arms that converts on that day among those who had not, by day of exposure to the control's mean.
type NoveltyTest struct {
	Slope  *float64 `json:"slope"` // of the relative effect, a day
	PValue *float64 `json:"p_value"`
	Early  *float64 `json:"early"` // over the first half of the days
	Late   *float64 `json:"late"`  // over the second
	Days   int      `json:"days"`
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
	ConvertedUsers *int64 `json:"converted_users"` // in the primary metric; null if none is
	// Of a treatment, in the primary metric; null if the row's own would be.
	RelativeLift             *float64 `json:"relative_lift,omitempty"`
	ProbabilityToBeatControl *float64 `json:"probability_to_beat_control,omitempty"`
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
	ByDay           []EndDay         `json:"by_day"`           // UTC, in order
	CrossoverUsers  int64            `json:"crossover_users"`  // of Users
	WithoutExposure int64            `json:"without_exposure"` // beside Users: ended, but never exposed to a known variant
}

// EndDay is how many persons ended early on a day.
type EndDay struct {
	Day   string `json:"day"`
	Users int64  `json:"users"`
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
	*SplitByDay
	*Share
	*Labels
	*Correlations
	Detail  string  `json:"detail"`
	Reasons Reasons `json:"reasons,omitempty"`
}

// SampleRatio is whether the persons are divided as the weights say.
type SampleRatio struct {
	PValue    *float64 `json:"p_value"`
	ChiSquare *float64 `json:"chi_square"`
	DF        int      `json:"degrees_of_freedom"`
	Exact     bool     `json:"exact,omitempty"` // the p value is the multinomial one, because too few are expected in an arm
	// SequentialPValue is always valid: the smallest over the ends of the days so far.
	SequentialPValue *float64 `json:"sequential_p_value"`
	Split            []Split  `json:"split"`
}

// SplitByDay is the division of those first exposed on each day.
type SplitByDay struct {
	Days     int      `json:"days"`             // on which there were enough
	WorstDay *string  `json:"worst_day"`        // null: none
	AtWorst  *float64 `json:"adjusted_p_value"` // its p value times the days (Bonferroni), at most 1
}

// Split is one arm of the division.
type Split struct {
	Variant  string   `json:"variant"`
	Weight   float64  `json:"weight"`
	Users    int64    `json:"users"`
	Expected *float64 `json:"expected_users"` // null while no user is counted
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
	// UsersShare is the share of Users in all users of the run.
	UsersShare float64 `json:"users_share"`
}

// Correlations are the strongest of metrics, at most 20, the strongest first whichever its sign.
type Correlations struct {
	Correlations []Correlation `json:"correlations"`
}

// Correlation is Pearson's, of two metrics' numbers from user to user, within the variants, in [-1, 1].
type Correlation struct {
	Metrics     [2]string `json:"metrics"` // in byte order
	Correlation float64   `json:"correlation"`
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
	Threshold float64        `json:"threshold"` // of the plan in force; if there is none, of the definition
	// RequiredProbability is what the leading variant must reach: the threshold's chance of an error shared among the
	// treatments.
	RequiredProbability float64   `json:"required_probability"`
	LeadingVariant      *string   `json:"leading_variant"` // most likely to beat control in the primary metric, of the matured users if any are known; null: unknown
	Blockers            []Blocker `json:"blockers"`
	Headline            string    `json:"headline"` // a summary in one or a few sentences
	Basis               *Basis    `json:"basis"`    // what it is based on; null: no primary metric
	Plan                *PlanView `json:"plan"`     // null: the run has not started, or it is undeclared
	HorizonReached      bool      `json:"horizon_reached"`
	// EarlyStop is the leading variant's marker in the basis, or any variant's harm.
	EarlyStop string `json:"early_stop_marker,omitempty"`
	// ShowFirst is the interval that may be acted on now: sequential_interval before the horizon, credible_interval at
	// it; Why says why.
	ShowFirst string `json:"show_first"`
	Why       string `json:"show_first_why"`
	Looks     []Look `json:"looks"` // the last daily snapshots, the newest last
	// PlannedLook is the leading variant at the planned end, the one look that the plan allows besides the always-valid
	// interval; null: the end is not reached, or no variant leads.
	PlannedLook *Look `json:"planned_look"`
	// Outcome is what people decided about the run; nil: nothing yet.
	Outcome *registry.Outcome `json:"outcome,omitempty"`
}

// Blocker is one thing that stands between the run and a decision, and the next step.
type Blocker struct {
	Blocker  string  `json:"blocker"`
	Detail   string  `json:"detail"`
	LiftedBy string  `json:"lifted_by"`             // the next step
	Expected *string `json:"expected_on,omitempty"` // the day, UTC, at the last week's pace; null: unknown
}

// Basis is the primary metric over the matured users, which a decision is based on.
type Basis struct {
	Population string  `json:"population"` // matured
	Metric     string  `json:"metric"`
	Window     string  `json:"window"`
	Through    *string `json:"through"` // last day of first exposure that has matured; null: none yet
	Variants   []Row   `json:"variants"`
}

// PlanView is the stopping rule in force, and those before it in the same run.
type PlanView struct {
	registry.Plan
	Former []registry.Plan `json:"former"`
}

// Look is what the decision's probability and loss were at the end of a day.
type Look struct {
	Day                      string   `json:"day"`
	Variant                  string   `json:"variant"`
	ProbabilityToBeatControl *float64 `json:"probability_to_beat_control"`
	ExpectedLoss             *float64 `json:"expected_loss"` // relative to the control's mean
	Holds                    bool     `json:"holds"`         // both are within the rule
}
