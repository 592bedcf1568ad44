"""From items to prompts: which items stand for a category, their titles made short, prompts for image models.

    chosen = popular_items(items, count=4, diversity=0.3)
    titles = simplify([c.item for c in chosen], RuleSimplifier(lexicon=learn_brands(items)))
    brief = Brief(category="mug", name="Mugs", titles=tuple(t.text or "" for t in titles))
    prompts = write_prompts([brief], RulePromptWriter(), image_model="starter:image")
    better = improve([Attempt(prompt=prompts[0], findings=findings_of(verdict, rubric))], RuleImprover(),
                     image_model="starter:image")

Everything that is written here is a `Generation`, keyed by content, to be stored before the next step.
"""

from workbench.prompting.brand_lexicon import BrandLexicon, learn_brands
from workbench.prompting.improving import (
    Attempt,
    Finding,
    PromptImprover,
    RuleImprover,
    findings_of,
    improve,
    improved_key,
)
from workbench.prompting.items import Chosen, ItemRate, popular_items, rate_items
from workbench.prompting.prompt_model import ModelImprover, ModelPromptWriter
from workbench.prompting.prompts import (
    Brief,
    PromptWriter,
    RulePromptWriter,
    Written,
    prompt_key,
    read_prompt,
    read_rendered,
    write_prompts,
)
from workbench.prompting.rendering import (
    ImagePrompt,
    Rendered,
    family_of,
    fits,
    render,
    token_estimate,
)
from workbench.prompting.themes import Theme, items_of, load_themes, parse_themes
from workbench.prompting.title_model import ModelSimplifier
from workbench.prompting.title_rules import RuleSimplifier
from workbench.prompting.title_scores import KindScore, MarkedTitle, read_marked, score_titles
from workbench.prompting.title_tagger import (
    Tagger,
    TaggerSimplifier,
    fit_tagger,
    load_tagger,
    save_tagger,
)
from workbench.prompting.titles import (
    REMOVED_KINDS,
    Removed,
    RemovedKind,
    Simplified,
    TitleQuestion,
    TitleSimplifier,
    brands_of,
    read_simplified,
    simplify,
    title_key,
)

__all__ = [
    "REMOVED_KINDS",
    "Attempt",
    "BrandLexicon",
    "Brief",
    "Chosen",
    "Finding",
    "ImagePrompt",
    "ItemRate",
    "KindScore",
    "MarkedTitle",
    "ModelImprover",
    "ModelPromptWriter",
    "ModelSimplifier",
    "PromptImprover",
    "PromptWriter",
    "Removed",
    "RemovedKind",
    "Rendered",
    "RuleImprover",
    "RulePromptWriter",
    "RuleSimplifier",
    "Simplified",
    "Tagger",
    "TaggerSimplifier",
    "Theme",
    "TitleQuestion",
    "TitleSimplifier",
    "Written",
    "brands_of",
    "family_of",
    "findings_of",
    "fit_tagger",
    "fits",
    "improve",
    "improved_key",
    "items_of",
    "learn_brands",
    "load_tagger",
    "load_themes",
    "parse_themes",
    "popular_items",
    "prompt_key",
    "rate_items",
    "read_marked",
    "read_prompt",
    "read_rendered",
    "read_simplified",
    "render",
    "save_tagger",
    "score_titles",
    "simplify",
    "title_key",
    "token_estimate",
    "write_prompts",
]
