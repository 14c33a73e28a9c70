"""Where the project's own files are."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BASELINE = ROOT / "baselines" / "openai-chat"
SAMPLE = ROOT / "samples" / "chat.json"
