"""A user's own reward: what it may be, and how what goes wrong in it is told."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from sage_worker.errors import WorkerError
from sage_worker.models.base import VideoFormat
from sage_worker.rewards.base import VideoToScore
from sage_worker.rewards.python_reward import PythonReward

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
FORMAT = VideoFormat(frames=5, height=24, width=32, frames_per_second=8.0)


def written(folder: Path, text: str, name: str = "score") -> PythonReward:
    (folder / "my_rewards.py").write_text(text)
    return PythonReward(f"my_rewards.py:{name}", folder, FORMAT)


def video(name: str = "iteration 3, prompt 1, generation 2", prompt: str = "a cat", level: float = 0.5) -> VideoToScore:
    return VideoToScore(torch.full((4, 6, 8, 3), level), prompt, 8.0, name)


def test_a_number_is_the_one_component_python(tmp_path: Path) -> None:
    reward = written(tmp_path, "def brightness(video):\n    return video.pixels.mean() / 255\n", "brightness")
    assert reward.components == ("python",)
    assert reward.score([video(level=0.2)])[0].components == {"python": pytest.approx(0.2)}


def test_a_dict_is_several_components(tmp_path: Path) -> None:
    reward = written(
        tmp_path, "def score(video):\n    return {'words': len(video.prompt), 'frames': len(video.pixels)}\n"
    )
    assert reward.components == ("words", "frames")
    assert reward.score([video(prompt="a dog!")])[0].components == {"words": 6, "frames": 4}


def test_a_function_sees_bytes_prompt_rate_and_name(tmp_path: Path) -> None:
    text = """
def score(video):
    assert video.pixels.dtype == "uint8" and video.pixels.ndim == 4 and video.pixels.shape[3] == 3
    return {"rate": video.frames_per_second, "first": int(video.pixels[0, 0, 0, 0]), "name": len(video.name)}
"""
    [score] = written(tmp_path, text).score([video(name="abc", level=0.5)])
    assert score.components == {"rate": 8, "first": 128, "name": 3}


@pytest.mark.parametrize("result", ["values", "numpy.array(values)", "torch.tensor(values)", "tuple(values)"])
def test_a_function_of_videos_scores_them_together(tmp_path: Path, result: str) -> None:
    text = "import numpy, torch\ndef score(videos):\n    values = [len(v.prompt) + 10 * len(videos) for v in videos]\n"
    scores = written(tmp_path, text + f"    return {result}\n").score([video(prompt="ab"), video(prompt="abc")])
    assert [score.components["python"] for score in scores] == [22, 23]


@pytest.mark.parametrize("many", [False, True])
def test_an_exception_drops_its_video_alone_and_names_it_with_the_line(tmp_path: Path, many: bool) -> None:
    one = "def one(video):\n    if 'bad' in video.prompt:\n        raise KeyError('no cat')\n    return 1.0\n"
    text = one + ("def score(videos):\n    return [one(v) for v in videos]\n" if many else "score = one\n")
    first, bad, last = written(tmp_path, text).score([video(), video("the bad one", "a bad prompt"), video()])
    assert first.components and last.components
    assert bad.components == {}
    assert bad.reason == "the bad one: my_rewards.py:score raised KeyError: 'no cat' (my_rewards.py, line 3)"


@pytest.mark.parametrize("takes", ["video", "videos"])
def test_a_function_for_which_there_is_no_memory_drops_no_video(tmp_path: Path, takes: str) -> None:
    text = f"def score({takes}):\n    raise RuntimeError('[enforce fail] can\\'t allocate memory')\n"
    text += "score.components = ('python',)\n"
    for videos in ([video()], [video(), video()]):
        with pytest.raises(RuntimeError, match="can't allocate memory"):
            written(tmp_path, text).score(videos)


def test_a_function_that_would_end_the_program_drops_its_video(tmp_path: Path) -> None:
    text = "import sys\ndef score(video):\n    if 'bad' in video.prompt:\n        sys.exit(3)\n    return 1.0\n"
    first, bad = written(tmp_path, text).score([video(), video("the bad one", "a bad prompt")])
    assert first.components and bad.components == {}
    assert bad.reason == "the bad one: my_rewards.py:score raised SystemExit: 3 (my_rewards.py, line 4)"


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("float('nan')", "returned nan, which is not finite"),
        ("{'a': 1, 'b': float('inf')}", "returned inf for 'b', which is not finite"),
        ("None", "returned None: it must be a number"),
        ("'good'", "returned a str: it must be a number"),
        ("True", "returned a bool: it must be a number"),
        ("video.pixels", "returned an array of shape [4, 6, 8, 3]: it must be a number"),
        ("{'a': [1]}", "returned a list of 1 in 'a': it must be a number"),
        ("{'c': 1}", "returned the components ['c'], and not ['a', 'b'] as at first"),
        ("{}", "returned an empty dict"),
    ],
)
def test_what_is_no_score_never_becomes_one(tmp_path: Path, expression: str, words: str) -> None:
    text = f"def score(video):\n    return {expression}\nscore.components = ('a', 'b')\n"
    [score] = written(tmp_path, text).score([video("the video")])
    assert score.components == {}
    assert score.reason == f"the video: my_rewards.py:score {words}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def other(video):\n    return 1\n", r"score does not exist \(it has other\)"),
        ("score = 3\n", r"score is not a function \(it has no function\)"),
        ("def score():\n    return 1\n", r"takes \(\): it must take one parameter, `video`, or `videos`"),
        ("def score(pixels, prompt):\n    return 1\n", r"takes \(pixels, prompt\): it must take one"),
        (
            "import no_such_package\n",
            r"ModuleNotFoundError: No module named 'no_such_package' \(my_rewards\.py, line 1\)",
        ),
        ("x = 1\ndef score(video:\n", r"could not be imported: SyntaxError: .*\(my_rewards\.py, line 2\)"),
        ("import sys\nsys.exit(3)\n", r"could not be imported: SystemExit: 3 \(my_rewards\.py, line 2\)"),
        ("def score(video):\n    return 'fine'\n", r"returned a str: it must be a number for a made-up video"),
        ("def score(videos):\n    return 1.0\n", r"returned a float, not a list with a score for each video"),
        (
            "def score(video):\n    return 1 / 0\n",
            r"raised ZeroDivisionError: division by zero \(my_rewards\.py, line 2\)",
        ),
        (
            "def score(video):\n    return 1\nscore.components = 'a'\n",
            r"components` of .* is 'a', not a tuple of names",
        ),
    ],
)
def test_what_can_be_found_out_at_the_start_is(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(WorkerError, match=words) as caught:
        written(tmp_path, text)
    assert caught.value.code == "reward/python" and caught.value.remedy


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("my_rewards.py", "names no function in a file"),
        ("my_rewards:score", "names no function in a file"),
        ("missing.py:score", "missing.py, which does not exist"),
    ],
)
def test_a_wrong_address_is_said_to_be(tmp_path: Path, spec: str, words: str) -> None:
    with pytest.raises(WorkerError, match=words):
        PythonReward(spec, tmp_path, FORMAT)


def test_a_function_with_declared_components_is_not_tried(tmp_path: Path) -> None:
    text = "known = {'a cat': 2}\ndef score(video):\n    return known[video.prompt]\n"
    with pytest.raises(WorkerError, match="raised KeyError"):
        written(tmp_path, text)
    reward = written(tmp_path, text + "score.components = ('python',)\n")
    assert reward.score([video()])[0].components == {"python": 2}


def test_the_file_may_import_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "neighbour_of_my_rewards.py").write_text("weight = 7\n")
    text = "from neighbour_of_my_rewards import weight\nfrom sage_worker.rewards import Video\n"
    reward = written(tmp_path, text + "def score(video: Video) -> float:\n    return weight\n")
    assert reward.score([video()])[0].components == {"python": 7}


def test_nothing_is_left_in_the_folder_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    (tmp_path / "neighbour_of_it.py").write_text("VALUE = 1.0\n")
    written(tmp_path, "from neighbour_of_it import VALUE\n\ndef score(video):\n    return VALUE\n").score([video()])
    assert sorted(file.name for file in tmp_path.iterdir()) == ["my_rewards.py", "neighbour_of_it.py"]
    assert not sys.dont_write_bytecode


def test_provenance_names_the_text_of_the_file(tmp_path: Path) -> None:
    first = written(tmp_path, "def score(video):\n    return 1\n").versions()
    second = written(tmp_path, "def score(video):\n    return 2\n").versions()
    assert first.keys() == second.keys() == {"reward my_rewards.py:score"} and first != second


# The example.


def moving(frames: int, step: int) -> Tensor:
    """A soft stripe that moves by `step` pixels a frame."""
    at = (torch.arange(64)[None, :] + step * torch.arange(frames)[:, None]) / 64
    return (0.5 + 0.4 * torch.sin(2 * torch.pi * at))[:, None, :, None].expand(-1, 48, -1, 3)


def test_the_example_prefers_smooth_and_well_exposed_video() -> None:
    reward = PythonReward("my_rewards.py:score", EXAMPLES, FORMAT)
    assert reward.components == ("smoothness", "exposure")
    smooth, flicker = moving(8, 2), moving(8, 2).clone()
    flicker[::2] *= 0.5
    shown = [VideoToScore(pixels, "", 8.0, "v") for pixels in (smooth, flicker, torch.ones(8, 48, 64, 3), smooth[:2])]
    steady, restless, burnt, short = reward.score(shown)
    assert steady.components["smoothness"] > 0.8 > 0.3 > restless.components["smoothness"]
    assert steady.components["exposure"] == 1 and burnt.components["exposure"] == 0
    assert short.reason is not None and "ValueError: motion shows in 3 frames or more" in short.reason
