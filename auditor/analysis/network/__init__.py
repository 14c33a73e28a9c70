"""Decide network questions exactly, on sets of packets.

A packet is (source, destination, protocol, source port, destination port). `ranges` and `addresses` are sets on a line;
`rules` reads security groups as ARM spells them; `surroundings` gives tags and application security groups their
addresses; `diagram` is the representation of a set of packets, `scene` draws a chain of groups in it; `questions` asks,
`proof` decides between yes, no and maybe, `dead` finds rules without effect, `words` and `packet` say it to a person.
"""

from auditor.analysis.network.analysis import ANALYSIS

__all__ = ["ANALYSIS"]
