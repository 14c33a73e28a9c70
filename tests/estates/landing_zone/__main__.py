"""Write the sample anew."""

import json

from tests.checkout import ROOT
from tests.estates.landing_zone import document

if __name__ == "__main__":
    text = json.dumps(document(), indent=1)
    (ROOT / "samples" / "landing-zone.json").write_text(f"{text}\n", encoding="utf-8")
