"""Whichever side is killed, at whatever moment: run again, the store says what it says without any kill.

Our side is a process of its own; it and the server are killed with SIGKILL, before, during and after single
calls, so that the gaps between any two writes are met. Our clock is wrong by up to a minute in every process.
"""

from __future__ import annotations

import logging
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

import pytest

from annotation.label_studio import Server, _tasks, connect, stop_server
from annotation.label_studio.interfaces import Answer, build_interface, write_result
from annotation.label_studio.projects import noted_projects

OURS = """
import os, re, signal, sys, threading, time
from datetime import timedelta
from pathlib import Path

mode, folder, place, audit, skew, fault, at, delay, server = sys.argv[1:]
delay, server = float(delay), int(server)

import workbench.records as records
from workbench.store import Store, _cursors, _rows
right = records.utcnow
for module in (_cursors, _rows):
    module.utcnow = lambda: right() + timedelta(seconds=float(skew))

from annotation.label_studio import (
    Client, Question, pull, push, read_credentials, serve_webhook, subscribe
)
from annotation.label_studio.interfaces import build_interface
from annotation.label_studio.projects import noted_projects
from workbench.records import Audit
from workbench.rubric import load_rubric

count = 0


def kill_server():
    os.killpg(os.getpgid(server), signal.SIGKILL)


def counted(what):
    def call(*args, **kwargs):
        global count, at
        count += 1
        words = " ".join(map(str, args[1:3])) if what is asked else "store"
        if at not in (str(count), re.sub("[0-9]+", "N", words)):
            return what(*args, **kwargs)
        at = None
        if fault == "ours before":
            os.kill(os.getpid(), signal.SIGKILL)
        if fault == "server before":
            kill_server()
        if fault == "server during":
            threading.Timer(delay, kill_server).start()
        if fault == "ours during":
            threading.Timer(delay, os.kill, (os.getpid(), signal.SIGKILL)).start()
        found = what(*args, **kwargs)
        if fault == "ours after":
            os.kill(os.getpid(), signal.SIGKILL)
        return found

    return call


asked = Client.request
Client.request = counted(asked)
Store.add = counted(Store.add)
# Another process restarts the server; there is no use in waiting for it here.
import annotation.label_studio.client as calls
calls._TRIES = 2
with Client(read_credentials(folder=folder)) as client, Store.open(place, create=False) as store:
    if mode == "push":
        interface = build_interface("image", load_rubric("category-image"))
        drawn = store.find(Audit, audit).drawn
        push(
            client, store, [Question(generation=item.generation) for item in drawn],
            name="audit", interface=interface, audit=audit, media=Path(folder) / "media",
        )
    elif mode == "pull":
        pull(client, store)
    else:
        secret = "a secret of this test"
        with serve_webhook(lambda: pull(client, store), secret=secret, period=3600) as (url, _):
            subscribe(client, noted_projects(client, store), url, secret)
            print("ready", flush=True)
            time.sleep(60)
print("calls", count, flush=True)
"""
KINDS = ("ours before", "ours during", "ours after", "server before", "server during")


@dataclass
class Trial:
    """One server, one store, one audit, and the kills that it has seen."""

    folder: object
    start: object
    audit: object
    rng: random.Random | None
    """None: nothing is killed."""
    server: Server | None = None
    kills: Counter = field(default_factory=Counter)

    def up(self):
        self.server = self.start(self.folder)

    def run(self, mode, *, fault="none", at=0, delay=0.0):
        skew = 0.0 if self.rng is None else self.rng.uniform(-60, 60)
        words = [mode, self.folder, self.audit.store.url.removesuffix("/workbench.db"),
                 self.audit.audit.id, skew, fault, at, delay, self.server.pid]  # fmt: skip
        return subprocess.Popen(
            [sys.executable, "-c", OURS, *map(str, words)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def finish(self, mode):
        """Run to the end; the number of calls."""
        process = self.run(mode)
        out, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors[-3000:]
        return int(out.split()[-1])

    def step(self, mode, *, calls, kills):
        """Kill `kills` times, each time at another moment of `calls`, then let it finish."""
        for _ in range(kills):
            kind = self.rng.choice(KINDS)
            at, delay = self.rng.randint(1, calls), self.rng.uniform(0, 0.06)
            process = self.run(mode, fault=kind, at=at, delay=delay)
            _, errors = process.communicate(timeout=120)
            if process.returncode == -signal.SIGKILL:
                self.kills[f"{mode}: {kind}"] += 1
            elif process.returncode:
                assert "LabelStudioError" in errors, errors[-3000:]
            if self.revive():
                self.kills[f"{mode}: {kind}"] += 1
        return self.finish(mode)

    def revive(self):
        """Start the server again where it was killed; whether it was."""
        time.sleep(0.1)  # a kill in a moment is a kill
        before = self.server.pid
        self.up()
        return self.server.pid != before

    def hinted(self, act):
        """People act while a receiver listens; it or the server is killed between hint and pull."""
        process = self.run("receive")
        assert process.stdout.readline() == "ready\n", process.stderr.read()[-3000:]
        act()
        if self.rng is None:
            time.sleep(1.0)
            process.kill()
        else:
            time.sleep(self.rng.uniform(0, 0.4))
            victim = self.rng.choice(("ours", "server"))
            if victim == "ours":
                process.kill()
            else:
                os.killpg(os.getpgid(self.server.pid), signal.SIGKILL)
                time.sleep(0.2)
                process.kill()
            self.kills[f"hint: {victim}"] += 1
        process.communicate(timeout=60)
        self.revive()

    # ---- people --------------------------------------------------------------------------------

    def people(self, act):
        with connect(self.server.credentials) as client:
            (project,) = noted_projects(client, self.audit.store)
            tasks = sorted(
                _tasks.read_tasks(client, project.id), key=lambda t: t["data"]["generation"]
            )
            act(client, tasks)

    def send(self, client, task, approved, number=None, **more):
        interface = build_interface("image", self.audit.rubric)
        scores = {c.id: float(len(c.scale)) for c in self.audit.rubric.criteria}
        better = () if approved else (("prompt", task["data"]["prompt"], "brighter"),)
        said = Answer(approved=approved, scores=scores, corrections=better)
        sent = {"result": write_result(interface, said, task["data"]), "lead_time": 3.0} | more
        path = (
            f"/api/tasks/{task['id']}/annotations/"
            if number is None
            else f"/api/annotations/{number}/"
        )
        client.request("POST" if number is None else "PATCH", path, doing="answer", json=sent)

    def answer(self, client, tasks):
        for place, task in enumerate(tasks[:-2]):
            if not task["annotations"]:
                self.send(client, task, bool(place % 2), was_cancelled=place % 5 == 4)

    def change(self, client, tasks):
        answered = [t for t in tasks if t["annotations"]]
        for place, task in enumerate(answered):
            number = task["annotations"][0]["id"]
            if place % 4 == 0:
                self.send(client, task, True, number)
            elif place % 4 == 1:
                client.request("DELETE", f"/api/annotations/{number}/", doing="delete")

    def finish_answers(self, client, tasks):
        for task in tasks:
            if not task["annotations"]:
                self.send(client, task, False)

    def story(self, calls, kills):
        """Push, answers, changes, and more answers under the eyes of a receiver, with pulls between."""
        self.up()
        counted = {"push": self.step("push", calls=calls["push"], kills=kills)}
        self.people(self.answer)
        counted["pull"] = self.step("pull", calls=calls["pull"], kills=kills)
        self.people(self.change)
        self.step("pull", calls=calls["pull"], kills=kills)
        self.step("push", calls=calls["push"], kills=kills // 3)
        self.hinted(lambda: self.people(self.finish_answers))
        self.step("pull", calls=calls["pull"], kills=kills // 2)
        return counted

    def outcome(self):
        """What the store says, and what the server holds, without numbers that servers give."""
        store = self.audit.store
        annotations = store.annotations(history=True)
        corrections = store.corrections(history=True).merge(
            annotations.drop_duplicates("id")[["id", "generation"]],
            left_on="annotation", right_on="id", suffixes=("", "_of"),
        )  # fmt: skip
        said = ["generation", "revision", "annotator", "rubric", "state", "approved", "failure_modes",
                "note", "seconds", "blind", "audit"]  # fmt: skip
        corrected = ["generation", "revision", "about", "before", "after", "withdrawn"]
        with connect(self.server.credentials) as client:
            projects = noted_projects(client, store)
            tasks = [t for p in projects for t in _tasks.list_tasks(client, p.id)]
            listed = client.get("/api/projects/", doing="list")["count"]
        return {
            "annotations": sorted(map(repr, annotations[said].itertuples(index=False))),
            "corrections": sorted(map(repr, corrections[corrected].itertuples(index=False))),
            "projects": (len(projects), listed),
            "tasks": sorted(
                (t["data"]["key"], t["data"]["generation"]) for t in tasks
            ),
        }  # fmt: skip


def check(tmp_path, start_for_tests, pictures, *, drawn, kills, rounds, seed):
    """The number of kills."""
    calm = Trial(tmp_path / "calm", start_for_tests, pictures(drawn + 2, drawn), None)
    calls = calm.story({"push": 0, "pull": 0}, kills=0)
    wanted = calm.outcome()
    stop_server(calm.folder)
    assert len(wanted["tasks"]) == drawn
    assert wanted["projects"] == (1, 1)
    seen = Counter()
    for number in range(rounds):
        rng = random.Random(f"{seed} {number}")
        trial = Trial(
            tmp_path / f"killed{number}", start_for_tests, pictures(drawn + 2, drawn), rng
        )
        trial.story(calls, kills=kills)
        found = trial.outcome()
        stop_server(trial.folder)
        for part, said in wanted.items():
            assert found[part] == said, (number, part, trial.kills)
        seen += trial.kills
    return seen


@pytest.mark.timeout(300)
def test_a_few_kills_change_nothing(server_place, start_for_tests, pictures):
    """Two of our processes and the server, in the worst moments; held against what people did."""
    trial = Trial(server_place / "killed", start_for_tests, pictures(8, 6), random.Random(3))
    trial.up()
    # The project is made and not noted; then the server ends while it makes the tasks.
    for fault, at in (
        ("ours after", "POST /api/projects/"),
        ("server during", "POST /api/projects/N/import"),
    ):
        process = trial.run("push", fault=fault, at=at, delay=0.01)
        process.communicate(timeout=120)
        assert process.returncode
    assert trial.revive()
    trial.finish("push")
    trial.people(trial.answer)
    # What was read is not written yet.
    process = trial.run("pull", fault="ours before", at="store")
    process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL
    trial.finish("pull")
    found = trial.outcome()
    assert (found["projects"], len(set(found["tasks"])), len(found["tasks"])) == ((1, 1), 6, 6)
    stored = trial.audit.store.annotations(history=True)
    assert stored["revision"].tolist() == [1] * 4
    assert sorted(stored["approved"], key=str) == [False, False, True, True]


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_fifty_kills_change_nothing(tmp_path, start_for_tests, pictures):
    seen = check(tmp_path, start_for_tests, pictures, drawn=24, kills=7, rounds=3, seed=50)
    logging.getLogger(__name__).info("%s kills: %s", seen.total(), dict(seen))
    assert seen.total() >= 50, seen
