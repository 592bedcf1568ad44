"""Prompts as the tokens that a model was trained to see, through its own chat template."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import Any

from jinja2.exceptions import TemplateError

from workbench.errors import ModelError
from workbench.models.protocols import Prompt

_log = logging.getLogger(__name__)
_PIXELS_PER_TOKEN = 28 * 28
"""Of common vision-language models; only used to sort prompts by their likely length."""


class Chat:
    """Turns prompts into model inputs with one model's processor (or tokenizer).

    A control token in a prompt's text, such as a title that holds `<|im_end|>`, is broken by a space
    (`< |im_end|>`), so that text cannot speak in another role or pose as a picture.
    """

    def __init__(self, processor: Any) -> None:
        self._processor = processor
        self.tokenizer = getattr(processor, "tokenizer", processor)
        self.sees = hasattr(processor, "image_processor")
        self.tokenizer.padding_side = "left"
        if self.tokenizer.pad_token_id is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        self._template = getattr(processor, "chat_template", None) or self.tokenizer.chat_template
        control = {str(token) for token in self.tokenizer.all_special_tokens}
        control |= {
            token.content for token in self.tokenizer.added_tokens_decoder.values() if token.special
        }
        self._image_token = getattr(processor, "image_token", None)
        if self._image_token is not None:
            control.add(str(self._image_token))
        longest_first = sorted((token for token in control if token.strip()), key=len, reverse=True)
        self._control = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")
        self._system_in_user = False

    def length(self, prompt: Prompt) -> int:
        """The likely number of tokens, for sorting; photos are counted by their area."""
        text = (prompt.system or "") + prompt.text
        pixels = sum(image.width * image.height for image in prompt.images)
        ids = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return len(ids) + pixels // _PIXELS_PER_TOKEN

    def render(self, prompt: Prompt) -> str:
        """The whole prompt as text, one placeholder for each photo, ready for the answer.

        Raises:
            ModelError: The prompt carries photos and the model sees none, or has no template for them.
        """
        if prompt.images and not self.sees:
            raise ModelError(
                f"this model reads text only, and the prompt carries {len(prompt.images)} image(s)"
            )
        if self._template is None:
            return self._plain(prompt)
        if not self._system_in_user:
            try:
                return self._apply(self._messages(prompt, system_apart=True))
            except TemplateError:
                if prompt.system is None:
                    raise
                _log.info("the chat template knows no system role: it goes before the user's text")
                self._system_in_user = True
        return self._apply(self._messages(prompt, system_apart=False))

    def render_talk(
        self, turns: Sequence[tuple[str, str]], *, photos: int = 0, answered: bool = False
    ) -> str:
        """A talk as text, one placeholder for each photo before its first words: what trainers learn from.

        One question is rendered as `render` renders it.

        Args:
            turns: Role (`user` or `assistant`) and text, in order.
            photos: How many are shown.
            answered: True where the last turn is the assistant's; else the text ends ready for its answer.
        """
        talk: list[dict[str, Any]] = [
            {"role": role, "content": [{"type": "text", "text": self._harmless(text)}]}
            for role, text in turns
        ]
        talk[0]["content"] = [*[{"type": "image"}] * photos, *talk[0]["content"]]
        return self._apply(talk, ready=not answered)

    def encode(self, prompts: Sequence[Prompt]) -> dict[str, Any]:
        """Model inputs for prompts that carry equally many photos, padded on the left.

        `input_ids` and `attention_mask` have shape (n, longest); other keys are the model's own.
        """
        return self.encode_rendered(
            [self.render(prompt) for prompt in prompts], [prompt.images for prompt in prompts]
        )

    def encode_rendered(self, texts: list[str], images: list[tuple[Any, ...]]) -> dict[str, Any]:
        """The same from rendered texts and each one's photos."""
        settings = {
            "padding": True,
            "return_tensors": "pt",
            "add_special_tokens": self._adds_special(texts[0]),
        }
        if self.sees and images[0]:
            encoded = self._processor(
                text=texts,
                images=[[photo.convert("RGB") for photo in photos] for photos in images],
                **settings,
            )
        elif self.sees:
            encoded = self._processor(text=texts, **settings)
        else:
            encoded = self.tokenizer(texts, **settings)
        return dict(encoded)

    def ids(self, rendered: str) -> list[int]:
        """The tokens of a rendered prompt, a photo being its one placeholder."""
        return list(
            self.tokenizer(rendered, add_special_tokens=self._adds_special(rendered))["input_ids"]
        )

    def closing(self) -> str:
        """What the template writes between the end of the user's text and the model's answer."""
        mark = "Vm9ybWFyaw"  # a word that no template contains
        return self.render(Prompt(text=mark)).rpartition(mark)[2]

    def _adds_special(self, rendered: str) -> bool:
        """Whether the tokenizer should add its own first token: not where the template wrote it."""
        first = self.tokenizer.bos_token
        return first is None or not rendered.startswith(first)

    def _apply(self, messages: list[dict[str, Any]], *, ready: bool = True) -> str:
        rendered: str = self.tokenizer.apply_chat_template(
            messages, chat_template=self._template, tokenize=False, add_generation_prompt=ready
        )
        return rendered

    def _messages(self, prompt: Prompt, *, system_apart: bool) -> list[dict[str, Any]]:
        text, system = self._harmless(prompt.text), self._harmless(prompt.system or "")
        if system and not system_apart:
            text, system = f"{system}\n\n{text}", ""
        if not self.sees:
            messages: list[dict[str, Any]] = [{"role": "user", "content": text}]
            return [{"role": "system", "content": system}, *messages] if system else messages
        photos: list[dict[str, Any]] = [{"type": "image"} for _ in prompt.images]
        messages = [{"role": "user", "content": [*photos, {"type": "text", "text": text}]}]
        if system:
            content = [{"type": "text", "text": system}]
            messages = [{"role": "system", "content": content}, *messages]
        return messages

    def _plain(self, prompt: Prompt) -> str:
        """For a model that was never taught to chat: photos, system text and text, one after another."""
        if prompt.images and self._image_token is None:
            raise ModelError("this model has no chat template that says where a photo goes")
        photos = str(self._image_token or "") * len(prompt.images)
        parts = [self._harmless(prompt.system)] if prompt.system else []
        return photos + "\n\n".join([*parts, self._harmless(prompt.text)])

    def _harmless(self, text: str) -> str:
        return self._control.sub(lambda found: f"{found[0][:1]} {found[0][1:]}", text)
