"""Batches of alike inputs; memory that runs out; an input at fault among good ones."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from workbench.errors import ModelError
from workbench.models.batching import Batches
from workbench.models.devices import (
    choose_device,
    choose_dtype,
    is_out_of_memory,
    training_dtype,
)

CPU = torch.device("cpu")


def run(batches, lengths, work, kinds=None, **more):
    return batches.run(
        kinds or [0] * len(lengths), lengths, work, lambda reason: f"failed: {reason}", **more
    )


def test_like_lengths_go_together_longest_first_and_results_come_in_input_order():
    seen = []
    lengths = [3, 50, 4, 60, 5]

    def work(places):
        seen.append([lengths[place] for place in places])
        return [lengths[place] * 10 for place in places]

    assert run(Batches(2, CPU), lengths, work) == [30, 500, 40, 600, 50]
    assert seen == [[60, 50], [5, 4], [3]]


def test_inputs_of_different_kind_never_share_a_batch():
    seen = []
    kinds = ["a", "b", "a", "b", "a"]

    def work(places):
        seen.append({kinds[place] for place in places})
        return places

    assert run(Batches(4, CPU), [1] * 5, work, kinds) == [0, 1, 2, 3, 4]
    assert all(len(batch) == 1 for batch in seen)


def test_an_input_may_take_several_rows():
    seen = []

    def work(places):
        seen.append(len(places))
        return places

    run(Batches(16, CPU), [1] * 7, work, rows_each=5)
    assert seen == [3, 3, 1]
    seen.clear()
    run(Batches(2, CPU), [1] * 2, work, rows_each=5)  # one at a time, at the least
    assert seen == [1, 1]


@pytest.mark.parametrize("fits", [1, 2, 3, 5])
def test_memory_that_runs_out_loses_nothing_and_is_remembered(fits):
    tried = []

    def work(places):
        tried.append(len(places))
        if len(places) > fits:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return [place * place for place in places]

    batches = Batches(16, CPU)
    counted = []
    results = run(batches, [1] * 40, work, progress=counted.append)
    assert results == [place * place for place in range(40)]
    assert sum(counted) == 40
    assert batches.size <= fits < 2 * batches.size + 1
    tried.clear()
    run(batches, [1] * 40, work)
    assert max(tried) <= fits  # a second call starts with what fits


def test_one_input_that_does_not_fit_is_its_own_error():
    def work(places):
        if 3 in places:
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")
        return places

    results = run(Batches(4, CPU), [9 - place for place in range(8)], work)
    assert results[:3] + results[4:] == [0, 1, 2, 4, 5, 6, 7]
    assert results[3].startswith("failed: RuntimeError")


def test_an_input_at_fault_is_found_without_making_batches_smaller():
    def work(places):
        if 5 in places:
            raise ValueError("a photo of 0 × 0 pixels\nand many lines of traceback")
        return places

    batches = Batches(8, CPU)
    results = run(batches, [1] * 8, work)
    assert results[5] == "failed: ValueError: a photo of 0 × 0 pixels"
    assert [r for r in results if isinstance(r, int)] == [0, 1, 2, 3, 4, 6, 7]
    assert batches.size == 8


def test_a_mistake_in_our_own_code_is_not_taken_for_a_bad_input():
    def work(_places):
        raise TypeError("unexpected keyword argument")

    with pytest.raises(TypeError):
        run(Batches(2, CPU), [1, 2], work)


def test_no_inputs_are_no_work():
    assert run(Batches(2, CPU), [], lambda places: places) == []


def test_a_batch_holds_at_least_one():
    with pytest.raises(ModelError, match="batch size of 1 or more, got 0"):
        Batches(0, CPU)


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (torch.OutOfMemoryError("x"), True),
        (MemoryError(), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 17 GB)"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), True),
        (RuntimeError("shapes do not match"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_memory_that_ran_out_is_recognised_in_all_words(error, full):
    assert is_out_of_memory(error) is full


def test_the_memory_that_really_runs_out_here_is_recognised():
    with pytest.raises(RuntimeError) as error:
        torch.empty(2**62, dtype=torch.uint8)
    assert is_out_of_memory(error.value)


def test_a_device_that_is_not_there_is_refused():
    assert choose_device("cpu") == CPU
    for wrong in ("abacus", "cuda:99", "xpu"):
        with pytest.raises(ModelError, match=rf"this machine's devices .* got '{wrong}'"):
            choose_device(wrong)
    with pytest.raises(ModelError, match="want a precision of float32"):
        choose_dtype(CPU, "int3")
    assert choose_dtype(CPU) == torch.float32
    assert choose_dtype(CPU, "bfloat16") == torch.bfloat16


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="no /proc/cpuinfo")
def test_training_computes_in_what_the_processor_has_instructions_for():
    flags = Path("/proc/cpuinfo").read_text().split()
    fast = {"amx_bf16", "avx512_bf16"} & set(flags)
    assert training_dtype(CPU) == (torch.bfloat16 if fast else torch.float32)
