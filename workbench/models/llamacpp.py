"""llama.cpp in this process, through `xllamacpp`: GGUF files, on any machine.

An answer depends on its own prompt and on nothing else: not on its neighbours or their order, on the
number of threads, or on what was asked before. So a run that was stopped and started again stores what
an undisturbed run stores. Three things see to it:

- A worker serves one prompt at a time. llama.cpp's own parallel slots put several prompts into one
  matrix product, whose rounding depends on the neighbours.
- What prompts share is read once, and the cache is cut at the same places for every prompt: after
  `Prompt.system`, and for scoring also after the context. llama.cpp left alone keeps whatever two
  prompts in a row have in common, and the rounding of an answer then depends on the order.
- Flash attention is off: it splits its sums by the number of threads.
"""

from __future__ import annotations

import json
import queue
import secrets
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from workbench.errors import MissingExtraError, ModelError
from workbench.models.costs import shares
from workbench.models.devices import usable_cores
from workbench.models.gguf_files import find_weights
from workbench.models.json_answers import broken_rule, check_schemas
from workbench.models.known_weights import file_sha256
from workbench.models.llama_cache import Cut, Tokens, Worker, read_and_ask
from workbench.models.protocols import (
    Answer,
    Completion,
    Decoding,
    Progress,
    Prompt,
    Question,
    asked,
    decoding_of_each,
)
from workbench.models.top_tokens import cannot_be_told_apart, read_answers
from workbench.records import Cost

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workbench.models.registry import ModelSpec

Input = TypeVar("Input")
Result = TypeVar("Result")

_COMPLETES = {"smollm2"}
"""Models that go on from a text better than they answer through their chat template."""
_SMALL_FILE_BYTES = 1 << 30
"""Up to here there are several workers of one thread each; above, one worker with all threads."""
_MOST_WORKERS = 4
"""Workers that are made unasked; each keeps a key-value cache (47 MB for SmolLM2-135M, 2,048 tokens)."""
_LISTED_TOKENS = 256
"""First tokens of an answer whose probabilities are read."""
_MARK = "Vm9ybWFyaw"
"""A word that no chat template contains; found again, it tells where the user's text goes."""


def load_text(
    spec: ModelSpec, *, threads: int | None = None, context: int = 2048, chat: bool | None = None
) -> LlamaCpp:
    """Load `gguf:<path or known name>`; options and errors as for `LlamaCpp`."""
    return LlamaCpp(spec.address, threads=threads, context=context, chat=chat)


load_scorer = load_text


class LlamaCpp:
    """A GGUF model: a `TextModel` and a `Scorer`. It sees no images.

    Put what prompts share (instructions, worked examples) into `Prompt.system`: it is read once, and a
    prompt then pays for its own text only.

    While it lives, llama.cpp also listens on a port of 127.0.0.1 (the library offers no other way to
    tokenise); a random key keeps everybody else out.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        threads: int | None = None,
        context: int = 2048,
        chat: bool | None = None,
    ) -> None:
        """Load the weights.

        Args:
            model: `smollm2`, or the path of a GGUF file.
            threads: Processor threads to use; None: one per core that this process may use, at most 4.
                A file up to 1 GiB answers that many prompts at once, each on one thread, which also
                holds up on a busy machine; a larger one answers one prompt on all of them.
            context: Tokens that a prompt and its answer take together, at most.
            chat: True: prompts go through the model's chat template. False: the model goes on from
                `system` and `text`, joined as they are, and `Decoding.stop` says where it ends.
                None: False for `smollm2`, which completes better than it chats; True for others.

        Raises:
            MissingExtraError: `xllamacpp` is not installed.
            ModelError: The file is not there, or llama.cpp cannot load it.
        """
        try:
            import xllamacpp
        except ModuleNotFoundError as error:
            raise MissingExtraError(
                library="xllamacpp", extra="gguf", purpose=f"the model 'gguf:{model}'"
            ) from error
        if threads is not None and threads < 1:
            raise ModelError(f"want at least 1 thread, got {threads!r}")
        name = str(model)
        self.name = f"gguf:{name}"
        self.sees = False
        self._path = find_weights(name)
        self.revision = file_sha256(self._path)
        """Sha256 of the file."""
        self._chat = chat if chat is not None else name not in _COMPLETES
        self._context = context
        self._key = secrets.token_hex(16)
        threads = threads or min(usable_cores(), _MOST_WORKERS)
        small = self._path.stat().st_size <= _SMALL_FILE_BYTES
        self._count, each = (threads, 1) if small else (1, threads)
        workers = [Worker(self._start(xllamacpp, each)) for _ in range(self._count)]
        self._idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        for worker in workers:
            self._idle.put(worker)
        self._http = _http_client(workers[0].server.listening_address, self._key)
        weakref.finalize(self, self._http.close)
        self._frames: dict[str | None, tuple[Tokens, Tokens]] = {}

    def complete(
        self,
        prompts: Sequence[Prompt],
        decoding: Decoding | Sequence[Decoding],
        *,
        progress: Progress | None = None,
    ) -> list[Completion]:
        """Answer each prompt.

        Answers under a schema are written as `json.dumps` writes them, with or without one leading
        space. One that breaks the schema all the same comes back as an error: llama.cpp drops a schema
        that it cannot follow without a word.

        Raises:
            ModelError: A schema is no JSON schema, or there are several decodings, but not one per prompt.
        """
        several = decoding_of_each(prompts, decoding)
        check_schemas(several)

        def answer(asked: tuple[Prompt, Decoding]) -> Completion:
            prompt, decoding = asked
            started = time.perf_counter()
            try:
                cut = self._cut(prompt)
                with self._worker() as worker:
                    read, reply = read_and_ask(worker, cut, _request(decoding))
            except ModelError as error:
                return Completion(text="", error=str(error))
            completion = _completion(reply, decoding)
            seconds = time.perf_counter() - started
            return replace(completion, cost=_cost(reply, read, seconds))

        started = time.perf_counter()
        answers = self._each(list(zip(prompts, several, strict=True)), answer, progress)
        share = shares(time.perf_counter() - started, [answer.cost for answer in answers])
        return [replace(answer, cost=share(answer.cost)) for answer in answers]

    def score(
        self,
        contexts: Sequence[Prompt],
        questions: Sequence[Sequence[Question]],
        *,
        progress: Progress | None = None,
    ) -> list[list[Answer]]:
        """Answer `questions[i]` about `contexts[i]`, reading each context once.

        Read are the 256 most probable first tokens, before temperature and the like;
        `top_tokens.read_answers` says how they become an answer.

        Raises:
            ModelError: There is not one list of questions per context.
        """
        if len(contexts) != len(questions):
            raise ModelError(
                f"want one list of questions per context, got {len(contexts)} contexts "
                f"and {len(questions)} lists"
            )

        def answer(pair: tuple[Prompt, Sequence[Question]]) -> list[Answer]:
            context, several = pair
            with self._worker() as worker:
                return [self._score(worker, context, question) for question in several]

        started = time.perf_counter()
        scored = self._each(list(zip(contexts, questions, strict=True)), answer, progress)
        share = shares(
            time.perf_counter() - started, [answer.cost for answers in scored for answer in answers]
        )
        return [[replace(a, cost=share(a.cost)) for a in answers] for answers in scored]

    def _score(self, worker: Worker, context: Prompt, question: Question) -> Answer:
        started = time.perf_counter()
        try:
            if unclear := cannot_be_told_apart(question):
                raise ModelError(unclear)
            cut = self._cut(asked(context, question), shared=context.text)
            body = {"max_tokens": 1, "temperature": 0.0, "n_probs": _LISTED_TOKENS}
            read, reply = read_and_ask(worker, cut, body)
        except ModelError as error:
            return Answer(distribution=(), coverage=0.0, error=str(error))
        first = reply["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
        answer = read_answers([(t["token"], t["logprob"]) for t in first], question.answers)
        return replace(answer, cost=_cost(reply, read, time.perf_counter() - started))

    def _each(
        self,
        inputs: Sequence[Input],
        work: Callable[[Input], Result],
        progress: Progress | None,
    ) -> list[Result]:
        """Results in input order; `progress` is called in the caller's own thread."""
        pool = ThreadPoolExecutor(self._count, thread_name_prefix="llama")
        try:
            futures = [pool.submit(work, one) for one in inputs]
            for _ in as_completed(futures):
                if progress is not None:
                    progress(1)
            return [future.result() for future in futures]
        finally:  # a stopped run waits for the prompts in work, not for those in line
            pool.shutdown(cancel_futures=True)

    @contextmanager
    def _worker(self) -> Iterator[Worker]:
        worker = self._idle.get()
        try:
            yield worker
        finally:
            self._idle.put(worker)

    def _cut(self, prompt: Prompt, shared: str = "") -> Cut:
        """`prompt` as tokens; `shared` is the part of its text that other prompts begin with."""
        if prompt.images:
            raise ModelError(
                f"this model reads text only, and the prompt carries {len(prompt.images)} image(s)"
            )
        if prompt.system not in self._frames:
            self._frames[prompt.system] = self._frame(prompt.system)
        before, after = self._frames[prompt.system]
        rest = (*self._tokens(prompt.text[len(shared) :]), *after)
        if not rest:
            raise ModelError("want a prompt with some text, got an empty one")
        head = tuple(part for part in (before, self._tokens(shared)) if part)
        return Cut(head=head, rest=rest)

    def _frame(self, system: str | None) -> tuple[Tokens, Tokens]:
        """What stands before and after the text of a prompt with this system text."""
        if not self._chat:
            return self._tokens(f"{system}\n\n" if system else "", first=True), ()
        user = {"role": "user", "content": _MARK}
        messages = [{"role": "system", "content": system}, user] if system else [user]
        reply = self._http.post("/apply-template", json={"messages": messages})
        if reply.is_error and system:  # the template knows no system role
            user["content"] = f"{system}\n\n{_MARK}"
            reply = self._http.post("/apply-template", json={"messages": [user]})
        before, found, after = str(reply.json().get("prompt", "")).partition(_MARK)
        if not found:
            raise ModelError(
                f"the chat template of {str(self._path)!r} does not show the prompt; "
                "load the model with `chat=False`"
            )
        return self._tokens(before, first=True, control=True), self._tokens(after, control=True)

    def _tokens(self, text: str, *, first: bool = False, control: bool = False) -> Tokens:
        """Tokens of `text`; control tokens, such as `<|im_end|>`, only where `control` says so."""
        body = {"content": text, "add_special": first, "parse_special": control}
        reply = self._http.post("/tokenize", json=body)
        return tuple(reply.raise_for_status().json()["tokens"])

    def _start(self, xllamacpp: Any, threads: int) -> Any:
        wanted = xllamacpp.CommonParams()
        wanted.model.path = str(self._path)
        wanted.n_ctx = self._context
        wanted.n_parallel = 1
        wanted.cpuparams.n_threads = wanted.cpuparams_batch.n_threads = threads
        wanted.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
        wanted.cache_ram_mib = 0  # no second cache of whole prompts beside the worker's own
        wanted.warmup = False
        wanted.verbosity = -1  # nothing on stdout or stderr, which belong to the command
        wanted.api_keys = [self._key]
        wanted.ui = wanted.endpoint_slots = False
        try:
            return xllamacpp.Server(wanted)
        except RuntimeError as error:
            raise ModelError(
                f"llama.cpp cannot load {str(self._path)!r} with a context of {self._context} tokens: "
                "the file may be damaged, too large for the memory, or of an architecture that this "
                f"version of xllamacpp ({xllamacpp.__version__}) does not know"
            ) from error


def _request(decoding: Decoding) -> dict[str, object]:
    """Decoding parameters in llama.cpp's words; its own defaults (top-k 40, min-p) are switched off."""
    wanted: dict[str, object] = {
        "max_tokens": decoding.max_tokens,
        "temperature": decoding.temperature,
        "top_p": decoding.top_p,
        "top_k": 0,
        "min_p": 0.0,
        "seed": decoding.seed % 2**32,
        "stop": list(decoding.stop),
    }
    if decoding.schema is not None:
        style = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
        value = json.dumps({**decoding.schema, "x-guidance": style})
        wanted["grammar"] = f"%llguidance {{}}\nstart: /[ ]?/ value\nvalue: %json {value}\n"
    return wanted


def _completion(reply: Mapping[str, Any], decoding: Decoding) -> Completion:
    choice = reply["choices"][0]
    truncated = choice["finish_reason"] == "length"
    text = choice["text"]
    if decoding.schema is not None and not truncated:
        wrong = broken_rule(text, decoding.schema)
        if wrong is not None:
            return Completion(text="", error=wrong)
    return Completion(text=text, truncated=truncated)


def _cost(reply: Mapping[str, Any], read: int, seconds: float) -> Cost:
    """`seconds` are those of one worker; `shares` makes them a share of the batch."""
    written = reply["usage"]["completion_tokens"]
    return Cost(seconds=seconds, prompt_tokens=read, completion_tokens=written)


def _http_client(address: str, key: str) -> Any:
    import httpx

    return httpx.Client(
        base_url=address,
        headers={"Authorization": f"Bearer {key}"},
        trust_env=False,  # a proxy has no business on this machine's own loopback
        timeout=60.0,
    )
