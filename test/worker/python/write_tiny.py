"""`python write_tiny.py FOLDER`: all that examples/hunyuan-video-1.5-lora.sage.yaml needs, tiny and random.

Writes `hunyuan`, `VideoReward`, `clip` and `pick` into the folder, each in its published layout.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "engine" / "worker"))

from tiny import write_hunyuan_video
from tiny_clip import build_tiny_clip
from tiny_videoalign import build_tiny_videoalign


def main() -> None:
    """Command line."""
    folder = Path(sys.argv[1]).resolve()
    write_hunyuan_video(folder / "hunyuan")
    build_tiny_videoalign(folder)
    build_tiny_clip(folder / "clip")
    build_tiny_clip(folder / "pick", seed=1)


if __name__ == "__main__":
    main()
