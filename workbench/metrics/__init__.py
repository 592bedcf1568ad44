"""Metrics: arrays in, numbers with intervals out. No torch, no pandas."""

from workbench.metrics.aspects import (
    AspectScores,
    AttributeScore,
    aspect_pairs,
    aspect_scores,
    attribute_scores,
    normalised,
    schema_compliance,
    schema_recall,
    valid_json_rate,
)
from workbench.metrics.classification import ClassificationScores, classification_scores
from workbench.metrics.estimate import Estimate, undefined
from workbench.metrics.grounding import (
    AttributeGrounding,
    GroundingScores,
    PublishedRatio,
    grounding_scores,
    published_ratio,
)
from workbench.metrics.intervals import (
    Interval,
    binomial_tail,
    clopper_pearson,
    proportion,
    wilson,
)
from workbench.metrics.listings import (
    MEASURES,
    SCHEMA_RECALL,
    STATISTICS,
    AspectScore,
    ListingCounts,
    ListingScores,
    count_listings,
    listing_json,
    read_json,
    score_counts,
)
from workbench.metrics.regression import RegressionScores, regression_scores
from workbench.metrics.resampling import bootstrap_mean
from workbench.metrics.rouge import rouge_l, rouge_l_each, rouge_l_mean
from workbench.metrics.seeds import over_seeds

__all__ = [
    "MEASURES",
    "SCHEMA_RECALL",
    "STATISTICS",
    "AspectScore",
    "AspectScores",
    "AttributeGrounding",
    "AttributeScore",
    "ClassificationScores",
    "Estimate",
    "GroundingScores",
    "Interval",
    "ListingCounts",
    "ListingScores",
    "PublishedRatio",
    "RegressionScores",
    "aspect_pairs",
    "aspect_scores",
    "attribute_scores",
    "binomial_tail",
    "bootstrap_mean",
    "classification_scores",
    "clopper_pearson",
    "count_listings",
    "grounding_scores",
    "listing_json",
    "normalised",
    "over_seeds",
    "proportion",
    "published_ratio",
    "read_json",
    "regression_scores",
    "rouge_l",
    "rouge_l_each",
    "rouge_l_mean",
    "schema_compliance",
    "schema_recall",
    "score_counts",
    "undefined",
    "valid_json_rate",
    "wilson",
]
