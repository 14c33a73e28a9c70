"""Which failures are accepted or known, and what has grown since.

In reading order:

1. What a failure rests on. `finding_sets` subtracts what an earlier failure rested on, `set_words` says it in words.
2. Accepted. `exemptions` reads accepted deviations and finds the one that covers a finding, `exemption_findings` tells
   their defects.
3. Known. `known` compares failures with those of an earlier report, which `report_reader` reads, or of a file, which
   `known_files` reads and writes; `visibility` tells what is gone from what was only not looked at.
"""
